"""What users hand to the classifier, checked, with scikit-learn's words where it is wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from babelift.errors import DataError, LanguageError
from babelift.languages import resolve


def check_texts(texts: Any, method: str) -> list[str]:
    """The texts as a list of plain strings.

    Raises:
        DataError: They are not a sequence of strings.

    >>> check_texts(("Good.", "Bad."), "predict")
    ['Good.', 'Bad.']
    >>> check_texts("Good.", "predict")
    Traceback (most recent call last):
    babelift.errors.DataError: The 'X' parameter of predict must be a sequence of texts. Got str.
    """
    must = "a sequence of texts"
    is_table = getattr(texts, "ndim", 1) != 1 or hasattr(texts, "columns")
    if isinstance(texts, str | bytes | Mapping) or is_table or not hasattr(texts, "__iter__"):
        raise _wrong("X", method, must, f"{type(texts).__name__}")
    listed = list(texts)
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise _wrong("X", method, must, f"{text!r} at position {number}")
    if method == "fit" and not listed:
        raise _wrong("X", method, must, "no texts")
    return [str(text) for text in listed]


def check_labels(labels: Any, rows: int) -> tuple[npt.NDArray[Any], list[str]]:
    """The sorted classes, as they were given, and the name of each row's class.

    Raises:
        DataError: They are not one class per text.

    >>> check_labels([5, 1, 5], 3)
    (array([1, 5]), ['5', '1', '5'])
    """
    must = f"one label per text ({rows})"
    if labels is None or isinstance(labels, str):
        raise _wrong("y", "fit", must, repr(labels))
    listed = [label.item() if isinstance(label, np.generic) else label for label in labels]
    given = np.asarray(listed)
    if given.ndim != 1 or len(given) != rows:
        raise _wrong("y", "fit", must, f"an array of shape {given.shape}")
    for number, label in enumerate(listed):
        if label is None or label != label:
            raise _wrong("y", "fit", must, f"{label!r} at position {number}")
    if given.dtype.kind == "f" and (given % 1 != 0).any():
        raise _wrong("y", "fit", "classes", "continuous numbers")
    if given.dtype.kind not in "iufbUO" or len({type(label) for label in listed}) > 1:
        raise _wrong("y", "fit", "strings, whole numbers or booleans, all of one kind", str(given))
    classes = np.unique(given)
    if len(classes) < 2:
        raise _wrong("y", "fit", "of at least two classes", f"one class: {listed[0]!r}")
    return classes, [str(label) for label in given.tolist()]


def check_groups(groups: Any, rows: int) -> list[str] | None:
    """The group of each text as a string, or None where there are none.

    Raises:
        DataError: They are not one per text.
    """
    if groups is None:
        return None
    return [str(group) for group in _one_each(groups, "groups", "group", rows)]


def check_langs(lang: Any, default: str, rows: int) -> list[str]:
    """The language of each text: `lang` for all or each, else `default`.

    Raises:
        DataError: They are not one per text.
        LanguageError: One is not known.

    >>> check_langs(None, "EN", 2), check_langs(["de", "pt-BR"], "en", 2)
    (['en', 'en'], ['de', 'pt'])
    """
    if lang is None or isinstance(lang, str):
        return [resolve(lang or default)] * rows
    tags = [str(tag) for tag in _one_each(lang, "lang", "language", rows)]
    try:
        known = {tag: resolve(tag) for tag in dict.fromkeys(tags)}
    except LanguageError as error:
        raise LanguageError(
            f"The 'lang' parameter of fit must be known languages: {error.message}", error.hint
        ) from error
    return [known[tag] for tag in tags]


def _wrong(name: str, method: str, must: str, got: str) -> DataError:
    return DataError(f"The '{name}' parameter of {method} must be {must}. Got {got}.")


def _one_each(values: Any, name: str, what: str, rows: int) -> list[Any]:
    listed = list(values)
    if len(listed) != rows:
        raise _wrong(name, "fit", f"one {what} per text ({rows})", str(len(listed)))
    return listed
