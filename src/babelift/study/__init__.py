"""Studies: grids of runs, their statistics, and what came out in plain words."""
