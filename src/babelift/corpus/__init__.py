"""Rows: reading, checking, splitting, leakage."""
