"""Hands the texts of a prediction to a Ray cluster, on whose nodes the classifier is opened."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from babelift.cluster.ray import Actors, Piece, Work, Worker, import_ray
from babelift.errors import ModelError
from babelift.prediction.model import model_identity, open_model
from babelift.prediction.predictor import BATCHES_AT_A_TIME, Floats, check_texts
from babelift.progress import Progress, quiet

if TYPE_CHECKING:
    from babelift.prediction.predictor import Floats, Predictor


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
    from babelift.prediction.model import model_identity
    from babelift.prediction.predictor import Predictor

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


@contextmanager
def on_ray(
    model: str | Path, workers: int | None = None, *, cores: int = 1, precision: str = "fp32"
) -> "Iterator[RayPredictor]":
    """A classifier that does its work on a Ray cluster.

    Uses the cluster that Ray is connected to, or finds by itself (`RAY_ADDRESS`, `ray start`);
    without one, this machine becomes one. The processes begin with the first texts, each with its
    cores, and a GPU where the cluster has any. What dies with a process or a node is predicted
    again elsewhere, and processes are begun anew where there is room. A model that is given as a
    folder must be under the same path on every node; one from the hub is fetched there.

    In float32 probabilities are what `Predictor` gives here, bit for bit where the nodes compute
    as this machine does, else but for rounding. With bfloat16 every process measures its rounding
    on the first texts that it gets: the same labels, probabilities agree to some hundredths.

    Args:
        model: As in `Predictor.load`; opened here too, for its labels.
        workers: Processes on the cluster; as many as it has room for where absent.
        cores: Cores of each.
        precision: As in `Predictor.load`; `auto` is settled on each node.

    Raises:
        MissingDependencyError: Ray is not installed.
        ModelError: The model cannot be opened or is not a classifier.

    Example:
        with on_ray("runs/reviews") as predictor:
            for proba in predictor.stream_proba(parts):
                ...
    """
    ray = import_ray("the texts")
    labels = open_model(model).labels
    order = Order(str(model), precision, model_identity(model))
    with closing(Actors(ray, PredictingWorker, workers, cores)) as actors:
        yield RayPredictor(order, labels, actors)


class RayPredictor:
    """Predicts on a Ray cluster what `Predictor` would predict here.

    Args:
        order: How to open the model on a node.
        labels: Label names in the order of the model's outputs.
        actors: The processes on the cluster; left open.

    Attributes:
        labels: Label names in the order of the columns of what `stream_proba` yields.
    """

    def __init__(self, order: Order, labels: list[str], actors: Actors) -> None:
        self.labels = labels
        self._order, self._actors = order, actors

    def stream_proba(
        self,
        parts: Iterable[Sequence[str]],
        total: int | None = None,
        *,
        batch_size: int = 32,
        progress: Progress | None = None,
    ) -> Iterator[Floats]:
        """As `Predictor.stream_proba`; some parts are under way at a time, taken as needed.

        Raises:
            DataError: A text is not a string.
            ModelError: The model is another on a node, or its output is not finite; or the
                processes on the cluster died, too often with the same texts.
        """
        name = f"model '{self._order.model}'"
        hint = "If memory ran out there, try a smaller --batch-size."
        work = Work(name, "predict", ModelError, hint)
        lengths: deque[int] = deque()  # of the parts that are under way, in windows

        def pieces() -> Iterator[Piece]:
            size = batch_size * BATCHES_AT_A_TIME
            for texts in parts:
                check_texts(texts)
                starts = range(0, max(1, len(texts)), size)
                lengths.append(len(starts))
                for start in starts:
                    window = texts[start : start + size]
                    yield Piece(f"{len(window)} texts", (self._order, window, batch_size))

        found: list[Floats] = []
        with (progress or quiet()).task("predicting", total, unit="texts") as task:
            for proba in self._actors.run(work, pieces()):
                found.append(proba)
                task.advance(len(proba))
                if len(found) == lengths[0]:
                    lengths.popleft()
                    yield np.concatenate(found)
                    found.clear()
