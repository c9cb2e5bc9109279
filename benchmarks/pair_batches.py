"""Batches of pairs of like length, as `fit` makes them, against those that all arms share.

Both sides are Babelift on the same rows from the same weights. Short texts are single sentences,
long ones three of one label joined. Each round has a seed of its own, so that the rounds also show
whether one side's classifiers are better: F1 (micro) on held-out sentences in six languages.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import polars as pl

from _timing import TIMES, alternate, benchmark, chosen, same, table, times_as_fast
from babelift.config import Training
from train import f1, mini, pairs, seeded, test_texts

JOINED = 3
"""Sentences of a long text."""

LENGTHS = {"short": 128, "long": 256}
"""Most tokens of a text."""


@dataclass(frozen=True)
class Size:
    """How much is trained on.

    Attributes:
        rows: Originals and translations; long texts are a third as many.
        epochs: Passes over them.
        rounds: Of everything.
        tested: Held-out sentences, evenly from all languages.
    """

    rows: int
    epochs: int
    rounds: int
    tested: int


SIZES = {
    "full": Size(4000, epochs=3, rounds=3, tested=1200),
    "quick": Size(1200, epochs=1, rounds=3, tested=300),
    "smoke": Size(48, epochs=1, rounds=1, tested=12),
}


def main() -> None:
    """Train both ways on short and on long texts."""
    name, size = chosen(SIZES, __doc__)
    with benchmark("Batches of pairs", name) as folder:
        short, labels, source = pairs(size.rows)
        model = mini(folder / "mini", labels)
        print(f"{source}: {size.epochs} passes, {size.rounds} rounds, each with its own seed")
        lines = []
        for texts, rows in (("short", short), ("long", joined(short))):
            lines += compare(texts, rows, labels, model, size, folder / texts)
        table(
            ["texts", "rows", "batches", "padded tokens a pass", *TIMES, "times as fast",
             "F1 (sd over seeds)"],
            lines,
        )  # fmt: skip


def compare(
    texts: str, rows: pl.DataFrame, labels: list[str], model: Path, size: Size, folder: Path
) -> list[list[str]]:
    """Time both ways, and test what they made."""
    from babelift.training.trainer import train_classifier

    def way(shared: bool, name: str) -> tuple[str, object]:
        def train(run: Path, seed: int) -> int:
            settings = Training(
                encoder=str(model), epochs=size.epochs, max_length=LENGTHS[texts],
                learning_rate=1e-4, seed=seed,
            )  # fmt: skip
            return train_classifier(
                rows, None, settings, labels=labels, run_dir=run, shared_batches=shared
            ).steps

        return name, seeded(train, folder / name)

    rivals = dict([way(False, "by pair"), way(True, "shared")])
    timed = alternate(rivals, rounds=size.rounds, warm={})
    same(f"number of updates, {texts}", *[len({one.result for one in timed.values()})] * 2)
    held_out = test_texts(size.tested)
    scores = {
        name: [f1(run, held_out) for run in sorted((folder / name).iterdir())] for name in timed
    }
    gaps = [one - two for one, two in zip(scores["by pair"], scores["shared"], strict=True)]
    noise = f" ± {2 * stdev(gaps) / len(gaps) ** 0.5:.3f}" if len(gaps) > 1 else ""
    print(f"F1, {texts} texts, by pair less shared: {mean(gaps):+.3f}{noise} (two standard errors)")
    lines = []
    for name, one in timed.items():
        faster = f"{times_as_fast(one, timed['shared']):.2f}"
        padded = padded_tokens(rows, model, LENGTHS[texts], shared=name == "shared")
        sd = f" ({stdev(scores[name]):.3f})" if size.rounds > 1 else ""
        lines.append(
            [texts, f"{rows.height:,}", name, f"{padded:,}", *one.columns, faster,
             f"{mean(scores[name]):.3f}{sd}"]
        )  # fmt: skip
    return lines


def joined(rows: pl.DataFrame) -> pl.DataFrame:
    """Long texts, each of sentences of one label and language; pairs stay pairs."""
    number = rows.height // 2
    place = pl.int_range(pl.len()).over("lang", "label")
    first = rows.head(number).with_columns(group=place // JOINED)
    keys = first.select(
        "id", part=pl.concat_str("lang", "label", pl.col("group").cast(str), separator=" ")
    )
    whole = (
        keys.group_by("part", maintain_order=True)
        .agg("id")
        .filter(pl.col("id").list.len() == JOINED)
    )
    part_of = {name: ids[0] for ids in whole["id"].to_list() for name in ids}
    kept = rows.filter(pl.col("original_id").is_in(list(part_of)))
    part = kept["original_id"].replace_strict(part_of)
    return (
        kept.with_columns(part=part)
        .group_by("part", "lang", pl.col("id") == pl.col("original_id"), maintain_order=True)
        .agg(pl.exclude("text", "id").first(), pl.col("id").first().alias("name"),
             pl.col("text").str.join(" "))
        .with_columns(id="name", original_id="part", group_id="part")
        .select(rows.columns)
    )  # fmt: skip


def padded_tokens(rows: pl.DataFrame, model: Path, length: int, *, shared: bool) -> int:
    """Tokens of the first pass, padding included."""
    from transformers import AutoTokenizer

    from babelift.training.data import TokenCache, padded_width
    from babelift.training.trainer import make_sampler

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokens = TokenCache(tokenizer, rows["text"].to_list(), length)
    sampler = make_sampler(rows, Training(), 1, None if shared else tokens.lengths)
    batches = (sampler.batch(0, step).rows for step in range(sampler.steps_per_epoch))
    return sum(
        len(batch) * padded_width(int(tokens.lengths[batch].max()), length) for batch in batches
    )


if __name__ == "__main__":
    main()
