"""Judging answers: is this answer the gold? Pure, but for `worker`, which starts processes."""
