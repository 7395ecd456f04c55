"""Text from outside: what of it is visible, names of files and pages, thinking."""
