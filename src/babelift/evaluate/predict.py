"""Predicting with a saved classifier."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from babelift.deploy.predictor import Predictor
from babelift.progress import Progress


def predict_proba(
    model: str | Path,
    texts: Sequence[str],
    *,
    batch_size: int = 32,
    precision: str = "fp32",
    progress: Progress | None = None,
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Probabilities of a saved classifier's labels.

    Args:
        model: Run folder, model folder or hub id.
        texts: Texts, in any order of length.
        batch_size: Texts that are computed together.
        precision: `fp32`, `bf16`, or `auto`: bf16 where the hardware has it. The labels are the
            same; probabilities agree to some hundredths.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The labels, in the model's order, and `(texts, labels) float64` probabilities in the order
        of the texts.

    Raises:
        ModelError: The model cannot be opened or is not a classifier.
        DataError: A text is not a string.
    """
    predictor = Predictor.load(model, precision=precision)
    return predictor.labels, predictor.predict_proba(
        texts, batch_size=batch_size, progress=progress
    )
