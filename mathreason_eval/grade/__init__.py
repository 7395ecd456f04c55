"""From a model's text to a verdict: `judge` decides, `graders` has the graders by name."""

WORKERS = 2
"""Worker processes, unless more or fewer are asked for."""
DEADLINE = 5.0
"""Seconds for one judgement, unless more or fewer are asked for; a later one is ungradable."""
