"""Processes that are killed when they are late."""
