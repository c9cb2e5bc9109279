"""`babelift evaluate`: a model, or anybody's predictions, measured on labelled rows."""

from babelift.cli.settings import settings_command
from babelift.cli.show import show_metrics
from babelift.config import EvaluateConfig


def evaluate(config: EvaluateConfig) -> None:
    """Measure a model, or anybody's predictions, on labelled rows.

    Example: babelift evaluate runs/reviews test-de.csv --lang de --out runs/reviews-de

    In place of a model a table of predictions may stand (columns label, lang and prediction).
    """
    from babelift.evaluation.evaluate import run_evaluate
    from babelift.progress import terminal
    from babelift.run.manifest import Manifest

    metrics = run_evaluate(config, terminal())
    show_metrics(metrics, Manifest.unknown())
    if config.out:
        print(f"\nwritten to {config.out}")


command = settings_command(EvaluateConfig, evaluate, positional=("model", "input"))
