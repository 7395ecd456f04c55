"""Tests, adjustments and decisions."""
