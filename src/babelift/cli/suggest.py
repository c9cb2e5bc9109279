"""`babelift suggest`: which rows to label next."""

from babelift.cli.settings import settings_command
from babelift.cli.show import show_suggestion
from babelift.config import SuggestConfig


def suggest(config: SuggestConfig) -> None:
    """Choose the rows whose labels would teach a run's classifier most.

    Example: babelift suggest runs/reviews unlabelled.csv --rows 200 --out suggested.csv

    The file has the rows as they were, an empty column for the label, and why each was chosen.
    """
    from babelift.labelling.job import run_suggest
    from babelift.progress import terminal

    out, suggestion = run_suggest(config, terminal())
    show_suggestion(suggestion)
    print(f"written to {out}")


command = settings_command(SuggestConfig, suggest, positional=("model", "input"))
