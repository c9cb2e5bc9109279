"""A classifier whose texts go to a Ray cluster, on whose nodes it is opened."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from babelift.cluster.ray import Piece, Pool, Work
from babelift.errors import ModelError
from babelift.prediction.model import model_identity, open_classifier
from babelift.prediction.predictor import BATCHES_AT_A_TIME, Floats, Predictor, check_texts
from babelift.progress import Progress, quiet


class Recipe(NamedTuple):
    """How a node opens a classifier.

    Attributes:
        model: What it is opened from, as `Predictor.load` takes it.
        precision: As `Predictor.load` takes it.
        identity: What `model_identity` must say of it on every node.
    """

    model: str
    precision: str
    identity: str


class PredictingWorker:
    """Predicts in a process of its own on some node, some texts at a time."""

    def __init__(self) -> None:
        self._opened: dict[Recipe, Predictor] = {}

    def __call__(self, recipe: Recipe, texts: Sequence[str], batch_size: int) -> Floats:
        """Probabilities of the labels; the classifier is opened when it is first asked for.

        Returns:
            `(texts, labels) float64`, as `Predictor.predict_proba` gives them.

        Raises:
            ModelError: The model cannot be opened here, is not the one that is meant, or its
                output is not finite.
        """
        if recipe not in self._opened:
            self._opened[recipe] = _open(recipe)
        return self._opened[recipe].predict_proba(texts, batch_size=batch_size)


def _open(recipe: Recipe) -> Predictor:
    node = os.uname().nodename
    try:
        same = model_identity(recipe.model) == recipe.identity
        predictor = Predictor.load(recipe.model, precision=recipe.precision)
    except ModelError as error:
        raise ModelError(f"on node {node}: {error.message}", error.hint) from error
    if not same:
        raise ModelError(
            f"model '{recipe.model}' is another on node {node} than here.",
            "Put the same files on every node.",
        )
    return predictor


class RayPredictor:
    """Predicts on a Ray cluster what `Predictor` would predict here.

    A model that is given as a folder must be under the same path on every node; one from the hub is
    fetched there. In float32 probabilities are what `Predictor` gives here, bit for bit where the
    nodes compute as this machine does, else but for rounding. With bfloat16 every process measures
    its rounding on the first texts that it gets: the same labels, probabilities agree to some
    hundredths.

    Args:
        model: As in `Predictor.load`; opened here too, for its labels.
        pool: Of `PredictingWorker`; left open.
        precision: As in `Predictor.load`; `auto` is settled on each node.

    Attributes:
        labels: Label names in the order of the columns of what `stream_proba` yields.
        cuts: As `Predictor.cuts`.

    Raises:
        ModelError: The model cannot be opened or is not a classifier.

    Example:
        with Pool(PredictingWorker) as pool:
            for proba in RayPredictor("runs/reviews", pool).stream_proba(parts):
                ...
    """

    def __init__(self, model: str | Path, pool: Pool, *, precision: str = "fp32") -> None:
        opened = open_classifier(model)
        self.labels = opened.labels
        self.cuts = opened.cuts
        self._recipe = Recipe(str(model), precision, model_identity(model))
        self._pool = pool

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
        hint = "If memory ran out there, try a smaller --batch-size."
        work = Work(f"model '{self._recipe.model}'", ModelError, hint)
        lengths: deque[int] = deque()  # of the parts that are under way, in windows

        def pieces() -> Iterator[Piece]:
            size = batch_size * BATCHES_AT_A_TIME
            for texts in parts:
                check_texts(texts)
                starts = range(0, max(1, len(texts)), size)
                lengths.append(len(starts))
                for start in starts:
                    window = texts[start : start + size]
                    yield Piece(f"{len(window)} texts", (self._recipe, window, batch_size))

        windows: list[Floats] = []
        with (progress or quiet()).task("predicting", total, unit="texts") as task:
            for proba in self._pool.run(work, pieces()):
                windows.append(proba)
                task.advance(len(proba))
                if len(windows) == lengths[0]:
                    lengths.popleft()
                    yield np.concatenate(windows)
                    windows.clear()
