"""Reasoning step by step: which states, and up to where, are right."""
