"""Babelift: labels in one language, users in many."""

__version__ = "0.1.0"
