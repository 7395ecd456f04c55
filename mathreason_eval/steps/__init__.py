"""Reasoning step by step: which equation of a solution is false, and what scores of steps say."""
