"""A module that cannot be imported."""

raise RuntimeError("its licence has expired")
