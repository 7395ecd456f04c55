"""ProcessBench: the first false step of a solution."""
