"""Training: encoder and head, batches, losses, the loop."""

from typing import Final

REVISION: Final = 1
"""Part of the key under which a study keeps a finished training. Raise it by hand with any change
after which the same rows, settings and seed give other weights or predictions: kept trainings are
then done again. Other changes to the code leave it alone, so that they retrain nothing."""
