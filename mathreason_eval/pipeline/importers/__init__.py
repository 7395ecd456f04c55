"""Runs of other programs, by format."""
