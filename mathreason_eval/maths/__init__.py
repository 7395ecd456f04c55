"""Whether two answers are equal: pure functions, independent of any benchmark."""
