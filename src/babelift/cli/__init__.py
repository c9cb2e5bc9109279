"""The command line: one thin module per command."""

from babelift.cli.app import main

__all__ = ["main"]
