"""What to read a study's answers with: cut texts, and labels without translations or tests."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from babelift.report.numbers import language_name
from babelift.store import read_table
from babelift.study.cache import TranslatedTable
from babelift.study.condition import OWN_TEXT
from babelift.training.cuts import Cut, cut_sentences
from babelift.translation.coverage import LabelCounts, gap_sentences


def cut_cautions(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Texts that were cut, in training and in the test, for each encoder.

    Args:
        records: Those of the trainings, as plain values. Where trainings differ in their rows, the
            one that lost most of a language stands for all.
    """
    most: dict[str, dict[tuple[Any, ...], Cut]] = {}
    for record in records:
        training = record["training"]
        own = most.setdefault(training["encoder"], {})
        for values in (*training.get("cuts", ()), *record.get("cuts", ())):
            part = Cut.model_validate(values)
            key = (part.split, part.lang, part.origin, part.limit)
            if key not in own or part.cut > own[key].cut:
                own[key] = part
    return [
        f"{encoder}: {sentence}" if len(most) > 1 else sentence
        for encoder, own in most.items()
        for sentence in cut_sentences(list(own.values()))
    ]


def gap_cautions(tables: Iterable[TranslatedTable]) -> list[str]:
    """Labels that have few training translations in a language, or none, by translator."""
    sentences: dict[str, None] = {}
    for table in tables:
        if table.split != "train" or table.record is None:
            continue
        counts = LabelCounts([table.target])
        counts.add_originals(read_table(table.originals))
        counts.add_translations(read_table(table.path))
        for sentence in gap_sentences(counts.gaps()):
            where = f"{table.translator}, from {language_name(table.source)}"
            sentences[f"{where}: {sentence}"] = None
    return list(sentences)


def one_class_cautions(predictions: pl.DataFrame) -> list[str]:
    """Test languages whose rows have one label alone.

    Args:
        predictions: All predictions of the study.
    """
    own = predictions.filter(pl.col("text_by") == OWN_TEXT)
    labels = own.group_by("lang").agg(pl.col("label").unique()).sort("lang")
    return [
        f"{language_name(lang)} has test rows of one label alone ({names[0]}): F1-macro and QWK "
        f"say nothing there and are left out, and F1-micro is the share of {names[0]} that is "
        "recognised."
        for lang, names in labels.iter_rows()
        if len(names) == 1
    ]
