"""Evaluation of trees: exactly, numerically, modulo a prime; polynomials."""
