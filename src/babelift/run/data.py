"""The first two stages of a run: its rows, and their translations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from babelift.config import FitConfig
from babelift.corpus.rows import SPLITS, conform
from babelift.errors import DataError
from babelift.files import write_rows
from babelift.progress import Progress
from babelift.run.arms import Plan, only_languages, plan_arm
from babelift.run.folder import Run


def prepare(run: Run, config: FitConfig, progress: Progress) -> None:
    """Read, check, split and audit the rows; write `data/originals.parquet`.

    Raises:
        DataError: Rows that cannot be used, too many rejects, or leakage.
        LanguageError: The arm needs languages that have no rows.
    """
    from babelift import corpus

    rows, rejects = _read(run, config, progress)
    run.manifest["rejects"] = rejects
    if not config.validation and not config.test and rows["split"].n_unique() == 1:
        rows = corpus.split_by_group(rows, seed=config.seed)
        _note(run, progress, "no test table was given: a tenth of the groups is kept for testing "
              "and a tenth for validation")  # fmt: skip
    elif not (rows["split"] == "test").any():
        rows = _carve_test(rows, config.seed)
        _note(run, progress, "no test table was given: a tenth of the groups is kept for testing")

    plan = plan_arm(config.arm, _languages(rows, "train"), config.from_, config.to)
    used = _used(rows, plan)
    used, leakage = corpus.audit_leakage(
        used, policy=config.leakage, near_duplicates=config.near_duplicates
    )
    run.manifest["leakage"] = leakage.to_dict()

    train = used.filter(pl.col("split") == "train")
    corpus.require_classes(train)
    labels, ordinal = corpus.label_set(train["label"].to_list())
    for split in ("validation", "test"):
        corpus.check_labels(train, used.filter(pl.col("split") == split), split)
    run.manifest |= {
        "labels": list(labels),
        "ordinal": ordinal if config.ordinal is None else config.ordinal,
        "from": list(plan.originals),
        "to": list(plan.targets),
        "translate_to": list(plan.translate_to),
    }
    _write(used, run.path / "data" / "originals.parquet")


def translate(run: Run, config: FitConfig, progress: Progress) -> None:
    """Translate what the arm needs; write `data/{train,validation,test}.parquet`.

    Training and validation rows are translated into the arm's targets. Test rows are translated
    only into targets that have no test rows of their own, and are never dropped for their quality.
    """
    from babelift.corpus import label_set

    originals = pl.read_parquet(run.path / "data" / "originals.parquet")
    targets = tuple(run.manifest["translate_to"])
    splits = {split: originals.filter(pl.col("split") == split) for split in SPLITS}
    lacking = [lang for lang in run.manifest["to"] if lang not in set(splits["test"]["lang"])]
    sources = only_languages(splits["test"], tuple(run.manifest["from"]))
    reports: dict[str, Any] = {"translation": None, "translation_test": None}
    if targets or (lacking and sources.height):
        with _Work(config, progress) as work:
            if targets:
                learning = pl.concat([splits["train"], splits["validation"]])
                made, reports["translation"] = work.translate(learning, targets, config.quality)
                for split in ("train", "validation"):
                    new = made.filter(pl.col("split") == split)
                    splits[split] = pl.concat([splits[split], new], how="diagonal")
            if lacking and sources.height:
                made, reports["translation_test"] = work.translate(sources, lacking, "keep")
                splits["test"] = pl.concat([splits["test"], made], how="diagonal")
    run.manifest |= reports
    labels = label_set(splits["train"]["label"].to_list())[0]
    if len(labels) < len(run.manifest["labels"]):
        raise DataError("no rows are left of some labels.")
    for split, rows in splits.items():
        _write(rows, run.path / "data" / f"{split}.parquet")
    run.manifest["data"] = {split: _count(rows) for split, rows in splits.items()}


def read_split(run: Run, split: str) -> pl.DataFrame:
    """The rows of one split, translations included, as the run used them."""
    return pl.read_parquet(run.path / "data" / f"{split}.parquet")


class _Work:
    """A translator and a memory, open for the length of a `with` block."""

    def __init__(self, config: FitConfig, progress: Progress) -> None:
        self._config = config
        self._progress = progress

    def __enter__(self) -> "_Work":
        from babelift.translate.memory import Memory
        from babelift.translate.registry import load_translator

        config = self._config
        self._translator = load_translator(config.translator, config=config)
        self._fallback = (
            load_translator(config.fallback, config=config) if config.fallback else None
        )
        self._memory = Memory()
        return self

    def __exit__(self, *exception: object) -> None:
        self._memory.close()
        for translator in (self._translator, self._fallback):
            if translator is not None:
                translator.close()

    def translate(
        self, rows: pl.DataFrame, targets: Sequence[str], quality: Any
    ) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Translate originals into the targets; translations that came with the rows stay."""
        from babelift.translate.driver import translate_rows

        result = translate_rows(
            rows.filter(pl.col("origin") == "original"),
            targets,
            self._translator,
            memory=self._memory,
            quality=quality,
            fallback=self._fallback,
            batch_tokens=self._config.batch_tokens,
            progress=self._progress,
        )
        return result.rows, result.report.to_dict()


def _read(run: Run, config: FitConfig, progress: Progress) -> tuple[pl.DataFrame, dict[str, Any]]:
    from babelift import corpus

    frames, rejects = [], []
    for split in SPLITS:
        paths = getattr(config, split)
        if not paths:
            continue
        read = corpus.read_corpus(paths, config, split=None if split == "train" else split)
        for note in read.notes:
            _note(run, progress, note)
        frames.append(read.rows.with_columns(pl.col("split").fill_null(split)))
        rejects.append(read.rejects)
        if read.rejects.height:
            file = run.path / "data" / "rejects.jsonl"
            corpus.write_rejects(pl.concat(rejects), file)
            _note(run, progress, f"rejected rows: {read.rejects.height}; see {file}")
        corpus.check_budget(read, config.max_rejects)
    rejected = pl.concat(rejects)
    reasons = corpus.count_reasons(rejected)
    return conform(corpus.stack(frames)), {"count": rejected.height, "reasons": reasons}


def _used(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Rows an arm may see: its own languages in training and validation, all in test."""
    learning = only_languages(rows.filter(pl.col("split") != "test"), plan.originals)
    return pl.concat([learning, rows.filter(pl.col("split") == "test")])


def _carve_test(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    from babelift import corpus

    train = rows.filter(pl.col("split") == "train")
    carved = corpus.split_by_group(train.with_columns(split=None), seed=seed, validation=0.0)
    return pl.concat([carved, rows.filter(pl.col("split") != "train")])


def _languages(rows: pl.DataFrame, split: str) -> tuple[str, ...]:
    chosen = rows.filter(pl.col("split") == split)
    return tuple(chosen["lang"].unique(maintain_order=True).to_list())


def _count(rows: pl.DataFrame) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for lang, origin, number in rows.group_by("lang", "origin").len().sort("lang", "origin").rows():
        counts.setdefault(lang, {})[origin] = number
    return counts


def _note(run: Run, progress: Progress, note: str) -> None:
    run.manifest["notes"].append(note)
    progress.say(note)


def _write(rows: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(conform(rows), path)
