"""From a model's text to a verdict: `judge` decides, `graders` has the graders by name."""
