"""A latent model of predictions whose truth is known, and the files in which Babelift reads them.

A row is answered right where a normal number is above 0. The number adds up what is true of the
condition and the language, the luck of the training (of its own, and in each language), the item
(in all languages, in this one, and how well it suits the condition), and noise of size 1. Nothing
here is taken from the statistics that are judged.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml
from scipy.special import ndtri

Numbers = npt.NDArray[np.float64]

LANGS: Final = ("de", "es", "fr", "it", "ja", "nl", "pt", "zh")
DIFFICULTY: Final = 1.0
SUITS: Final = 0.4
SHARED: Final = 0.5
"""Of an item's numbers in two languages of a parallel set: their correlation."""


class Arm(NamedTuple):
    """A condition of a study: its arm, its OTC and its translator."""

    arm: str
    otc: str = "off"
    translator: str | None = None


ZERO: Final = Arm("zero-shot")
TRANSLATED: Final = Arm("translated", translator="t0")
OTC: Final = TRANSLATED._replace(otc="on")
SHUFFLED: Final = TRANSLATED._replace(otc="shuffled")
NATIVE: Final = Arm("original")
FOUR: Final = (ZERO, TRANSLATED, OTC, NATIVE)
"""The conditions of most studies."""


@dataclass(frozen=True)
class Design:
    """What a study has, and the sizes of luck and of true differences.

    Attributes:
        seeds: Trainings of each condition.
        langs: Test languages.
        rows: Test rows of each language.
        luck: Standard deviation over trainings, in all languages alike, beside noise of 1; of .05,
            .1, .2 and .3 the F1 spreads by about .011, .022, .043 and .065. Half of that comes on
            top in each language on its own.
        spread: Standard deviation over languages of what a condition truly gains over another, in
            F1.
        parallel: Whether languages share their items.
        classes: Labels: 2 or 5.
        arms: Conditions.
        centred: Whether the differences over languages are made to add up to zero: then nothing is
            gained on average over these very languages, else over all that there might be.
        qualities: Standard deviation over translators of their classifiers' F1.
    """

    seeds: int
    langs: int
    rows: int
    luck: float = 0.1
    spread: float = 0.0
    parallel: bool = True
    classes: int = 2
    arms: tuple[Arm, ...] = FOUR
    centred: bool = True
    qualities: float = 0.0


class Truth(NamedTuple):
    """The true F1 of each condition in each language: `(conditions, languages)`."""

    arms: tuple[Arm, ...]
    f1: Numbers

    def gain(self, arm: Arm, base: Arm) -> Numbers:
        """What one condition truly gains over another in each language."""
        gained: Numbers = self.f1[self.arms.index(arm)] - self.f1[self.arms.index(base)]
        return np.where(np.abs(gained) < 1e-9, 0.0, gained)


class Drawn(NamedTuple):
    """A study: what is true of it, and which rows were answered right.

    `right` is `(conditions, seeds, languages, rows) bool`.
    """

    truth: Truth
    right: npt.NDArray[np.bool_]


def true_f1(design: Design, gains: dict[Arm, float], rng: np.random.Generator) -> Truth:
    """Draw what is true: languages differ, and conditions by their gains and by chance in each.

    Raises:
        ValueError: Gains so large that F1 leaves 0 to 1.
    """
    low, high = (0.62, 0.82) if design.classes == 2 else (0.45, 0.7)
    size = (len(design.arms), design.langs)
    own = rng.normal(0, design.spread / 2**0.5, size) if design.spread else np.zeros(size)
    if design.centred:
        own -= own.mean(axis=1, keepdims=True)
    if design.qualities:
        own += rng.normal(0, design.qualities, (len(design.arms), 1))
    gained = np.array([gains.get(arm, 0.0) for arm in design.arms])[:, None]
    f1 = np.linspace(low, high, design.langs) + own + gained
    if f1.min() <= 0 or f1.max() >= 1:
        raise ValueError(f"no condition has an F1 of {f1.min():.2f} or {f1.max():.2f}")
    return Truth(design.arms, f1)


def draw(design: Design, gains: dict[Arm, float], rng: np.random.Generator) -> Drawn:
    """Draw a study whose conditions gain so much F1 over the others.

    >>> drawn = draw(Design(3, 2, 400), {OTC: 0.1}, np.random.default_rng(0))
    >>> drawn.right.shape, drawn.truth.gain(OTC, TRANSLATED).round(3).tolist()
    ((4, 3, 2, 400), [0.1, 0.1])
    """
    truth = true_f1(design, gains, rng)
    size = (len(design.arms), design.seeds, design.langs, design.rows)

    def normal(scale: float, *shape: int) -> npt.NDArray[np.float32]:
        return np.float32(scale) * rng.standard_normal(shape, dtype=np.float32)

    def items(scale: float, conditions: int) -> npt.NDArray[np.float32]:
        shared = SHARED if design.parallel else 0.0
        own = normal(scale * (1 - shared) ** 0.5, conditions, 1, *size[2:])
        return own + normal(scale * shared**0.5, conditions, 1, 1, design.rows) if shared else own

    number = normal(1, *size)
    number += items(DIFFICULTY, 1)
    number += items(SUITS, size[0])
    # What is trained on a language's own rows is trained for each language anew.
    trained = normal(design.luck, *size[:2], design.langs)
    apart = np.array([arm == NATIVE for arm in design.arms])
    trained = np.where(apart[:, None, None], trained, trained[..., :1])
    number += (trained + normal(design.luck / 2, *size[:3]))[..., None]
    total = (1 + DIFFICULTY**2 + SUITS**2 + 1.25 * design.luck**2) ** 0.5
    number += (total * ndtri(truth.f1))[:, None, :, None].astype(np.float32)
    return Drawn(truth, number > 0)


def _rows(design: Design, rng: np.random.Generator) -> pl.DataFrame:
    """The test rows, their labels and a wrong label for each: parallel items have one label."""
    items = np.tile(np.arange(design.rows), design.langs)
    langs = np.repeat(np.array(LANGS[: design.langs]), design.rows)
    label = rng.integers(0, design.classes, design.rows)[items]
    wrong = (label + rng.integers(1, design.classes, len(items))) % design.classes
    number = pl.Series("item", items).cast(pl.String)
    table = pl.DataFrame({"lang": langs, "label": label, "wrong": wrong}).with_columns(
        (("i" if design.parallel else pl.col("lang")) + number).alias("group_id"),
        pl.col("label", "wrong").cast(pl.String),
    )
    return table.with_columns(id="group_id")


def side(design: Design, drawn: Drawn, number: int, rows: pl.DataFrame) -> pl.DataFrame:
    """The predictions of one condition as `babelift.compare` takes them, with the seeds' column."""
    right = drawn.right[number].reshape(design.seeds, -1)
    answered = [
        rows.select(
            "id", "group_id", "lang", "label",
            pl.when(pl.Series(own)).then("label").otherwise("wrong").alias("prediction"),
            pl.lit(seed).alias("seed"),
        )
        for seed, own in enumerate(right)
    ]  # fmt: skip
    return pl.concat(answered)


def sides(design: Design, drawn: Drawn, rng: np.random.Generator) -> list[pl.DataFrame]:
    """The predictions of each condition, as `babelift.compare` takes them."""
    rows = _rows(design, rng)
    return [side(design, drawn, number, rows) for number in range(len(design.arms))]


def _runs(design: Design) -> list[dict[str, Any]]:
    """The places of the grid, each with its run and its condition's number."""
    langs = list(LANGS[: design.langs])
    return [
        {"number": number, "run": f"{number}-{seed}-{own[0]}", "seed": seed, "langs": own,
         "arm": arm.arm, "otc": arm.otc, "ratio": "1:1" if arm.translator else None,
         "translator": arm.translator, "encoder": "mini",
         "source": "own" if arm == NATIVE else "en", "rows": None}
        for number, arm in enumerate(design.arms)
        for seed in range(design.seeds)
        for own in ([[lang] for lang in langs] if arm == NATIVE else [langs])
    ]  # fmt: skip


def _alignment(place: dict[str, Any]) -> list[dict[str, Any]]:
    """Pairs that lie as near with OTC as without: what a study without effect finds."""
    if place["translator"] is None:
        return []
    return [
        {"source": "en", "lang": lang, "stage": stage, "pairs": 100, "cosine": 0.6,
         "retrieval": retrieval, "uniformity": -2.0, "cka": 0.6}
        for lang in place["langs"]
        for stage, retrieval in (("before", 0.6), ("after", 0.62))
    ]  # fmt: skip


def _spec(design: Design, translators: Sequence[str]) -> dict[str, Any]:
    kinds = {arm.otc for arm in design.arms}
    main = next(arm for arm in design.arms if arm.translator)
    return {
        "title": "Simulated", "train": "{lang}.train.jsonl", "test": "{lang}.test.jsonl",
        "parallel": design.parallel, "sources": ["en"], "targets": list(LANGS[: design.langs]),
        "arms": list(dict.fromkeys(arm.arm for arm in design.arms)),
        "otc": [otc for otc in ("off", "on", "shuffled") if otc in kinds],
        "variants": {"shuffled": {"otc_pairs": "shuffled"}} if "shuffled" in kinds else {},
        "translators": dict.fromkeys(translators, "mini"), "encoders": {"mini": "mini"},
        "seeds": design.seeds,
        "primary": {"arm": main.arm, "over": "zero-shot", "translator": main.translator}
        if ZERO in design.arms
        else {"arm": main.arm, "otc": "on", "translator": main.translator},
    }  # fmt: skip


def write_study(design: Design, drawn: Drawn, folder: Path, rng: np.random.Generator) -> None:
    """Write what a study leaves: its settings, runs, table of results and predictions."""
    rows, places = _rows(design, rng), _runs(design)
    translators = list(dict.fromkeys(arm.translator for arm in design.arms if arm.translator))
    langs, width = LANGS[: design.langs], design.rows
    parts, results = [], []
    for place in places:
        first = langs.index(place["langs"][0])
        right = drawn.right[place["number"], place["seed"], first : first + len(place["langs"])]
        own = rows[first * width : (first + len(right)) * width]
        parts.append(
            own.select(
                "id", "group_id", "lang", "label",
                pl.when(pl.Series(right.ravel())).then("label").otherwise("wrong")
                .alias("prediction"),
                pl.lit(place["run"]).alias("run"),
            )
        )  # fmt: skip
        results += [
            {**place, "size": 1000, "lang": lang, "metric": "f1_micro", "value": float(value)}
            for lang, value in zip(place["langs"], right.mean(axis=1), strict=True)
        ]
    predictions = pl.concat(parts).with_columns(
        pl.lit(None, pl.String).alias("source_lang"),
        pl.lit("original").alias("origin"),
        pl.lit("encoder").alias("model"),
        pl.lit(0.9).alias("probability"),
        pl.lit("own").alias("text_by"),
    )
    predictions.write_parquet(folder / "predictions.parquet", compression="uncompressed")
    columns = ("run", "arm", "otc", "ratio", "translator", "encoder", "source", "rows", "size",
               "seed", "lang", "metric", "value")  # fmt: skip
    whole, real = ("rows", "size", "seed"), "value"
    kinds = {
        name: pl.Int64() if name in whole else pl.Float64() if name == real else pl.String()
        for name in columns
    }
    table = pl.DataFrame([{name: row[name] for name in columns} for row in results], schema=kinds)
    table.write_parquet(folder / "results.parquet")
    chrf = rng.uniform(35, 65, (len(translators), design.langs))
    about = {
        "created": "2026-01-01", "labels": [str(label) for label in range(design.classes)],
        "ordinal": design.classes > 2, "notes": [], "cautions": [], "shared": [], "machine": {},
        "versions": {}, "failed": {}, "translations": [],
        "translators": [{"name": name, "spec": "mini"} for name in translators],
        "quality": [
            {"translator": name, "source": "en", "lang": lang, "rows": 1000, "chrf": float(value)}
            for name, values in zip(translators, chrf, strict=True)
            for lang, value in zip(langs, values, strict=True)
        ],
        "places": [{key: value for key, value in place.items() if key != "number"}
                   for place in places],
        "runs": {
            place["run"]: {
                "key": place["run"], "alignment": _alignment(place), "cuts": [],
                "training": {"encoder": "mini", "seconds": 1.0, "tokens": 1, "originals": 1000},
            }
            for place in places
        },
    }  # fmt: skip
    (folder / "runs.json").write_text(json.dumps(about), encoding="utf-8")
    spec = _spec(design, translators)
    (folder / "study.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
