"""Statistics of a study as pure functions: differences, tests, regression, power."""
