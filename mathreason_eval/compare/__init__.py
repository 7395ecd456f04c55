"""Comparison of runs: pairing, differences, flipped problems, and the plan of a gate."""
