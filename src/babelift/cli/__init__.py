"""The command line: one thin module per command."""


def main() -> None:
    """Run the program; what goes wrong is told in a message, also while it is still loading."""
    try:
        from babelift.cli.faults import handled
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    with handled():
        from babelift.cli.app import main

        main()
