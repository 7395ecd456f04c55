"""Estimators, each with its interval. Pure functions of verdicts."""
