"""Engines that turn prompts into text, one module each, opened by name."""
