"""Comparison of two answers, as texts and as trees."""
