"""`babelift predict`: rows in, labels out."""

from babelift.cli.settings import settings_command
from babelift.config import PredictConfig


def predict(config: PredictConfig) -> None:
    """Label the rows of a table.

    Example: babelift predict runs/reviews new.csv --out labelled.csv
    """
    from babelift.prediction.job import run_predict
    from babelift.progress import terminal

    print(f"written to {run_predict(config, terminal())}")


command = settings_command(PredictConfig, predict, positional=("model", "input"))
