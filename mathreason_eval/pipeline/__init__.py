"""From a task to a graded run: plan, generate, judge, store."""
