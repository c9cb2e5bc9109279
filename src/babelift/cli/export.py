"""`babelift export`: a classifier as a folder that runs without torch."""

from babelift.cli.settings import settings_command
from babelift.cli.show import show_export
from babelift.config import ExportConfig


def export(config: ExportConfig) -> None:
    """Write a classifier as an ONNX graph, and hold it to the labels that it gave.

    Example: babelift export runs/reviews --precision int8 --out exports/reviews

    Both label the run's test rows, or those of --input. Where a language gets other labels more
    often than --parity allows, nothing is written.
    """
    from babelift.deploy.export import run_export
    from babelift.progress import terminal

    show_export(run_export(config, terminal()))
    print(f"written to {config.out}")


command = settings_command(ExportConfig, export, positional=("model",))
