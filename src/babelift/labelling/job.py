"""Which rows to label next: `babelift.suggest`, and the job behind `babelift suggest`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import polars as pl
from pydantic import BaseModel

from babelift.config import FitConfig, SuggestConfig
from babelift.corpus import report_rejects, stack
from babelift.corpus.labels import label_strings
from babelift.corpus.parts import Parts, parts_folder
from babelift.corpus.reader import read_parts
from babelift.corpus.rows import PSEUDO, SPLITS
from babelift.corpus.similarity import near_duplicates, normalise
from babelift.corpus.slices import written_rows
from babelift.corpus.table import ROW
from babelift.errors import ConfigError, DataError, RunError
from babelift.labelling.choice import SHORTLIST, farthest_first, shares, uncertainty
from babelift.labelling.worth import worth_sentences
from babelift.prediction.job import free_names
from babelift.prediction.predictor import Predictor
from babelift.progress import Progress, quiet
from babelift.report.numbers import counted, share
from babelift.run.folder import Run
from babelift.store import (
    changed_columns,
    claim_file,
    job_key,
    read_record,
    read_table,
    rows_file,
    write_record,
    write_rows,
)

if TYPE_CHECKING:
    from babelift.study.budget import LabelBudget

_SURE: Final = 0.5
"""How far apart the probabilities of two labels are where the classifier is called sure."""

Shares: TypeAlias = dict[str | None, int]
Doubt: TypeAlias = dict[str | None, float]


class Language(BaseModel, frozen=True):
    """The rows of one language.

    Attributes:
        lang: Its tag; None where it is not known.
        candidates: Rows that could be chosen.
        chosen: Rows that were.
        confidence: Mean probability of the classifier's guesses among the candidates.
        accuracy: What the run's test found in this language; None where it had none.
    """

    lang: str | None
    candidates: int
    chosen: int
    confidence: float
    accuracy: float | None


class Suggestion(BaseModel, frozen=True):
    """What was chosen of which rows; `<out>.report.json`.

    Attributes:
        job: Identifies settings, input and model.
        rows: That were read; the counts that follow add up to it.
        chosen: Rows in the file.
        labelled: Rows that have a label already.
        repeats_run: Rows that repeat one of the run's: in training it is nothing new, and one of
            the test would spoil the test.
        repeats_row: Rows that repeat one before them.
        others: Candidates that were not chosen.
        rejects: Rows that could not be read.
        languages: Most candidates first.
        worth: What so many labels are worth, in sentences.
    """

    job: str
    rows: int
    chosen: int
    labelled: int
    repeats_run: int
    repeats_row: int
    others: int
    rejects: int
    languages: tuple[Language, ...]
    worth: tuple[str, ...]

    def sentences(self) -> list[str]:
        """What became of the rows, and what the labels are worth."""
        repeat = "repeats" if self.repeats_run == 1 else "repeat"
        again = "repeats" if self.repeats_row == 1 else "repeat"
        has = "has" if self.labelled == 1 else "have"
        left = [
            (self.repeats_run, f"{self.repeats_run:,} {repeat} rows of the run"),
            (self.repeats_row, f"{self.repeats_row:,} {again} another row"),
            (self.labelled, f"{self.labelled:,} {has} a label already"),
            (self.others, f"{self.others:,} were not chosen"),
        ]
        rest = "; ".join(words for number, words in left if number)
        chosen = f"Chosen: {self.chosen:,} of {counted(self.rows, 'row')}."
        return [f"{chosen} The others: {rest}." if rest else chosen, *self.worth]


def suggest(
    run: str | Path,
    unlabelled: pl.DataFrame | str | Path | Sequence[str | Path],
    *,
    rows: int = 100,
    progress: Progress | None = None,
    **settings: Any,
) -> pl.DataFrame:
    """Choose the rows whose labels would teach a run's classifier most.

    Args:
        run: The run's folder.
        unlabelled: A frame, or one or more files.
        rows: How many to choose.
        progress: Where progress is shown, with what became of the rows; None for nowhere.
        **settings: Any other setting of `babelift suggest`, e.g. `languages="even"`, `lang="de"`.

    Returns:
        The chosen rows, the best first: the rows' own columns as they were, an empty column for the
        label where there is none (and `lang`, where the rows' language was given for all), then
        `prediction`, `probability` (of the prediction, 0 to 1) and `why`. A column that had one of
        these names before is called `..._given`.

    Raises:
        ConfigError: A setting that cannot be used.
        DataError: The rows cannot be read, or none is left to choose.
        ModelError: The run has no classifier, or it cannot be opened.
        RunError: The folder is no run.

    Example:
        to_label = babelift.suggest("runs/reviews", "unlabelled.csv", rows=200)
    """
    with TemporaryDirectory(prefix="babelift-") as folder:
        files: Any = unlabelled
        if isinstance(unlabelled, pl.DataFrame):
            files = Path(folder) / "rows.parquet"
            write_rows(unlabelled, files)
        elif isinstance(unlabelled, str | Path):
            files = [unlabelled]
        inputs = (str(files),) if isinstance(files, Path) else tuple(map(str, files))
        values = {**settings, "model": str(run), "input": inputs, "rows": rows}
        config = SuggestConfig.from_mapping(values, where="suggest")
        progress = progress or quiet()
        chosen, suggestion = _suggest(config, "", Path(folder), None, progress)
        for sentence in suggestion.sentences():
            progress.say(sentence)
        return chosen


def run_suggest(config: SuggestConfig, progress: Progress | None = None) -> tuple[Path, Suggestion]:
    """Choose the rows to label next and write them, as `suggest` does.

    Beside the file stand its `Suggestion` and, of rows that cannot be read, the rejects.

    Args:
        config: Settings of `babelift suggest`; without `out` the file is called
            `<table>-suggested.csv`, in the current folder.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The file that was written, and what was chosen of which rows.

    Raises:
        BabeliftError: As `suggest`; RunError too where the file exists and is not this job's.
    """
    if not config.input:
        raise ConfigError("no input table was given.", "Name one or more, e.g. unlabelled.csv")
    progress = progress or quiet()
    stem = Path(config.input[0]).name.split(".")[0].replace(":", "-") or "rows"
    out = config.out or Path(f"{stem}-suggested.csv")
    tables = [str(Path(config.model) / "data" / f"{split}.parquet") for split in SPLITS]
    weights = str(Path(config.model) / "model" / "model.safetensors")
    study = [str(config.study / "report.json")] if config.study else []
    job = job_key(config.content("input"), [*config.input, *tables, weights, *study])
    with claim_file(out, [*config.input, config.model]) as output:
        if out.exists():
            output.check_job(job)
            with parts_folder(out):  # what a late kill left goes
                pass
            progress.say(f"{out} is complete already; nothing was changed.")
            return out, read_record(output.report, Suggestion)
        with parts_folder(out) as folder:
            chosen, suggestion = _suggest(config, job, folder, output.rejects, progress)
            for note in changed_columns(chosen, out):
                progress.say(note)
            with rows_file(out, excel_safe=config.excel_safe) as append:
                append(chosen)
                # Before the file stands in its place: one without a report is nobody's.
                write_record(suggestion, output.report)
    return out, suggestion


def _suggest(
    config: SuggestConfig, job: str, folder: Path, rejects: Path | None, progress: Progress
) -> tuple[pl.DataFrame, Suggestion]:
    run = Run.open(Path(config.model))
    predictor = Predictor.load(config.model, precision=config.precision)
    budgets = _budgets(config.study)
    fitted = FitConfig.read(run.folder / "config.yaml")
    label = config.label or fitted.label or "label"
    parts = read_parts(config.input, config, folder, labelled=False, lang_required=False)
    report_rejects(parts, rejects, config.max_rejects, progress)
    known = normalise(pl.concat(_texts(run, split) for split in SPLITS)).unique()
    free, left_out = _free(parts, _labelled(config.input, parts, label), known)
    candidates = _candidates(parts, free, predictor, config.batch_size, progress)
    sure = candidates.group_by("lang").agg(pl.col("p1").mean()).iter_rows()
    doubt = {lang: max(1 - confidence, 1e-6) for lang, confidence in sure}
    short = _shortlist(parts, candidates, doubt, config)
    copies = _copies(short, known, fitted.near_duplicates)
    if copies.all():
        raise DataError(
            f"no row is left to choose of {parts.height:,}: they have a label already, or repeat "
            "rows of the run.",
            "Give rows that the run does not know yet.",
        )
    chosen = _chosen(short.filter(~copies), doubt, predictor, config, progress)
    languages = _languages(candidates, chosen, run)
    new = {language.lang: language.chosen for language in languages}
    has: Shares = {lang: run.manifest.trained_on(lang).get("original", 0) for lang in new if lang}
    suggestion = Suggestion(
        job=job,
        rows=parts.height,
        chosen=chosen.height,
        labelled=left_out["labelled"],
        repeats_run=left_out["repeats_run"] + int(copies.sum()),
        repeats_row=left_out["repeats_row"],
        others=candidates.height - int(copies.sum()) - chosen.height,
        rejects=parts.rejects.height,
        languages=languages,
        worth=tuple(worth_sentences(new, has, budgets)),
    )
    return _as_written(config, parts, chosen, label), suggestion


def _budgets(study: Path | None) -> "list[LabelBudget] | None":
    """The label budgets of a study; None where none was named."""
    if study is None:
        return None
    from babelift.study.summary import RESULT, StudyResult

    if not (study / RESULT).is_file():
        raise RunError(
            f"'{study}' is not a study that has been run: it has no {RESULT}.",
            "Name the folder that 'babelift study' wrote its page into.",
        )
    return read_record(study / RESULT, StudyResult).budget


def _texts(run: Run, split: str) -> pl.Series:
    """The texts of a split, without those that a first model labelled: people may still do it."""
    rows = read_table(run.folder / "data" / f"{split}.parquet", ["text", "origin"])
    return rows.filter(pl.col("origin") != PSEUDO)["text"]


def _labelled(files: Sequence[str], parts: Parts, label: str) -> pl.Series:
    """Whether each row has a label already, `(rows,) bool`."""
    masks = [pl.Series([], dtype=pl.Boolean)]
    for frame in written_rows(files, parts.rejects):
        no_label = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
        given = label_strings(frame[label]).is_not_null() if label in frame.columns else no_label
        masks.append(given)
    labelled = pl.concat(masks)
    if len(labelled) != parts.height:
        raise DataError("the tables have changed while they were read.", "Start again.")
    return labelled


def _free(
    parts: Parts, labelled: pl.Series, known: pl.Series
) -> tuple[list[pl.Series], dict[str, int]]:
    """Where the candidates are in each part, `(rows,) bool`, and what the others are, counted."""
    left_out = {"labelled": int(labelled.sum()), "repeats_run": 0, "repeats_row": 0}
    seen = pl.Series([], dtype=pl.UInt64)
    masks, start = [], 0
    for part in parts:
        has_label = labelled[start : start + part.height]
        start += part.height
        plain = normalise(part["text"])
        of_run = plain.is_in(known.implode()) & (plain != "")
        # Punctuation alone is nothing to go by; such texts are compared as they are.
        key = plain.zip_with(plain != "", part["text"]).hash()
        again = key.is_in(seen.implode()) | ~key.is_first_distinct()
        seen = pl.concat([seen, key.filter(~again)])
        left_out["repeats_run"] += int((~has_label & of_run).sum())
        left_out["repeats_row"] += int((~has_label & ~of_run & again).sum())
        masks.append(~has_label & ~of_run & ~again)
    return masks, left_out


def _candidates(
    parts: Parts, free: Sequence[pl.Series], predictor: Predictor, size: int, progress: Progress
) -> pl.DataFrame:
    """The candidates: `row`, `lang`, the likeliest labels `first` and `second`, `p1`, `p2`."""
    texts = (part["text"].filter(mask).to_list() for part, mask in zip(parts, free, strict=True))
    total = sum(int(mask.sum()) for mask in free)
    stream = predictor.stream_proba(texts, total, batch_size=size, progress=progress)
    labels = pl.Enum(predictor.labels)
    frames, start = [], 0
    for part, mask, proba in zip(parts, free, stream, strict=True):
        best = (-proba).argsort(axis=1, kind="stable")[:, :2]
        heights = np.take_along_axis(proba, best, axis=1)
        frames.append(
            pl.DataFrame(
                {
                    "row": start + mask.arg_true().cast(pl.Int64),
                    "lang": part["lang"].filter(mask),
                    "first": [predictor.labels[number] for number in best[:, 0]],
                    "second": [predictor.labels[number] for number in best[:, 1]],
                    "p1": heights[:, 0],
                    "p2": heights[:, 1],
                },
                schema_overrides={"first": labels, "second": labels},
            )
        )
        start += part.height
    return pl.concat(frames)


def _shares(rows: pl.DataFrame, doubt: Doubt, config: SuggestConfig) -> Shares:
    """How many rows each language gets of those that there are."""
    heights = dict(rows["lang"].value_counts(sort=True).iter_rows())
    even = config.languages == "even"
    return shares(config.rows, heights, dict.fromkeys(heights, 1.0) if even else doubt)


def _shortlist(
    parts: Parts, candidates: pl.DataFrame, doubt: Doubt, config: SuggestConfig
) -> pl.DataFrame:
    """The least sure candidates of each language, some for each row that it gets, with `text`."""
    quota = _shares(candidates, doubt, config)
    unsure = candidates.sort(pl.col("p1") - pl.col("p2"), maintain_order=True)
    own = [
        unsure.filter(pl.col("lang").eq_missing(pl.lit(lang, pl.String))).head(SHORTLIST * number)
        for lang, number in quota.items()
    ]
    short = pl.concat([unsure.head(0), *own]).sort("row")
    texts, start = [], 0
    for part in parts:
        here = short["row"].filter(short["row"].is_between(start, start + part.height - 1)) - start
        texts.append(part["text"].gather(here))
        start += part.height
    return short.with_columns(pl.concat(texts).alias("text"))


def _copies(rows: pl.DataFrame, known: pl.Series, threshold: float) -> pl.Series:
    """Whether each row's text is nearly one of the run's, `(rows,) bool`."""
    copies = np.zeros(rows.height, dtype=bool)
    if threshold:
        plain = normalise(rows["text"]).to_list()
        copies[[match.place for match in near_duplicates(plain, known.to_list(), threshold)]] = True
    return pl.Series(copies)


def _chosen(
    short: pl.DataFrame,
    doubt: Doubt,
    predictor: Predictor,
    config: SuggestConfig,
    progress: Progress,
) -> pl.DataFrame:
    """The rows that are chosen, the first ones of every language in front, with `why`."""
    vectors = predictor.vectors(
        short["text"].to_list(), batch_size=config.batch_size, progress=progress
    )
    unsure = uncertainty(short.select("p1", "p2").to_numpy())
    chosen = []
    for lang, number in _shares(short, doubt, config).items():
        own = pl.col("lang").eq_missing(pl.lit(lang, pl.String))
        places = short.select(own).to_series().arg_true().to_numpy()
        start = int(unsure[places].argmax())
        drawn, stands_for = farthest_first(vectors[places], start, number)
        turn = np.arange(1, number + 1) / max(number, 1)
        like = {"turn": turn, "like": stands_for}
        chosen.append(
            short[places[drawn]].with_columns(**{name: pl.Series(like[name]) for name in like})
        )
    rows = pl.concat(chosen).sort("turn", maintain_order=True)
    return rows.with_columns(why=pl.Series([_why(row) for row in rows.to_dicts()], dtype=pl.String))


def _why(row: dict[str, Any]) -> str:
    """Why a row was chosen.

    >>> _why({"first": "4", "p1": 0.41, "second": "3", "p2": 0.38, "like": 12})
    'unsure: 4 (.41) or 3 (.38); stands for 12 rows like it'
    """
    guesses = f"{row['first']} ({share(row['p1'])}) or {row['second']} ({share(row['p2'])})"
    doubt = "unsure" if row["p1"] - row["p2"] < _SURE else "fairly sure"
    like = f"; stands for {row['like']:,} rows like it" if row["like"] > 1 else ""
    return f"{doubt}: {guesses}{like}"


def _languages(candidates: pl.DataFrame, chosen: pl.DataFrame, run: Run) -> tuple[Language, ...]:
    tested = run.metrics.languages if run.done("evaluation") else {}
    picked = Counter(chosen["lang"])
    rows = candidates.group_by("lang").agg(pl.len(), pl.col("p1").mean()).sort("len", "lang")
    return tuple(
        Language(
            lang=lang,
            candidates=height,
            chosen=picked[lang],
            confidence=confidence,
            accuracy=tested[lang].f1_micro if lang in tested else None,
        )
        for lang, height, confidence in rows.reverse().iter_rows()
    )


def _as_written(
    config: SuggestConfig, parts: Parts, chosen: pl.DataFrame, label: str
) -> pl.DataFrame:
    """The chosen rows in their order: as they stand in their files, then what we say of them."""
    frames, start = [], 0
    numbers = chosen.select(pl.col("row").alias(ROW))
    for frame in written_rows(config.input, parts.rejects):
        frames.append(
            frame.with_row_index(ROW, start).cast({ROW: pl.Int64}).join(numbers, on=ROW, how="semi")
        )
        start += frame.height
    own = numbers.join(stack(frames), on=ROW, how="left", maintain_order="left").drop(ROW)
    if label not in own.columns:
        own = own.with_columns(pl.lit(None, pl.String).alias(label))
    if config.lang and config.lang not in own.columns and "lang" not in own.columns:
        own = own.hstack([chosen["lang"]])
    says = chosen.select(
        pl.col("first").cast(pl.String).alias("prediction"),
        pl.col("p1").alias("probability"),
        "why",
    )
    return own.rename(free_names(own.columns, says.columns)).hstack(says)
