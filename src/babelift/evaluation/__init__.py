"""Measuring, per language: metrics, intervals, comparison, alignment, quality of translations."""
