"""The run folder: reading, writing, and whether two runs are comparable."""
