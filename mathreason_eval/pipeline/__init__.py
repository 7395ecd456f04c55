"""From a task to a graded run."""
