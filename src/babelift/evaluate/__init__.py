"""Predicting and measuring, per language."""
