"""What runs on a node of a Ray cluster: a process that opens a classifier and is sent texts."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from babelift.actors import Worker
from babelift.errors import ModelError

if TYPE_CHECKING:
    from babelift.deploy.predictor import Floats, Predictor


class Order(NamedTuple):
    """Which classifier texts are for.

    Attributes:
        model: What it is opened from, as `Predictor.load` takes it.
        precision: As `Predictor.load` takes it.
        identity: What `model_identity` must say of it on every node.
    """

    model: str
    precision: str
    identity: str


class PredictingWorker(Worker):
    """Predicts in a process of its own on some node, some texts at a time."""

    def __init__(self, cores: int, folder: Path) -> None:
        super().__init__(cores, folder)
        self._opened: dict[Order, Predictor] = {}

    def predict(self, order: Order, texts: Sequence[str], batch_size: int) -> "Floats":
        """Probabilities of the labels; the classifier is opened when it is first asked for.

        Returns:
            `(texts, labels) float64`, as `Predictor.predict_proba` gives them.

        Raises:
            ModelError: The model cannot be opened here, is not the one that is meant, or its
                output is not finite.
        """
        if order not in self._opened:
            self._opened[order] = _open(order)
        return self._opened[order].predict_proba(texts, batch_size=batch_size)


def _open(order: Order) -> "Predictor":
    from babelift.deploy.load import model_identity
    from babelift.deploy.predictor import Predictor

    node = os.uname().nodename
    try:
        same = model_identity(order.model) == order.identity
        predictor = Predictor.load(order.model, precision=order.precision)
    except ModelError as error:
        raise ModelError(f"on node {node}: {error.message}", error.hint) from error
    if not same:
        raise ModelError(
            f"model '{order.model}' is another on node {node} than here.",
            "Put the same files on every node.",
        )
    return predictor
