"""From a model's text to a verdict: `judge` decides, `graders` defines the graders."""

WORKERS = 2
"""Default number of worker processes."""
DEADLINE = 5.0
"""Default maximum seconds for one judgement; if it takes longer, the sample is ungradable."""
