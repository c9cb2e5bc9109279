"""The classifier with scikit-learn's manners: fit on texts in one language, predict in many."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from babelift.config import DEFAULT_ENCODER, QualityAction, Training, Translating
from babelift.corpus import label_notes, label_strings
from babelift.corpus.checks import unusable_text
from babelift.corpus.lookalikes import respelling
from babelift.corpus.rows import conform, originals
from babelift.errors import BabeliftWarning, DataError, LanguageError, RunError, quoted
from babelift.languages import reductions, resolve
from babelift.prediction.model import HUB_ID, find_model
from babelift.prediction.predictor import Predictor
from babelift.progress import Progress
from babelift.redaction import LEFT_OUT, shown
from babelift.store import replace_folder, write_json
from babelift.training.cuts import warn_of_cuts
from babelift.translation.advice import (
    PoorTranslationsWarning,
    fault_of,
    poor_translations,
)
from babelift.translation.coverage import LabelCounts, gap_sentences
from babelift.translation.protocol import Translator

if TYPE_CHECKING:
    from babelift.training.log import TrainResult


Texts: TypeAlias = Sequence[str] | npt.NDArray[Any] | pl.Series
Labels: TypeAlias = Sequence[Any] | npt.NDArray[Any] | pl.Series

_OWN_FILE: Final = "babelift_classifier.json"


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Learns from labelled texts in one or a few languages to label texts in others.

    `fit` translates the texts, fine-tunes one multilingual encoder on originals and translations
    together, and ties each original to its translations (OTC loss). Finished translations are kept
    in the translation memory, so fitting again, or on another fold, translates nothing twice.

    Args:
        to: Languages to translate into; none to train on the originals alone.
        source_lang: The language of texts for which `fit` is not told one.
        translator: As on the command line (see `babelift models`), or a `Translator`.
        encoder: Named encoder, folder or hub id; or `scratch`.
        otc: Tie each original to its translations.
        otc_weight: Weight of OTC beside cross-entropy.
        ratio: Originals to translations in every batch.
        epochs: Passes over the originals; by encoder and number of rows if absent.
        batch_size: Rows in a training batch, translations included.
        max_length: Tokens per text in training.
        learning_rate: Peak rate; by encoder if absent.
        seed: Seed of everything random.
        quality: What to do with translations that fail a quality check.
        run_dir: Folder for checkpoints, log and model, from which an interrupted `fit` goes on.
            One that holds another training is left alone and `<run_dir>-2` is taken, and so on.
            None trains in a temporary folder.

    Attributes:
        classes_: `(classes,)` labels as they were given to `fit`, sorted.
        predictor_: The trained model.
        training_: What `fit` did: steps, seconds, counts; as in a run's manifest.
        translation_: What became of the translations; None where there were none.
        run_dir_: The folder that was used; None for a temporary one.

    >>> Classifier(to=("de", "ja"), epochs=2).get_params()["epochs"]
    2
    """

    def __init__(
        self,
        to: Sequence[str] = ("de", "ja"),
        source_lang: str = "en",
        translator: str | Translator = "m2m100",
        encoder: str = DEFAULT_ENCODER,
        otc: bool = True,
        otc_weight: float = 0.4,
        ratio: str = "1:1",
        epochs: int | None = None,
        batch_size: int = 32,
        max_length: int = 128,
        learning_rate: float | None = None,
        seed: int = 0,
        quality: QualityAction = "drop",
        run_dir: str | Path | None = None,
    ) -> None:
        self.to = to
        self.source_lang = source_lang
        self.translator = translator
        self.encoder = encoder
        self.otc = otc
        self.otc_weight = otc_weight
        self.ratio = ratio
        self.epochs = epochs
        self.batch_size = batch_size
        self.max_length = max_length
        self.learning_rate = learning_rate
        self.seed = seed
        self.quality = quality
        self.run_dir = run_dir

    def fit(
        self,
        X: Texts,  # noqa: N803
        y: Labels,
        *,
        groups: Sequence[Any] | npt.NDArray[Any] | None = None,
        lang: str | Sequence[str] | npt.NDArray[Any] | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Translate and train.

        Args:
            X: Texts.
            y: Their labels: strings, whole numbers or booleans.
            groups: The item of each text; texts of one item are never contrasted with each other.
            lang: The language of all texts or of each; `source_lang` if absent.
            progress: Where progress is shown; None for nowhere.

        Raises:
            ConfigError: A parameter of the classifier cannot be used.
            DataError: `X`, `y`, `groups` or `lang` cannot be used.
            TranslationError, ModelError, TrainingError: The work failed.
        """
        training, translating = self._settings()
        for note in translating.notes:
            warnings.warn(note, BabeliftWarning, stacklevel=2)
        texts = _check_texts(X, "fit")
        classes, labels = _check_labels(y, len(texts))
        rows = originals(
            ids=[str(number) for number in range(len(texts))],
            texts=texts,
            labels=[*labels],
            langs=_check_langs(lang, self.source_lang, len(texts)),
            groups=None if groups is None else _one_each(groups, "groups", "group", len(texts)),
            split="train",
        )
        for note in label_notes([rows]):
            warnings.warn(note, BabeliftWarning, stacklevel=2)
        if translating.to and (sentence := self._poor_translations(training)):
            warnings.warn(sentence, PoorTranslationsWarning, stacklevel=2)
        translations, report = self._translate(rows, translating, progress)
        rows = pl.concat([rows, translations])
        names = [str(name) for name in _names(classes.tolist())]
        result = self._train(rows, training, names, progress)
        self.training_: dict[str, Any] | None = result.to_dict()
        self.translation_ = report
        self.classes_ = classes
        return self

    def predict(self, X: Texts) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable label of each text, as it was given to `fit`: `(texts,)`.

        Raises:
            NotFittedError: `fit` was not called.
            DataError: `X` is not a sequence of texts.
        """
        best = self._probabilities(X, "predict").argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Texts) -> npt.NDArray[np.float64]:  # noqa: N803
        """Probabilities `(texts, classes) float64`, columns in the order of `classes_`.

        Raises:
            NotFittedError: `fit` was not called.
            DataError: `X` is not a sequence of texts.
        """
        return self._probabilities(X, "predict_proba")

    def save(self, path: str | Path) -> Path:
        """Write a folder that `Classifier.load` opens, and plain transformers too.

        Raises:
            NotFittedError: `fit` was not called.
            RunError: The folder holds something already or cannot be written.
        """
        check_is_fitted(self)
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"'{folder}' exists already.", "Choose another folder.")
        params = {
            name: shown(value)
            for name, value in self.get_params().items()
            if name != "run_dir" and _is_plain(value)
        }
        own = {"classes": self.classes_.tolist(), "params": params}

        def write(partial: Path) -> None:
            self.predictor_.save(partial)
            write_json(own, partial / _OWN_FILE)

        replace_folder(folder, write)
        return folder

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Open a saved classifier, a run folder, or any transformers classifier.

        Of the parameters that were saved, those that name a program, a file or a folder are not
        taken: what is opened may be anybody's. Give them with `set_params` before another `fit`,
        which else says what is missing. `run_dir` is None.

        Raises:
            ModelError: It cannot be opened or is not a classifier.
        """
        predictor = Predictor.load(path)
        own = _read_own(find_model(path) / _OWN_FILE)
        known = set(cls._get_param_names()) - {"run_dir"}
        params: dict[str, Any] = {"to": ()}
        for name, value in own["params"].items():
            if name in known:
                params[name] = tuple(value) if isinstance(value, list) else _unnamed(name, value)
        classifier = cls(**params)
        classifier.predictor_ = predictor
        classifier.classes_ = _restored(predictor.labels, own["classes"])
        classifier.run_dir_ = classifier.training_ = classifier.translation_ = None
        return classifier

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _settings(self) -> tuple[Training, Translating]:
        values = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in self.get_params(deep=False).items()
        }
        where = type(self).__name__
        training = {name: values[name] for name in Training.model_fields if name in values}
        translating = {name: values[name] for name in ("to", "quality")}
        if isinstance(self.translator, str):
            translating["translator"] = self.translator
        return Training.from_mapping(training, where), Translating.from_mapping(translating, where)

    def _poor_translations(self, training: Training) -> str:
        given = self.translator
        name = given.partition(":")[0] if isinstance(given, str) else getattr(given, "name", "?")
        return poor_translations({name: fault_of(given)}, [training.encoder], "to=()")

    def _translate(
        self, rows: pl.DataFrame, config: Translating, progress: Progress | None
    ) -> tuple[pl.DataFrame, dict[str, Any] | None]:
        if not config.to:
            return rows.clear(), None
        from babelift.translation.driver import translating

        with translating(self.translator, config) as opened:
            translated = opened.translate_rows(
                rows, config.to, quality=config.quality, progress=progress
            )
        counts = LabelCounts(config.to)
        counts.add_originals(rows)
        counts.add_translations(translated.rows)
        for sentence in gap_sentences(counts.gaps()):
            warnings.warn(sentence, BabeliftWarning, stacklevel=3)
        return conform(translated.rows), translated.report.to_dict()

    def _train(
        self, rows: pl.DataFrame, training: Training, labels: list[str], progress: Progress | None
    ) -> "TrainResult":
        from babelift.training.trainer import train_classifier

        def train(folder: Path) -> "TrainResult":
            result = train_classifier(
                rows,
                None,
                training,
                labels=labels,
                run_dir=folder,
                progress=progress,
                say=lambda sentence: warnings.warn(sentence, BabeliftWarning, stacklevel=2),
            )
            self.predictor_ = Predictor.load(folder / "model")
            return result

        if self.run_dir is None:
            self.run_dir_ = None
            with TemporaryDirectory(prefix="babelift-") as folder:
                return train(Path(folder))
        folders = _folders(Path(self.run_dir))
        while True:
            self.run_dir_ = place = next(folders)
            holds_training = (place / "checkpoints").is_dir()
            try:
                return train(place)
            except RunError:  # perhaps that it holds another training
                if not holds_training:
                    raise

    def _probabilities(self, texts: Texts, method: str) -> npt.NDArray[np.float64]:
        check_is_fitted(self)
        checked = _check_texts(texts, method)
        probabilities = self.predictor_.predict_proba(checked)
        warn_of_cuts(self.predictor_.cuts(checked))
        place = {label: number for number, label in enumerate(self.predictor_.labels)}
        given = self.classes_.tolist()
        columns = [
            place[str(label) if str(label) in place else str(name)]
            for label, name in zip(given, _names(given), strict=True)
        ]
        return np.asarray(probabilities[:, columns])


def _check_texts(texts: Any, method: str) -> list[str]:
    """The texts as a list of plain strings.

    Raises:
        DataError: They are not a sequence of strings, or one of them could not be used.

    >>> _check_texts(("Good.", "Bad."), "predict")
    ['Good.', 'Bad.']
    >>> _check_texts("Good.", "predict")
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
            raise _wrong("X", method, must, f"{text!r:.200} at position {number}")
        if method == "fit" and (fault := unusable_text(text)):
            raise _wrong("X", method, must, f"{quoted(text, 60)} at position {number}: {fault}")
    if method == "fit" and not listed:
        raise _wrong("X", method, must, "no texts")
    return [str(text) for text in listed]


def _check_labels(labels: Any, rows: int) -> tuple[npt.NDArray[Any], list[str]]:
    """The sorted classes, as they were given, and the name of each row's class.

    Labels that the readers of tables would take for one (`pos` and, with an invisible character
    more, `pos\u200b`) are one class here too, under the name it has there.

    Raises:
        DataError: They are not one class per text.

    >>> _check_labels([5, 1, 5], 3)
    (array([1, 5]), ['5', '1', '5'])
    >>> _check_labels([1.0, 5.0, 1.0], 3)
    (array([1., 5.]), ['1', '5', '1'])
    """
    must = f"one label per text ({rows})"
    if labels is None or isinstance(labels, str):
        raise _wrong("y", "fit", must, repr(labels))
    listed = [label.item() if isinstance(label, np.generic) else label for label in labels]
    array = np.asarray(listed)
    if array.ndim != 1 or len(array) != rows:
        raise _wrong("y", "fit", must, f"an array of shape {array.shape}")
    for number, label in enumerate(listed):
        if label is None or label != label or unusable_text(str(label)):
            raise _wrong("y", "fit", must, f"{label!r:.200} at position {number}")
    if array.dtype.kind == "f" and (array % 1 != 0).any():
        raise _wrong("y", "fit", "classes", "continuous numbers")
    if array.dtype.kind not in "iufbUO" or len({type(label) for label in listed}) > 1:
        raise _wrong("y", "fit", "strings, whole numbers or booleans, all of one kind", str(array))
    names = _names(array.tolist())
    if None in names:
        place = names.index(None)
        raise _wrong("y", "fit", must, f"{listed[place]!r} at position {place}")
    spellings: dict[Any, set[Any]] = {}
    for label, name in zip(array.tolist(), names, strict=True):
        spellings.setdefault(name, set()).add(label)
    merged = {
        label: str(name)
        for name, several in spellings.items()
        for label in several
        if len(several) > 1 and label != name
    }
    if merged:
        warnings.warn(respelling(merged), BabeliftWarning, stacklevel=3)
    classes = np.unique(
        [labels.pop() if len(labels) == 1 else name for name, labels in spellings.items()]
    )
    if len(classes) < 2:
        raise _wrong("y", "fit", "of at least two classes", f"one class: {listed[0]!r}")
    return classes, [str(name) for name in names]


def _check_langs(lang: Any, default: str, rows: int) -> list[str]:
    """The language of each text: `lang` for all or each, else `default`.

    Raises:
        DataError: They are not one per text.
        LanguageError: One is not known.

    >>> _check_langs(None, "EN", 2), _check_langs(["de", "por"], "en", 2)
    (['en', 'en'], ['de', 'pt'])
    """
    one = lang is None or isinstance(lang, str)
    tags = [lang or default] * rows if one else _one_each(lang, "lang", "language", rows)
    try:
        known = {tag: resolve(tag) for tag in dict.fromkeys(tags)}
    except LanguageError as error:
        raise LanguageError(
            f"The 'lang' parameter of fit must be known languages: {error.message}", error.hint
        ) from error
    for note in reductions(known):
        warnings.warn(note, BabeliftWarning, stacklevel=3)
    return [known[tag] for tag in tags]


def _wrong(name: str, method: str, must: str, got: str) -> DataError:
    return DataError(f"The '{name}' parameter of {method} must be {must}. Got {got}.")


def _one_each(values: Any, name: str, what: str, rows: int) -> list[str]:
    names = [str(value) for value in values]
    if len(names) != rows:
        raise _wrong(name, "fit", f"one {what} per text ({rows})", str(len(names)))
    for number, value in enumerate(names):
        if fault := unusable_text(value):
            got = f"{quoted(value, 60)} at position {number}: {fault}"
            raise _wrong(name, "fit", f"one {what} per text", got)
    return names


def _unnamed(name: str, value: Any) -> Any:
    """A parameter of a saved classifier that names nothing on this machine.

    >>> _unnamed("translator", "mini"), _unnamed("translator", "command:mt"), _unnamed("seed", 1)
    ('mini', 'command:…', 1)
    >>> _unnamed("encoder", "org/encoder"), _unnamed("encoder", "./encoder")
    ('org/encoder', '…/encoder')
    """
    from babelift.translation.registry import TRANSLATORS

    text = str(value)
    if name == "translator" and text not in TRANSLATORS:
        return f"{text.partition(':')[0]}:{LEFT_OUT}"
    if name == "encoder" and (not HUB_ID.fullmatch(text) or Path(text).is_dir()):
        return f"{LEFT_OUT}/{Path(text).name}"
    return value


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | int | float | bool)


def _read_own(file: Path) -> dict[str, Any]:
    """What `save` noted; for any other model no classes and default parameters."""
    try:
        own = json.loads(file.read_text(encoding="utf-8"))
        known = isinstance(own["params"], dict) and set(map(type, own["classes"])) <= _CLASSES
        return own if known else _STRANGE
    except (OSError, ValueError, KeyError, TypeError):
        return _STRANGE


_STRANGE: Final[dict[str, Any]] = {"classes": [], "params": {}}

_CLASSES: Final = frozenset({str, int, float, bool})


def _names(labels: Sequence[Any]) -> list[str | None]:
    """What the model calls labels: as the readers of tables would, see `corpus.label_strings`."""
    return label_strings(pl.Series([str(label) for label in labels], dtype=pl.String)).to_list()


def _restored(names: list[str], classes: Sequence[Any]) -> npt.NDArray[Any]:
    """The sorted classes, as they were given to `fit`; the model's names where these are others."""
    return np.unique(classes if set(_names(classes)) == set(names) else names)


def _folders(run_dir: Path) -> Iterator[Path]:
    """`run_dir`, `run_dir-2`, ...: those that are free or hold a training."""
    for number in count(1):
        folder = run_dir if number == 1 else run_dir.with_name(f"{run_dir.name}-{number}")
        is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        if is_free or (folder / "checkpoints").is_dir():
            yield folder
