"""Rules that others published, kept as they are."""
