"""Every error Babelift raises on purpose, each with a hint that says what to do.

BabeliftError
├── ConfigError          (ValueError)     a setting that cannot be used
│   └── LanguageError                     a language tag that is not known or not possible
├── DataError            (ValueError)     rows that cannot be used
│   ├── UnreadableError                   a file that is none, or is broken as a whole
│   ├── RejectsError                      more bad rows than the failure budget allows
│   └── LeakageError                      the same item in train and test
├── TranslationError     (RuntimeError)   a translator failed
│   ├── MissingTranslationError           a table of translations lacks a text
│   └── MemoryStoreError                  the translation memory cannot be read or written
├── ModelError           (RuntimeError)   a model cannot be found, fetched, converted or opened
├── TrainingError        (RuntimeError)   training cannot go on
│   └── NonFiniteLossError                a loss is NaN or infinite; names the batch
├── MissingDependencyError (ImportError)  an optional library is not installed
└── RunError             (RuntimeError)   a run folder cannot be used
"""

import difflib
from collections.abc import Iterable
from importlib.util import find_spec


class BabeliftWarning(UserWarning):
    """Base of every warning that Babelift gives."""


class BabeliftError(Exception):
    """Base of every error that Babelift raises on purpose.

    Args:
        message: What was wrong, where (file, row, field) and what was allowed.
        hint: What to do about it; printed on its own line.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class ConfigError(BabeliftError, ValueError):
    """A setting that cannot be used."""


class LanguageError(ConfigError):
    """A language tag that is not known, or a pair that is not possible."""


class DataError(BabeliftError, ValueError):
    """Rows that cannot be used."""


class UnreadableError(DataError):
    """A file is none, or is broken as a whole, in whatever way its rows are read."""


class RejectsError(DataError):
    """More rows were rejected than the failure budget allows."""


class LeakageError(DataError):
    """The same item occurs in more than one split."""


class TranslationError(BabeliftError, RuntimeError):
    """A translator failed."""


class MissingTranslationError(TranslationError):
    """A table of translations has no entry for a text."""


class MemoryStoreError(TranslationError):
    """The translation memory cannot be read or written."""


class ModelError(BabeliftError, RuntimeError):
    """A model cannot be found, fetched, converted or opened."""


class ParityError(ModelError):
    """An export gives other labels than the classifier that it was made from."""


class TrainingError(BabeliftError, RuntimeError):
    """Training cannot go on."""


class NonFiniteLossError(TrainingError):
    """A loss is NaN or infinite."""


class MissingDependencyError(BabeliftError, ImportError):
    """An optional library or program is not installed."""


class RunError(BabeliftError, RuntimeError):
    """A run folder cannot be used."""


def require(work: str, extra: str, *libraries: str) -> None:
    """Check that the libraries of an extra are installed; imports nothing.

    Args:
        work: What needs them, as the subject of a sentence.
        extra: Name of Babelift's extra that installs them.
        libraries: Names under which they are imported.

    Raises:
        MissingDependencyError: One is not installed; names the extra.

    >>> require("a study", "study", "json", "no_such_library")
    Traceback (most recent call last):
    babelift.errors.MissingDependencyError: a study needs 'no_such_library', which is not installed.
    Install it: pip install 'babelift[study]'
    """
    for library in libraries:
        if find_spec(library) is None:
            raise MissingDependencyError(
                f"{work} needs '{library}', which is not installed.",
                f"Install it: pip install 'babelift[{extra}]'",
            )


def first_line(error: BaseException) -> str:
    """What an error of another library says, short enough to stand in one of ours.

    >>> first_line(ValueError("no such thing.\\nat line 3")), first_line(KeyError())
    ('no such thing', 'KeyError')
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")[:300]


def quoted(text: str, most: int = 200) -> str:
    """A user's text in quotes, cut where it is long.

    >>> quoted("abc"), quoted("abcdef", 3)
    ("'abc'", "'ab…'")
    """
    return repr(text if len(text) <= most else f"{text[: most - 1]}…")


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name most like `name`, or None where none is close.

    >>> nearest("tempreature", ["temperature", "ratio"])
    'temperature'
    """
    matches = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """A clause for an error message: the nearest match, or an empty string.

    >>> did_you_mean("tranlated", ["translated", "original"])
    "; did you mean 'translated'?"
    >>> did_you_mean("xyz", ["translated", "original"])
    ''
    """
    match = nearest(name, allowed)
    return f"; did you mean '{match}'?" if match else ""
