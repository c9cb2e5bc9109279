"""`python -m babelift`, the same as `babelift`: launchers start modules."""

from babelift.cli import main

if __name__ == "__main__":
    main()
