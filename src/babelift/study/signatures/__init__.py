"""The failure signatures, one module for each: what is looked for, and what to try."""
