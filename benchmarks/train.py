"""Babelift's fine-tuning with OTC against transformers' Trainer with plain cross-entropy.

Both make one pass over the same rows in batches of 32, from the same weights, at the same peak
learning rate, and save a model; a whole call counts, from rows to saved model. Each round has a
seed of its own, so the rounds also show whether one side's classifiers are better than the other's:
F1 (micro) on held-out sentences in six languages. The rows are pairs of people's translations, half
originals and half translations, as OTC's ratio of 1:1 takes them.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

import polars as pl

from _data import LANGUAGES, Texts, sentences
from _models import DISTILBERT_MULTILINGUAL, Classifying, classifier
from _operations import classifying
from _timing import (
    TIMES,
    VERDICT,
    Timed,
    against,
    alternate,
    benchmark,
    chosen,
    same,
    table,
    times_as_fast,
)
from babelift.corpus.rows import conform, originals, translation_id

BATCH: Final = 32
LENGTH: Final = 128
PAIRS: Final = (("en", "de"), ("es", "fr"), ("zh", "ja"))
"""Which language stands beside which; so every row is another text."""


@dataclass(frozen=True)
class Size:
    """How much is trained on.

    Attributes:
        rows: For the embedded encoder `mini`, whose F1 is compared.
        shape: A second encoder, of random weights, for its time alone; None for none.
        shape_rows: Rows for that.
        rounds: Of everything.
        tested: Held-out sentences, evenly from all languages.
    """

    rows: int
    shape: Classifying | None
    shape_rows: int
    rounds: int
    tested: int


SIZES = {
    "full": Size(4000, DISTILBERT_MULTILINGUAL, 4000, rounds=5, tested=1200),
    "quick": Size(384, DISTILBERT_MULTILINGUAL, 64, rounds=3, tested=300),
    "smoke": Size(32, Classifying(64, 1, 1000), 64, rounds=2, tested=12),
}
DEFAULT_AIM, BEST_AIM = 3.0, 1.25
TRAINERS: Final[dict[str, dict[str, Any]]] = {
    "Trainer, its defaults": {},
    "Trainer, bf16, by length, fused": {
        "bf16": True, "train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused",
    },
}  # fmt: skip


def main() -> None:
    """Train with `mini`, and with the shape of the paper's encoder."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("Fine-tuning", name) as folder:
        rows, labels, source = pairs(size.rows)
        print(f"{source}: {rows.height:,} rows, {BATCH} in a batch, 1 pass; "
              f"{size.rounds} rounds, each with its own seed")  # fmt: skip
        lines = compare("mini", mini(folder / "mini", labels), rows, labels, size, folder)
        if size.shape:
            rows = pairs(size.shape_rows)[0]
            model = classifier(
                folder / "encoder", rows["text"].to_list(), size.shape, labels=labels
            )
            title = f"{size.shape}, random weights"
            lines += compare(title, model, rows, labels, size, folder, shape=size.shape)
        head = ["encoder", "rows", "by", *TIMES, "rows/s", "babelift is times as fast", *VERDICT]
        table([*head, "F1 (sd over seeds)"], lines)


def compare(
    title: str,
    model: Path,
    rows: pl.DataFrame,
    labels: list[str],
    size: Size,
    folder: Path,
    *,
    shape: Classifying | None = None,
) -> list[list[str]]:
    """Time both sides on one encoder; F1 is only told where the encoder has learnt something."""
    work = folder / "runs"
    rivals = {"babelift": seeded(lambda run, seed: ours(rows, labels, model, run, seed),
                                 work / "babelift")}  # fmt: skip
    for name, options in TRAINERS.items():
        rivals[name] = seeded(
            lambda run, seed, options=options: theirs(rows, labels, model, run, seed, options),
            work / name,
        )
    few = pl.concat([rows.head(8), rows.tail(rows.height // 2).head(8)])
    warm = {
        "b": lambda: ours(few, labels, model, work / "warm", 0),
        "t": lambda: theirs(few, labels, model, work / "warm", 0, {}),
    }
    timed = alternate(rivals, rounds=size.rounds, warm=warm)
    steps = {name: one.result for name, one in timed.items()}
    same(f"number of updates, {title}", sum(n == steps["babelift"] for n in steps.values()),
         len(steps))  # fmt: skip
    if shape:
        tokens = token_count(model, rows["text"].to_list())
        work_done = classifying(shape, rows.height, tokens, training=True)
        print(f"{title}: {tokens:,} tokens, {work_done / 1e12:.3g} T operations; babelift does "
              f"{work_done / timed['babelift'].median / 1e9:,.0f} G a second")  # fmt: skip
        scores: dict[str, list[float]] = {name: [] for name in timed}
    else:
        held_out = test_texts(size.tested)
        runs = {name: sorted((work / name).iterdir()) for name in timed}
        scores = {name: [f1(run, held_out) for run in found] for name, found in runs.items()}
        within_noise(scores)
    shutil.rmtree(work)
    return [line(title, name, timed, rows.height, scores[name]) for name in timed]


def line(
    title: str, name: str, timed: dict[str, Timed[int]], rows: int, scores: list[float]
) -> list[str]:
    """A row of the table."""
    one, base = timed[name], timed["babelift"]
    aims = {"Trainer, its defaults": DEFAULT_AIM, "Trainer, bf16, by length, fused": BEST_AIM}
    verdict = against(times_as_fast(base, one), aims[name]) if name in aims else ["", "", ""]
    shown = f"{mean(scores):.3f}" if scores else ""
    if len(scores) > 1:
        shown += f" ({stdev(scores):.3f})"
    speed = f"{rows / one.median:,.0f}"
    return [title, f"{rows:,}", name, *one.columns, speed, *verdict, shown]


def within_noise(scores: dict[str, list[float]]) -> None:
    """Say how the mean F1 of Babelift differs from the others', with two standard errors."""
    mine = scores["babelift"]
    for name, others in scores.items():
        if name == "babelift":
            continue
        gaps = [a - b for a, b in zip(mine, others, strict=True)]
        noise = "one seed"
        if len(gaps) > 1:
            error = 2 * stdev(gaps) / len(gaps) ** 0.5
            noise = f"± {error:.3f}, two standard errors over {len(gaps)} seeds"
        print(f"F1, babelift less {name}: {mean(gaps):+.3f} ({noise})")


def pairs(number: int) -> tuple[pl.DataFrame, list[str], str]:
    """Originals and their translations, `number` rows in all, and the labels."""
    sides = [(lang, other, sentences(lang), sentences(other)) for lang, other in PAIRS]
    items = islice(
        (
            (f"{lang}-{place}", lang, other, mine, theirs, label)
            for place in range(len(sides[0][2].texts))
            for lang, other, one, two in sides
            for mine, theirs, label in [(one.texts[place], two.texts[place], one.labels[place])]
        ),
        number // 2,
    )
    ids, langs, targets, texts, translations, found = zip(*items, strict=True)
    frame = originals(
        ids=list(ids), texts=list(texts), labels=list(found), langs=list(langs), split="train"
    )
    translated = conform(
        frame.with_columns(
            pl.Series("id", list(map(translation_id, ids, targets))),
            pl.Series("text", list(translations)),
            pl.Series("lang", list(targets)),
            pl.Series("source_lang", list(langs)),
            pl.lit("reference").alias("origin"),
            pl.lit("people").alias("translator"),
        )
    )
    return pl.concat([frame, translated]), sorted(set(sides[0][2].labels)), sides[0][2].source


def test_texts(number: int) -> Texts:
    """Held-out sentences, as many of each language."""
    parts = [sentences(lang, "test") for lang in LANGUAGES]
    each = number // len(parts)
    return Texts(
        [text for part in parts for text in part.texts[:each]],
        [label for part in parts for label in part.labels[:each]],
        parts[0].source,
    )


def mini(folder: Path, labels: list[str]) -> Path:
    """The embedded encoder with a new head, as both sides get it."""
    from babelift.hub import without_progress_bars
    from babelift.training.encoder import load_encoder

    encoder = load_encoder("mini", labels, seed=0)
    with without_progress_bars():
        encoder.model.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
    return folder


def seeded(train: Callable[[Path, int], int], folder: Path) -> Callable[[], int]:
    """A training that has another seed and another folder each time."""
    numbers: Iterator[int] = count()

    def run() -> int:
        seed = next(numbers)
        return train(folder / str(seed), seed)

    return run


def ours(rows: pl.DataFrame, labels: list[str], model: Path, run: Path, seed: int) -> int:
    """Babelift's training, from rows to a saved model; gives the number of updates."""
    from babelift.config import Training
    from babelift.training.trainer import train_classifier

    forget_precision()
    shutil.rmtree(run, ignore_errors=True)
    settings = Training(
        encoder=str(model), epochs=1, batch_size=BATCH, max_length=LENGTH, learning_rate=1e-4,
        seed=seed,
    )  # fmt: skip
    return train_classifier(rows, None, settings, labels=labels, run_dir=run).steps


def theirs(
    rows: pl.DataFrame,
    labels: list[str],
    model: Path,
    run: Path,
    seed: int,
    options: dict[str, Any],
) -> int:
    """The Trainer as its guide to text classification has it; gives the number of updates."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        TrainingArguments,
    )

    from babelift.hub import without_progress_bars

    forget_precision()
    with without_progress_bars():
        tokenizer: Any = AutoTokenizer.from_pretrained(model)
        network: Any = AutoModelForSequenceClassification.from_pretrained(model)
        encoded = tokenizer(rows["text"].to_list(), truncation=True, max_length=LENGTH)
        numbers = [labels.index(label) for label in rows["label"]]
        examples: Any = [
            {"input_ids": ids, "attention_mask": mask, "labels": number}
            for ids, mask, number in zip(
                encoded["input_ids"], encoded["attention_mask"], numbers, strict=True
            )
        ]
        arguments = TrainingArguments(
            output_dir=str(run), num_train_epochs=1, learning_rate=1e-4, seed=seed,
            per_device_train_batch_size=BATCH, save_strategy="no", logging_strategy="no",
            report_to="none", disable_tqdm=True, use_cpu=True, **options,
        )  # fmt: skip
        trainer: Any = Trainer(
            model=network, args=arguments, train_dataset=examples, processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        made = trainer.train()
        trainer.save_model(str(run / "model"))
    return int(made.global_step)


def f1(run: Path, texts: Texts) -> float:
    """F1 (micro) of a saved model on held-out sentences: the share of right labels."""
    from babelift.prediction.predictor import Predictor

    found = Predictor.load(run / "model", precision="auto").predict(texts.texts)
    return sum(map(str.__eq__, found, texts.labels)) / len(found)


def token_count(model: Path, texts: list[str]) -> int:
    """Tokens of texts, cut as in training."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    return sum(map(len, tokenizer(texts, truncation=True, max_length=LENGTH)["input_ids"]))


def forget_precision() -> None:
    """Start as in a fresh process: the Trainer leaves its arithmetic to whoever comes next."""
    from accelerate.state import AcceleratorState

    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    state: Any = AcceleratorState
    state._reset_state(reset_partial_state=True)


if __name__ == "__main__":
    main()
