"""Intervals and standard errors."""
