"""Comparison of runs: pairing, differences, flipped problems, and the design of a gate."""
