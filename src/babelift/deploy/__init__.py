"""Putting a classifier into service: export, and the gate that holds it to the labels it gave."""
