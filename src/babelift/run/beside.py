"""What a process that is not the first does in a run: it trains, and writes nothing."""

from babelift.config import FitConfig
from babelift.processes import leave, wait_for_first
from babelift.progress import quiet
from babelift.run.fit import train_model
from babelift.run.folder import Run


def train_beside(config: FitConfig) -> bool:
    """Wait until the first process has the rows ready, then train with it.

    Args:
        config: The settings that the first process has too.

    Returns:
        Whether the first process got that far.

    Raises:
        BabeliftError: Training failed.
    """
    try:
        well, folder = wait_for_first()
        if folder is not None:
            train_model(Run.open(folder), config, quiet())
    finally:
        leave()
    return well
