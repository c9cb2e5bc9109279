"""Babelift's Predictor against transformers' pipeline and a loop that one would write by hand.

All have the same weights. The pipeline computes in float32, in batches of 32 in the order of
the texts; the loop in bfloat16, the texts sorted by length. Opening the model is not counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from _data import LANGUAGES, reviews, sentences
from _models import DISTILBERT_MULTILINGUAL, Classifying, classifier
from _timing import (
    TIMES,
    VERDICT,
    against,
    alternate,
    benchmark,
    chosen,
    same,
    spread_out,
    table,
    times_as_fast,
)
from train import pairs

BATCH: Final = 32
GAP: Final = 4.0
"""Makes as few texts almost level as a trained classifier has; how many is printed."""

LEVEL: Final = 0.25
"""Logits closer than this are almost level: bfloat16 might turn them round."""


@dataclass(frozen=True)
class Size:
    """How much is predicted.

    Attributes:
        shape: Of the model with random weights.
        texts: For Babelift and the loop.
        trained: Updates of the trained model; none for 0.
        sentences: For the trained model, in each of six languages.
        batches: For the pipeline, taken evenly from all texts.
        rounds: Of everything.
    """

    shape: Classifying
    texts: int
    trained: int
    sentences: int
    batches: int
    rounds: int


SIZES = {
    "full": Size(DISTILBERT_MULTILINGUAL, 20_000, trained=66, sentences=1004, batches=40, rounds=5),
    "quick": Size(DISTILBERT_MULTILINGUAL, 256, trained=44, sentences=204, batches=3, rounds=5),
    "smoke": Size(Classifying(64, 1, 1000), 64, trained=0, sentences=4, batches=1, rounds=1),
}
PIPELINE_AIM, LOOP_AIM = 5.0, 1.2


def main() -> None:
    """Compare on a trained classifier and on one of the paper's shape."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("Predicting", name) as folder:
        if size.trained:
            found = [sentences(lang, split).texts[: size.sentences]
                     for lang in LANGUAGES for split in ("test", "train", "validation")
                     if split == "test" or name == "full"]  # fmt: skip
            texts = list(dict.fromkeys(text for part in found for text in part))
            model = trained(folder, size.trained)
            print(f"mini, trained for {size.trained} updates; sentences in six languages")
            compare(model, texts, size, least=0.98)
        texts = reviews(size.texts, ("en", "de", "es", "fr"))
        print(f"{size.shape}, random weights; texts of random words in four languages")
        model = classifier(folder / "random", texts, size.shape, gap=GAP)
        compare(model, texts, size, least=0.95)


def trained(folder: Path, steps: int) -> Path:
    """The embedded encoder, trained to classify."""
    from babelift.config import Training
    from babelift.training.trainer import train_classifier

    rows, labels, _ = pairs(1000)
    settings = Training(encoder="mini", steps=steps)
    train_classifier(rows, None, settings, labels=labels, run_dir=folder / "trained")
    return folder / "trained" / "model"


def compare(model: Path, texts: list[str], size: Size, least: float) -> None:
    """Time all rivals, check that their labels agree, and print the table.

    Args:
        model: Folder of the classifier.
        texts: What is predicted.
        size: How often, and how much of it by the pipeline.
        least: Share of labels that the loop, in bfloat16 throughout, must have in common.
    """
    from babelift.prediction.predictor import Predictor

    places = spread_out(texts, BATCH, size.batches)
    print(f"{len(texts):,} texts; the pipeline does {len(places):,} of them, in batches taken "
          f"evenly, and its time is scaled; {size.rounds} rounds")  # fmt: skip
    predictor = Predictor.load(model, precision="auto")
    pipe, loop = pipeline(model), sorted_loop(model)
    sampled = [texts[place] for place in places]
    rivals: dict[str, Callable[[], list[str]]] = {
        "babelift": lambda: predictor.predict(texts),
        "pipeline": partial(pipe, sampled),
        "loop": partial(loop, texts),
    }
    few = texts[:4]
    timed = alternate(
        rivals,
        rounds=size.rounds,
        warm={
            "a": lambda: predictor.predict(texts[:200]),
            "b": partial(pipe, few),
            "c": partial(loop, few),
        },
        shares={"pipeline": len(sampled) / len(texts)},
    )
    ours, theirs, hand = timed["babelift"], timed["pipeline"], timed["loop"]
    mine = [ours.result[place] for place in places]
    equal = sum(map(str.__eq__, mine, theirs.result))
    same("labels, babelift and pipeline", equal, len(places), least=0.999)
    by_hand = sum(map(str.__eq__, ours.result, hand.result))
    same("labels, babelift and the loop", by_hand, len(texts), least=least)
    print(f"almost level (two best logits closer than {LEVEL}): {level(model, sampled):.1%}")
    tokens = sum(map(len, tokenizer_of(model)(texts)["input_ids"]))
    print(f"{tokens:,} tokens")
    rows = [
        ["babelift, precision auto", ours, ["", "", ""]],
        [f"pipeline, fp32, batches of {BATCH}", theirs,
         against(times_as_fast(ours, theirs), PIPELINE_AIM)],
        [f"loop, bf16, sorted, batches of {BATCH}", hand,
         against(times_as_fast(ours, hand), LOOP_AIM)],
    ]  # fmt: skip
    table(
        ["by", *TIMES, "texts/s", "babelift is times as fast", *VERDICT],
        [[what, *one.columns, f"{len(texts) / one.whole:,.4g}", *more] for what, one, more in rows],
    )


def pipeline(model: Path) -> Callable[[Sequence[str]], list[str]]:
    """What the model's card shows."""
    from transformers import pipeline as opened

    from babelift.hub import without_progress_bars

    with without_progress_bars():
        pipe: Any = opened("text-classification", model=str(model), batch_size=BATCH)
    return lambda texts: [found["label"] for found in pipe(list(texts))]


def sorted_loop(model: Path) -> Callable[[Sequence[str]], list[str]]:
    """What one writes who knows that padding and float32 cost most."""
    import torch

    network, tokenizer = open_network(model, torch.bfloat16), tokenizer_of(model)
    names = network.config.id2label

    def loop(texts: Sequence[str]) -> list[str]:
        ids = tokenizer(list(texts), truncation=True)["input_ids"]
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        found = [""] * len(ids)
        for start in range(0, len(ids), BATCH):
            places = order[start : start + BATCH]
            batch = tokenizer.pad({"input_ids": [ids[p] for p in places]}, return_tensors="pt")
            with torch.inference_mode():
                best = network(**batch).logits.argmax(dim=1).tolist()
            for place, number in zip(places, best, strict=True):
                found[place] = names[number]
        return found

    return loop


def level(model: Path, texts: list[str]) -> float:
    """Share of texts whose two best logits are almost level."""
    import torch

    network, tokenizer = open_network(model, torch.float32), tokenizer_of(model)
    near = 0
    for start in range(0, len(texts), BATCH):
        batch = tokenizer(texts[start : start + BATCH], padding=True, return_tensors="pt")
        with torch.inference_mode():
            best = network(**batch).logits.topk(2).values
        near += int((best[:, 0] - best[:, 1] < LEVEL).sum())
    return near / len(texts)


def open_network(model: Path, kind: Any) -> Any:
    """The classifier in one arithmetic."""
    from transformers import AutoModelForSequenceClassification

    from babelift.hub import without_progress_bars

    with without_progress_bars():
        return AutoModelForSequenceClassification.from_pretrained(model, dtype=kind).eval()


def tokenizer_of(model: Path) -> Any:
    """The classifier's tokenizer."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


if __name__ == "__main__":
    main()
