"""A static site from runs."""
