"""Run folders in, pages out."""
