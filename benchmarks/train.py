"""Babelift's loop with OTC against transformers' Trainer with plain cross-entropy: rows a second.

Both make the same number of updates of the same number of rows, on the same texts and weights.
Nothing is said here about which classifier is better.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from _data import sentences
from _models import classifier
from _timing import TIMES, alternate, benchmark, same, table
from babelift.corpus.rows import conform, originals, translation_id

SHAPE = {"dim": 256, "hidden_dim": 1024, "n_layers": 3, "n_heads": 4}
ORIGINALS = 128
BATCH = 32
EPOCHS = 1
STEPS = EPOCHS * 2 * ORIGINALS // BATCH
LENGTH = 128


def main() -> None:
    """Train four times in turns: each side in float32, and each in bfloat16."""
    title = "Training, whole call: babelift with OTC / transformers.Trainer with cross-entropy"
    with benchmark(title) as folder:
        rows, labels, source = pairs()
        print(
            f"{ORIGINALS} English {source} with their German ones, batches of {BATCH}, "
            f"{STEPS} updates; DistilBERT of 3 layers of 256, random weights"
        )
        model = classifier(folder / "encoder", rows["text"].to_list(), labels, **SHAPE)
        rivals: dict[str, Callable[[], int]] = {
            "babelift fp32": lambda: ours(rows, labels, model, folder / "run", "fp32"),
            "Trainer fp32 (its default)": lambda: theirs(rows, labels, model, folder, bf16=False),
            "babelift bf16 (its default here)": lambda: ours(
                rows, labels, model, folder / "run", "bf16"
            ),
            "Trainer bf16": lambda: theirs(rows, labels, model, folder, bf16=True),
        }
        timed = alternate(rivals)
        same("number of updates", sum(t.result == STEPS for t in timed.values()), len(timed))
        trained = 2 * ORIGINALS * EPOCHS
        base = timed["Trainer fp32 (its default)"].median
        lines = [
            [name, *time.columns, f"{trained / time.median:,.0f}", f"**{base / time.median:.2f}**"]
            for name, time in timed.items()
        ]
        table(["training", *TIMES, "rows/s", "times as fast"], lines)


def pairs() -> tuple[pl.DataFrame, list[str], str]:
    """English rows and their German translations, both with the English row's label."""
    english, german = sentences("en").take(ORIGINALS), sentences("de").take(ORIGINALS)
    ids = [str(number) for number in range(ORIGINALS)]
    frame = originals(
        ids=ids, texts=english.texts, labels=list(english.labels), langs=["en"] * ORIGINALS,
        split="train",
    )  # fmt: skip
    translated = conform(
        frame.with_columns(
            pl.Series("id", [translation_id(name, "de") for name in ids]),
            pl.Series("text", german.texts),
            pl.lit("de").alias("lang"),
            pl.lit("en").alias("source_lang"),
            pl.lit("reference").alias("origin"),
            pl.lit("people").alias("translator"),
        )
    )
    return pl.concat([frame, translated]), sorted(set(english.labels)), english.source


def ours(rows: pl.DataFrame, labels: list[str], model: Path, run: Path, precision: Any) -> int:
    """Babelift's training, from rows to a saved model; gives the number of updates."""
    from babelift.config import Training
    from babelift.train.trainer import train_classifier

    forget_precision()
    shutil.rmtree(run, ignore_errors=True)
    settings = Training(
        encoder=str(model), epochs=EPOCHS, batch_size=BATCH, max_length=LENGTH,
        precision=precision, learning_rate=1e-4,
    )  # fmt: skip
    result = train_classifier(rows, None, settings, labels=labels, run_dir=run)
    return result.steps


def theirs(rows: pl.DataFrame, labels: list[str], model: Path, folder: Path, *, bf16: bool) -> int:
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
            output_dir=str(folder / "trainer"), num_train_epochs=EPOCHS, learning_rate=1e-4,
            per_device_train_batch_size=BATCH, save_strategy="no", logging_strategy="no",
            report_to="none", disable_tqdm=True, bf16=bf16, use_cpu=True,
        )  # fmt: skip
        trainer: Any = Trainer(
            model=network, args=arguments, train_dataset=examples, processing_class=tokenizer,
            data_collator=DataCollatorWithPadding(tokenizer),
        )  # fmt: skip
        trainer.remove_callback(PrinterCallback)
        made = trainer.train()
        trainer.save_model(str(folder / "trainer" / "model"))
    return int(made.global_step)


def forget_precision() -> None:
    """Start as in a fresh process: the Trainer leaves its arithmetic to whoever comes next."""
    from accelerate.state import AcceleratorState

    os.environ.pop("ACCELERATE_MIXED_PRECISION", None)
    state: Any = AcceleratorState
    state._reset_state(reset_partial_state=True)


if __name__ == "__main__":
    main()
