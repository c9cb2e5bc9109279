"""The first two stages of a run: its rows, and their translations."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import polars as pl

from babelift.config import FitConfig, QualityAction
from babelift.corpus.rows import SPLITS, conform
from babelift.errors import DataError, LanguageError, did_you_mean
from babelift.progress import Progress
from babelift.run.folder import Run
from babelift.store import write_rows


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
        arm: `zero-shot`, `translated`, `original` or `original+translated`.
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
    if arm in ("zero-shot", "translated"):
        chosen = sources or others
        if not chosen:
            raise LanguageError(
                f"the arm '{arm}' trains on languages other than the targets, but all training "
                f"rows are in {', '.join(available)}, which are all targets.",
                "Take a language out of --to, or use --arm original or original+translated.",
            )
        if arm == "translated" and not targets:
            raise LanguageError(
                "the arm 'translated' needs at least one language to translate into.",
                "Name them with --to, e.g. --to de es; or use --arm zero-shot.",
            )
        return Plan(chosen, targets if arm == "translated" else (), targets, chosen)
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


_NO_FAULT = ["truncated"]


class Completion(NamedTuple):
    """What there is of the translations that a run needs, and what is to be translated.

    Attributes:
        have: Given translations that are taken.
        jobs: Originals, and the languages they are still to be translated into.
    """

    have: pl.DataFrame
    jobs: list[tuple[pl.DataFrame, list[str]]]


def attach(given: pl.DataFrame, originals: pl.DataFrame) -> pl.DataFrame:
    """The given translations whose original is there, with its group, label and split.

    A translation follows its original wherever that goes, so that no translation of a test row is
    ever trained on.

    Args:
        given: Translations, in the form of `corpus.rows.SCHEMA`.
        originals: Originals.
    """
    of_original = ["group_id", "label", "split"]
    known = originals.select(pl.col("id").alias("original_id"), *of_original)
    return (
        given.drop(of_original)
        .join(known, on="original_id", how="inner", maintain_order="left")
        .select(given.columns)
    )


def complete(
    originals: pl.DataFrame, targets: Sequence[str], given: pl.DataFrame, quality: QualityAction
) -> Completion:
    """Take the given translations of originals into the targets and say what is missing.

    Given translations count as if they had just been made: those with a fault are kept, dropped,
    or made again, as `quality` says.

    Args:
        originals: Rows to be translated.
        targets: Languages to translate them into.
        given: Translations from `attach`.
        quality: What becomes of those with a fault.

    >>> from babelift.corpus.rows import originals
    >>> rows = originals(ids=["a", "b"], texts=["x", "y"], labels=["1", "2"], langs=["en", "en"])
    >>> german = rows.head(1).with_columns(id=pl.lit("a@de"), lang=pl.lit("de"))
    >>> have, jobs = complete(rows, ["de", "ja"], german, "drop")
    >>> have["id"].to_list(), [(part["id"].to_list(), to) for part, to in jobs]
    (['a@de'], [(['b'], ['de']), (['a', 'b'], ['ja'])])
    """
    have = given.filter(
        pl.col("lang").is_in(list(targets))
        & pl.col("original_id").is_in(originals["id"].to_list())
        & (pl.col("lang") != pl.col("source_lang")).fill_null(True)
    )
    sound = pl.col("flags").list.set_difference(_NO_FAULT).list.len() == 0
    if quality == "retry":
        have = have.filter(sound)
    jobs: dict[tuple[str, ...], list[str]] = {}
    for target in targets:
        covered = have.filter(pl.col("lang") == target)["original_id"].to_list()
        missing = originals.filter(~pl.col("id").is_in(covered))
        if (missing["lang"] != target).any():
            jobs.setdefault(tuple(missing["id"].to_list()), []).append(target)
    if quality == "drop":
        have = have.filter(sound)
    return Completion(
        have, [(originals.filter(pl.col("id").is_in(ids)), to) for ids, to in jobs.items()]
    )


Leakage: TypeAlias = Literal["error", "drop", "warn"]


def prepare(run: Run, config: FitConfig, progress: Progress) -> None:
    """Read, check, split and audit the rows; write `data/originals.parquet`.

    Raises:
        DataError: Rows that cannot be used, too many rejects, or leakage.
        LanguageError: The arm needs languages that have no rows.
    """
    from babelift import corpus

    rows, rejects = _read(run, config, progress)
    run.manifest["rejects"] = rejects
    rows, given = _without_given(rows)
    plan = plan_arm(config.arm, _languages(rows, "train"), config.from_, config.to)
    rows, policy = _with_test(run, config, rows, plan, progress)
    used, leakage = corpus.audit_leakage(
        _used(rows, plan), policy=policy, near_duplicates=config.near_duplicates
    )
    run.manifest["leakage"] = leakage.to_dict()
    if leakage.total:
        _note(run, progress, leakage.summary())

    train = used.filter(pl.col("split") == "train")
    corpus.require_classes(train)
    labels, ordinal = corpus.label_set(train["label"].to_list())
    for note in corpus.odd_labels(labels):
        _note(run, progress, note)
    for split in ("validation", "test"):
        corpus.check_labels(train, used.filter(pl.col("split") == split), split)
    run.manifest |= {
        "labels": list(labels),
        "ordinal": ordinal if config.ordinal is None else config.ordinal,
        "from": list(plan.originals),
        "to": list(plan.targets),
        "translate_from": list(plan.translate_from),
        "translate_to": list(plan.translate_to),
    }
    if config.validation and not (used["split"] == "validation").any():
        _note(run, progress, f"the validation rows are not in {', '.join(plan.originals)}, so the "
              f"arm '{config.arm}' does not see them; the last weights are kept")  # fmt: skip
    _write(used, run.path / "data" / "originals.parquet")
    _write(attach(given, used), run.path / "data" / "given.parquet")


def translate(run: Run, config: FitConfig, progress: Progress) -> None:
    """Translate what the arm needs; write `data/{train,validation,test}.parquet`.

    Training and validation rows are translated into the arm's targets. Test rows are translated
    only into targets that have no test rows of their own, and are never dropped for their quality.
    """
    from babelift.corpus import label_set

    originals = pl.read_parquet(run.path / "data" / "originals.parquet")
    given = pl.read_parquet(run.path / "data" / "given.parquet")
    targets = tuple(run.manifest["translate_to"])
    splits = {split: originals.filter(pl.col("split") == split) for split in SPLITS}
    learning = pl.concat([splits["train"], splits["validation"]])
    learning = only_languages(learning, tuple(run.manifest["translate_from"]))
    lacking = [lang for lang in run.manifest["to"] if lang not in set(splits["test"]["lang"])]
    test = only_languages(splits["test"], tuple(run.manifest["from"]))
    work = {
        "translation": complete(learning, targets, given, config.quality),
        "translation_test": complete(
            test.filter(pl.col("origin") == "original"), lacking, given, "keep"
        ),
    }
    reports: dict[str, Any] = {}
    made = [part.have for part in work.values()]
    with ExitStack() as stack:
        if any(part.jobs for part in work.values()):
            worker = stack.enter_context(_Work(config, progress))
        for name, part in work.items():
            quality = config.quality if name == "translation" else "keep"
            done = [worker.translate(rows, to, quality) for rows, to in part.jobs]
            made += [rows for rows, _ in done]
            reports[name] = _merged([report for _, report in done])
    for split in SPLITS:
        new = [rows.filter(pl.col("split") == split) for rows in made]
        splits[split] = pl.concat([splits[split], *new], how="diagonal_relaxed")
    taken = sum(part.have.height for part in work.values())
    if given.height:
        _note(run, progress, f"translations that came with the tables: {taken:,} are used, "
              f"{given.height - taken:,} are left out")  # fmt: skip
    if targets and (splits["train"]["origin"] == "original").all():
        raise _nothing_translated(reports["translation"], config)
    run.manifest |= reports
    notes = (note for report in reports.values() if report for note in report["notes"])
    for note in dict.fromkeys(notes):
        _note(run, progress, note)
    labels = label_set(splits["train"]["label"].to_list())[0]
    if len(labels) < len(run.manifest["labels"]):
        raise DataError("no rows are left of some labels.")
    for split, rows in splits.items():
        _write(rows, run.path / "data" / f"{split}.parquet")
    run.manifest["data"] = {split: _count(rows) for split, rows in splits.items()}


def read_split(run: Run, split: str) -> pl.DataFrame:
    """The rows of one split, translations included, as the run used them."""
    return pl.read_parquet(run.path / "data" / f"{split}.parquet")


def read_lines(paths: Sequence[str]) -> list[str]:
    """The lines of text files, without those that are blank.

    Raises:
        DataError: A file cannot be read as text.
    """
    lines: list[str] = []
    for path in paths:
        try:
            lines += Path(path).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise DataError(f"{path}: cannot be read: {reason}.") from error
    return [line for line in lines if line.strip()]


class _Work:
    """A translator and a memory, open for the length of a `with` block."""

    def __init__(self, config: FitConfig, progress: Progress) -> None:
        self._config = config
        self._progress = progress

    def __enter__(self) -> "_Work":
        from babelift.translation.memory import Memory
        from babelift.translation.registry import load_translator

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
        from babelift.translation.driver import translate_rows

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


def _without_given(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
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


def _with_test(
    run: Run, config: FitConfig, rows: pl.DataFrame, plan: Plan, progress: Progress
) -> tuple[pl.DataFrame, Leakage]:
    """Rows with test rows among them, split off where none were given, and the leakage policy.

    What the user split must be clean. What is split here may leave near-duplicates on both sides,
    which is nobody's fault: those are dropped from training.
    """
    from babelift import corpus

    if (rows["split"] == "test").any():
        return rows, config.leakage
    policy: Leakage = "drop" if config.leakage == "error" else config.leakage
    if not (rows["split"] == "validation").any() and not config.validation:
        _note(run, progress, "no test table was given: a tenth of the groups is kept for testing "
              "and a tenth for validation")  # fmt: skip
        return corpus.split_by_group(rows, seed=config.seed), policy
    if config.leakage == "error":
        near = config.near_duplicates
        corpus.audit_leakage(_used(rows, plan), policy="error", near_duplicates=near)
    _note(run, progress, "no test table was given: a tenth of the groups is kept for testing")
    return _carve_test(rows, config.seed), policy


def _merged(reports: list[dict[str, Any]]) -> dict[str, Any] | None:
    """One report of jobs that have no language pair in common."""
    if not reports:
        return None
    merged = dict(reports[0])
    for report in reports[1:]:
        for name, value in report.items():
            if isinstance(value, int | float):
                merged[name] += value
            elif isinstance(value, dict) and name == "pairs":
                merged[name] = {**merged[name], **value}
            elif isinstance(value, list):
                merged[name] = [*merged[name], *value]
    return merged


def _nothing_translated(report: dict[str, Any] | None, config: FitConfig) -> DataError:
    flags: Counter[str] = Counter()
    for counts in (report or {"pairs": {}})["pairs"].values():
        flags.update(counts["flags"])
    why = ", ".join(f"{name} {number:,}" for name, number in flags.most_common())
    return DataError(
        f"no training row has a translation that can be used ({why or 'none was made'}).",
        "Take another translator, or keep faulty translations with --quality keep.",
    )


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
    if note not in run.manifest["notes"]:  # a stage that was stopped says it again
        run.manifest["notes"].append(note)
    progress.say(note)


def _write(rows: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(conform(rows), path)
