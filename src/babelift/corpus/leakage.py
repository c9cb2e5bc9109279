"""The leakage audit: no item of an evaluation set may have been trained on."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import polars as pl

from babelift.corpus.labels import rows_of
from babelift.corpus.similarity import normalise
from babelift.errors import LeakageError

KINDS: Final = ("group", "exact", "normalised", "near")
"""How two rows can be the same item, the surest first."""

# The later split of each pair is the one that figures are published on: it stays as it is.
PAIRS: Final = (("train", "test"), ("validation", "test"), ("train", "validation"))

_EXAMPLES: Final = 5

_WORDS: Final = {
    "group": "of the same group",
    "exact": "with the same text",
    "normalised": "with the same text but for case, punctuation or spaces",
    "near": "with nearly the same text",
}


@dataclass(frozen=True)
class LeakageReport:
    """What the audit found and did.

    Attributes:
        policy: What was to be done: error, drop or warn.
        found: Rows by the surest way in which they repeat a row of a later split.
        dropped: Rows dropped, by split.
        pairs: `found` by pair of splits, such as `train/test`.
        repeated: Rows of validation and test that an earlier split repeats.
        examples: Up to five repeated rows.
    """

    policy: str
    found: dict[str, int]
    dropped: dict[str, int]
    pairs: dict[str, dict[str, int]] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    examples: tuple[dict[str, Any], ...] = ()

    @property
    def total(self) -> int:
        """Rows found."""
        return sum(self.found.values())

    def summary(self) -> str:
        """What was found and done, in words.

        >>> LeakageReport("warn", dict.fromkeys(KINDS, 0), {}).summary()
        'No row of an evaluation set occurs in an earlier split.'
        """
        return " ".join(self.sentences())

    def sentences(self) -> list[str]:
        """What was found in each pair of splits, and what was done."""
        if not self.total:
            return ["No row of an evaluation set occurs in an earlier split."]
        lines = []
        for pair, counts in self.pairs.items():
            early, late = pair.split("/")
            kinds = ", ".join(f"{n:,} {_WORDS[kind]}" for kind, n in counts.items() if n)
            lines.append(f"{early} repeats {late} in {rows_of(sum(counts.values()))}: {kinds}.")
        dropped = [f"{rows_of(n)} from {split}" for split, n in self.dropped.items() if n]
        if dropped:
            lines.append(f"Dropped {' and '.join(dropped)}.")
        return lines


def audit_leakage(
    rows: pl.DataFrame, *, policy: Literal["error", "drop", "warn"], near_duplicates: float
) -> tuple[pl.DataFrame, LeakageReport]:
    """Look for items of validation and test in the splits before them.

    Two rows are the same item when they have the same `group_id`, the same text, the same text but
    for case, width, punctuation and white space, or nearly the same text, whatever their
    languages. Repetition within one split is no leakage. With `drop` the evaluation sets stay
    intact, so that figures remain comparable: rows go from train, and from validation where test
    has them, together with all rows of their group, translations included.

    Args:
        rows: Rows with `split`; those of no split are left alone.
        policy: `error` stops, `drop` removes the repeated rows, `warn` only reports.
        near_duplicates: Least Jaccard similarity of character shingles for texts to count as
            nearly the same (`corpus.similarity`); 0 turns that search off.

    Returns:
        The rows, and what was found.

    Raises:
        LeakageError: With `error`, where something was found; or where dropping leaves nothing to
            train on.
    """
    work = rows.select("id", "group_id", "text", "split").with_row_index("row")
    work = work.with_columns(plain=normalise(rows["text"]))
    leaks = pl.concat([_leaks(work, early, late, near_duplicates) for early, late in PAIRS])
    unwanted = _whole_groups(work, leaks)
    report = _report(work, leaks, unwanted, policy)
    if policy == "error" and leaks.height:
        raise LeakageError(
            "\n  ".join(
                ["the same items occur in more than one split:", *report.sentences()]
                + [_line(example) for example in report.examples]
            ),
            "Use --leakage drop to drop them from train (test stays as it is), or --leakage warn "
            "to go on all the same.",
        )
    if policy != "drop" or not leaks.height:
        return rows, report
    kept = (
        rows.with_row_index("row")
        .join(unwanted, on="row", how="anti", maintain_order="left")
        .drop("row")
    )
    if not (kept["split"] == "train").any():
        raise LeakageError(
            f"every training row also occurs in validation or test. {report.summary()}",
            "Check that the tables are not the same.",
        )
    return kept, report


def _leaks(work: pl.DataFrame, early: str, late: str, threshold: float) -> pl.DataFrame:
    """Rows of `early` that repeat one of `late`: `row`, `other_row`, `kind`, `similarity`, ..."""
    first = work.filter(pl.col("split") == early)
    second = work.filter(pl.col("split") == late)
    leaks: list[pl.DataFrame] = []
    for kind, key in (("group", "group_id"), ("exact", "text"), ("normalised", "plain")):
        matches = _equal(first, second, key).with_columns(kind=pl.lit(kind), similarity=pl.lit(1.0))
        first = first.join(matches, on="row", how="anti", maintain_order="left")
        leaks.append(matches)
    if threshold > 0:
        leaks.append(_near(first, second, threshold))
    return pl.concat(leaks).with_columns(early=pl.lit(early), late=pl.lit(late))


def _equal(first: pl.DataFrame, second: pl.DataFrame, key: str) -> pl.DataFrame:
    usable = pl.col(key).is_not_null() & (pl.col(key) != "")
    partners = second.filter(usable).group_by(key).agg(pl.col("row").min().alias("other_row"))
    return first.join(partners, on=key, how="inner").select("row", "other_row").sort("row")


def _near(first: pl.DataFrame, second: pl.DataFrame, threshold: float) -> pl.DataFrame:
    from babelift.corpus.similarity import near_duplicates

    matches = near_duplicates(first["plain"].to_list(), second["plain"].to_list(), threshold)
    return pl.DataFrame(
        {
            "row": first["row"].gather([match.place for match in matches]),
            "other_row": second["row"].gather([match.other for match in matches]),
            "kind": ["near"] * len(matches),
            "similarity": [match.similarity for match in matches],
        },
        schema_overrides={"kind": pl.String, "similarity": pl.Float64},
    )


def _whole_groups(work: pl.DataFrame, leaks: pl.DataFrame) -> pl.DataFrame:
    """The numbers of all rows that share split and group with a leak."""
    leaked = work.join(leaks, on="row", how="semi").select("split", "group_id").unique()
    return work.join(leaked, on=["split", "group_id"], how="semi").select("row", "split")


def _report(
    work: pl.DataFrame, leaks: pl.DataFrame, unwanted: pl.DataFrame, policy: str
) -> LeakageReport:
    order = pl.col("kind").replace_strict(
        {kind: place for place, kind in enumerate(KINDS)}, return_dtype=pl.Int8
    )
    surest = leaks.sort(order, "row", maintain_order=True).unique("row", keep="first")
    pairs = {}
    for early, late in PAIRS:
        part = leaks.filter((pl.col("early") == early) & (pl.col("late") == late))
        if part.height:
            pairs[f"{early}/{late}"] = _by_kind(part)
    return LeakageReport(
        policy=policy,
        found=_by_kind(surest),
        dropped={
            split: unwanted.filter(pl.col("split") == split).height if policy == "drop" else 0
            for split in ("train", "validation")
        },
        pairs=pairs,
        repeated={
            late: leaks.filter(pl.col("late") == late)["other_row"].n_unique()
            for late in ("validation", "test")
        },
        examples=_examples(work, surest.sort(pl.col("late") != "test", order, "row")),
    )


def _by_kind(leaks: pl.DataFrame) -> dict[str, int]:
    counts = dict(leaks["kind"].value_counts().iter_rows())
    return {kind: counts.get(kind, 0) for kind in KINDS}


def _examples(work: pl.DataFrame, leaks: pl.DataFrame) -> tuple[dict[str, Any], ...]:
    texts = work.select("row", "id", "text")
    shown = (
        leaks.head(_EXAMPLES)
        .join(texts, on="row", how="left", maintain_order="left")
        .join(texts, left_on="other_row", right_on="row", how="left", suffix="_other")
    )
    return tuple(
        {
            "kind": row["kind"],
            "similarity": round(row["similarity"], 3),
            "split": row["early"],
            "id": row["id"],
            "text": row["text"],
            "other_split": row["late"],
            "other_id": row["id_other"],
            "other_text": row["text_other"],
        }
        for row in shown.iter_rows(named=True)
    )


def _line(example: dict[str, Any]) -> str:
    text = example["text"] if len(example["text"]) <= 80 else example["text"][:79] + "…"
    return (
        f"{example['split']} row '{example['id']}' and {example['other_split']} row "
        f"'{example['other_id']}' ({example['kind']}): {text}"
    )
