"""The version of this package, importable by every module."""

__version__ = "0.1.0"
