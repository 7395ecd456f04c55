"""Words, units and LaTeX commands by name."""
