"""Translating rows: back ends, memory, quality checks, the driver."""
