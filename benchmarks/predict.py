"""Babelift's Predictor against transformers' pipeline: same model, same texts, same labels."""

from pathlib import Path
from typing import Any

from _data import Texts, tweets
from _models import classifier
from _timing import TIMES, alternate, benchmark, same, table, times_as_fast

LABELS = ("negative", "neutral", "positive")
SCRATCH = {"dim": 128, "hidden_dim": 512, "n_layers": 1, "n_heads": 4}
MULTILINGUAL = {
    "vocab_size": 119_547, "dim": 768, "hidden_dim": 3072, "n_layers": 6, "n_heads": 12,
}  # fmt: skip


def main() -> None:
    """Compare on a small model and on one of the paper's shape."""
    title = "Predicting: babelift (batches of 64) / transformers.pipeline (batches of 32)"
    with benchmark(title) as folder:
        data = tweets()
        print(f"texts: {data.source}")
        cases = [
            ("scratch shape (1 layer of 128)", SCRATCH, data.take(1200)),
            ("distilbert-base-multilingual-cased shape", MULTILINGUAL, data.take(96)),
        ]
        rows: list[list[str]] = []
        for number, (name, shape, texts) in enumerate(cases):
            model = classifier(folder / str(number), data.texts, LABELS, **shape)
            rows += compare(name, model, texts)
        table(["model", "texts", "by", *TIMES, "times as fast"], rows)


def compare(name: str, model: Path, data: Texts) -> list[list[str]]:
    """Time both on one model; opening it is not counted."""
    from transformers import pipeline

    from babelift.deploy.predictor import Predictor
    from babelift.hub import without_progress_bars

    predictor = Predictor.load(model)
    with without_progress_bars():
        pipe: Any = pipeline("text-classification", model=str(model), batch_size=32)
    timed = alternate(
        {
            "babelift": lambda: predictor.predict(data.texts),
            "pipeline": lambda: [found["label"] for found in pipe(data.texts)],
        }
    )
    ours, theirs = timed["babelift"], timed["pipeline"]
    equal = sum(map(str.__eq__, ours.result, theirs.result))
    same(f"labels, {name}", equal, len(data.texts))
    count = f"{len(data.texts):,}"
    return [
        [name, count, "pipeline", *theirs.columns, "1"],
        [name, count, "babelift", *ours.columns, times_as_fast(ours, theirs)],
    ]


if __name__ == "__main__":
    main()
