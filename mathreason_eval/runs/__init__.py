"""The run folder: what is stored, and whether two of them may be compared."""
