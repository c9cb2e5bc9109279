"""The first stage of a run: its rows read, checked, split and audited."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import polars as pl

from babelift import corpus
from babelift.config import FitConfig
from babelift.corpus.rows import SPLITS, conform
from babelift.errors import DataError, LanguageError, did_you_mean
from babelift.progress import Progress
from babelift.run.folder import Run
from babelift.run.manifest import Rejects
from babelift.run.self_training import clean_unlabelled
from babelift.store import not_a_file, write_rows

Leakage: TypeAlias = Literal["error", "drop", "warn"]


def read_rows(run: Run, config: FitConfig, progress: Progress) -> None:
    """Read, check, split and audit the rows.

    Writes `data/originals.parquet`, and into `data/given.parquet` the translations that came with
    the tables.

    Raises:
        DataError: Rows that cannot be used, too many rejects, or leakage.
        LanguageError: The arm needs languages that have no rows.
    """
    rows, unlabelled = _read(run, config, progress)
    rows, brought = _apart_from_translations(rows)
    available = rows.filter(pl.col("split") == "train")["lang"].unique(maintain_order=True)
    plan = plan_arm(config.arm, tuple(available), config.from_, config.to)
    rows, policy = _with_test(run, config, rows, plan, progress)
    used, leakage = corpus.audit_leakage(
        _used(rows, plan), policy=policy, near_duplicates=config.near_duplicates
    )
    if leakage.total:
        run.note(leakage.summary(), progress)

    if unlabelled is not None:
        used = _with_validation(run, config, used, progress)
    train = used.filter(pl.col("split") == "train")
    corpus.require_classes(train)
    labels, ordinal = corpus.label_set(train["label"].to_list())
    for split in ("validation", "test"):
        corpus.check_labels(train, used.filter(pl.col("split") == split), split)
    if config.validation and not (used["split"] == "validation").any():
        run.note(
            f"the validation rows are not in {', '.join(plan.originals)}, so the arm "
            f"'{config.arm}' does not see them; the last weights are kept",
            progress,
        )
    write_split(used, run, "originals")
    write_split(attach(brought, used), run, "given")
    if unlabelled is not None:
        clean_unlabelled(run, config, unlabelled, used, plan.originals, progress)
    run.update(
        leakage=leakage,
        labels=tuple(labels),
        ordinal=ordinal if config.ordinal is None else config.ordinal,
        from_=plan.originals,
        to=plan.targets,
        translate_from=plan.translate_from,
        translate_to=plan.translate_to,
    )


def write_split(rows: pl.DataFrame, run: Run, name: str) -> None:
    """Write some of a run's rows into its folder."""
    path = run.folder / "data" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(conform(rows), path)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one arm does with the languages at hand.

    Attributes:
        originals: Languages whose own labelled rows are trained on.
        translate_to: Languages the training rows are translated into; empty for arms without.
        targets: Languages the classifier is wanted for.
        translate_from: Languages whose rows are translated, all of `originals` but where the
            user named sources.
    """

    originals: tuple[str, ...]
    translate_to: tuple[str, ...]
    targets: tuple[str, ...]
    translate_from: tuple[str, ...]


def plan_arm(
    arm: str, available: tuple[str, ...], sources: tuple[str, ...], targets: tuple[str, ...]
) -> Plan:
    """Decide which languages an arm trains on and translates into.

    Args:
        arm: One of `config.Arm`.
        available: Languages that have labelled training rows.
        sources: Languages the user named as sources; where empty, all available non-targets.
        targets: Languages the classifier is wanted for.

    Raises:
        LanguageError: The arm needs rows or targets that are not there.

    >>> plan_arm("translated", ("en",), (), ("de", "ja"))
    Plan(originals=('en',), translate_to=('de', 'ja'), targets=('de', 'ja'), translate_from=('en',))
    >>> plan_arm("original", ("en", "de"), (), ("de",)).originals
    ('de',)
    """
    for source in sources:
        if source not in available:
            raise LanguageError(
                f"no labelled rows in '{source}' to train on; the training tables have "
                f"{', '.join(available)}{did_you_mean(source, available)}",
                "Name languages that have rows with --from.",
            )
    others = tuple(lang for lang in available if lang not in targets)
    if arm not in ("original", "original+translated"):
        chosen = sources or others
        if not chosen:
            raise LanguageError(
                f"the arm '{arm}' trains on languages other than the targets, but all training "
                f"rows are in {', '.join(available)}, which are all targets.",
                "Take a language out of --to, or use --arm original or original+translated.",
            )
        translating = arm in ("translated", "round-trip")
        if translating and not targets:
            raise LanguageError(
                f"the arm '{arm}' needs at least one language to translate into.",
                "Name them with --to, e.g. --to de es; or use --arm zero-shot.",
            )
        return Plan(chosen, targets if translating else (), targets, chosen)
    lacking = [lang for lang in targets if lang not in available]
    if arm == "original" and lacking:
        raise LanguageError(
            f"the arm 'original' trains on labelled rows of the targets, but there are none in "
            f"{', '.join(lacking)}; the training tables have {', '.join(available)}.",
            "Bring labelled rows in these languages, or use --arm translated.",
        )
    own = tuple(lang for lang in targets if lang in available)
    if arm == "original":
        seen = tuple(dict.fromkeys((*sources, *own))) or available
        return Plan(seen, (), targets, seen)
    if not targets:
        raise LanguageError(
            "the arm 'original+translated' needs at least one language to translate into.",
            "Name them with --to, e.g. --to de es.",
        )
    seen = tuple(dict.fromkeys((*(sources or others), *own)))
    return Plan(seen, targets, targets, sources or seen)


def only_languages(rows: pl.DataFrame, languages: tuple[str, ...]) -> pl.DataFrame:
    """The rows written in one of `languages`."""
    return rows.filter(pl.col("lang").is_in(list(languages)))


def read_lines(paths: Sequence[str]) -> list[str]:
    """The lines of text files, without those that are blank.

    Raises:
        DataError: A file cannot be read as text.
    """
    lines: list[str] = []
    for path in paths:
        try:
            if kind := not_a_file(Path(path)):
                raise DataError(f"{path}: is {kind}; only files can be read.")
            lines += Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise DataError(f"{path}: cannot be read: {reason}.") from error
    return [line for line in lines if line.strip()]


def _read(
    run: Run, config: FitConfig, progress: Progress
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """The labelled rows of all tables, and the unlabelled ones where there are any.

    What was rejected is written down and counted in the manifest.
    """
    for note in config.notes:
        run.note(note, progress)
    rejects: list[pl.DataFrame] = []

    def take(role: str, table: FitConfig, **how: Any) -> pl.DataFrame:
        read = corpus.read_corpus(getattr(config, role), table, **how)
        for note in read.notes:
            run.note(note, progress)
        rejects.append(read.rejects)
        if read.rejects.height:
            file = run.folder / "data" / "rejects.jsonl"
            corpus.write_rejects(pl.concat(rejects), file)
            reasons = corpus.count_reasons(read.rejects)
            why = ", ".join(f"{reason}: {number:,}" for reason, number in reasons.items())
            rows = "training" if role == "train" else role
            run.note(f"rejected {rows} rows: {read.rejects.height:,} ({why}); see {file}", progress)
        corpus.check_budget(read, config.max_rejects)
        return read.rows

    frames = [
        take(split, config, split=None if split == "train" else split).with_columns(
            pl.col("split").fill_null(split)
        )
        for split in SPLITS
        if getattr(config, split)
    ]
    unlabelled = None
    if config.unlabelled:
        # Columns that the labelled tables have need not be in these.
        table = config.model_copy(update={"label": None, "id": None, "group": None})
        unlabelled = take("unlabelled", table, split="train", labelled=False)
    rejected = pl.concat(rejects)
    reasons = corpus.count_reasons(rejected)
    run.update(rejects=Rejects(count=rejected.height, reasons=reasons))
    return conform(corpus.stack(frames)), unlabelled


def _apart_from_translations(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that count as originals, and the translations that came with the tables.

    A translation never counts as an original of its language. Those in a test table whose
    originals are not there stay what they are: test rows, marked as translated.
    """
    original = pl.col("origin") == "original"
    tested = pl.col("split") == "test"
    known = rows.filter(original & tested)["id"].to_list()
    alone = ~original & tested & ~pl.col("original_id").is_in(known)
    if not rows.filter(original & (pl.col("split") == "train")).height:
        raise DataError(
            "all training rows are translations; there is no original among them.",
            "Give the table they were made from too, or write both into one with "
            "'babelift translate --with-originals'.",
        )
    return rows.filter(original | alone), rows.filter(~original & ~alone)


def attach(brought: pl.DataFrame, originals: pl.DataFrame) -> pl.DataFrame:
    """Translations whose original is there, with its group, label and split.

    A translation follows its original wherever that goes, so that no translation of a test row is
    ever trained on.

    Args:
        brought: Translations that came with the tables, in the form of `corpus.rows.SCHEMA`.
        originals: Originals.
    """
    of_original = ["group_id", "label", "split"]
    known = originals.select(pl.col("id").alias("original_id"), *of_original)
    return (
        brought.drop(of_original)
        .join(known, on="original_id", how="inner", maintain_order="left")
        .select(brought.columns)
    )


def _with_test(
    run: Run, config: FitConfig, rows: pl.DataFrame, plan: Plan, progress: Progress
) -> tuple[pl.DataFrame, Leakage]:
    """Rows with test rows among them, split off where none were given, and the leakage policy.

    What the user split must be clean. What is split here may leave near-duplicates on both sides,
    which is nobody's fault: those are dropped from training.
    """
    if (rows["split"] == "test").any():
        return rows, config.leakage
    policy: Leakage = "drop" if config.leakage == "error" else config.leakage
    if not (rows["split"] == "validation").any() and not config.validation:
        run.note(
            "no test table was given: a tenth of the groups is kept for testing and a tenth for "
            "validation",
            progress,
        )
        return corpus.split_by_group(rows, seed=config.seed), policy
    if config.leakage == "error":
        near = config.near_duplicates
        corpus.audit_leakage(_used(rows, plan), policy="error", near_duplicates=near)
    run.note("no test table was given: a tenth of the groups is kept for testing", progress)
    train = rows.filter(pl.col("split") == "train").with_columns(split=None)
    carved = corpus.split_by_group(train, seed=config.seed, validation=0.0)
    return pl.concat([carved, rows.filter(pl.col("split") != "train")]), policy


def _with_validation(
    run: Run, config: FitConfig, rows: pl.DataFrame, progress: Progress
) -> pl.DataFrame:
    """Rows with validation rows among them, by which self-training is judged."""
    if (rows["split"] == "validation").any():
        return rows
    run.note("a tenth of the training groups is kept to judge self-training by", progress)
    learning = pl.col("split") == "train"
    carved = corpus.split_by_group(rows.filter(learning), seed=config.seed, test=0.0)
    return pl.concat([carved, rows.filter(~learning)])


def _used(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Rows an arm may see: its own languages in training and validation, all in test."""
    learning = only_languages(rows.filter(pl.col("split") != "test"), plan.originals)
    return pl.concat([learning, rows.filter(pl.col("split") == "test")])
