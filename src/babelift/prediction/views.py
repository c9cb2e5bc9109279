"""What of a row a classifier judges: its own text, its translation into the language of training,
or both views, whose probabilities are averaged.

A classifier knows the language that it was trained on best, and a translator makes other mistakes
than it does. What cannot be translated, or whose translation fails a quality check, is judged by
its own text. What a run judges stands in `view.json` beside its weights, so that whoever uses the
model judges the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel

from babelift.config import Translating, View, Viewing
from babelift.corpus.rows import conform
from babelift.errors import ConfigError, LanguageError
from babelift.languages import find, resolve
from babelift.progress import Progress
from babelift.redaction import shown
from babelift.report.numbers import counted
from babelift.store import read_record

if TYPE_CHECKING:  # who judges texts alone needs no translator
    from babelift.translation.driver import OpenTranslators

Floats = npt.NDArray[np.float64]

VIEW: Final = "view.json"
"""The file of a model folder that says what its classifier judges; not there where it is the text
alone."""

_SETTINGS: Final = ("beam_size", "compute_type", "output_vocabulary")
"""Settings of a translator that its translations depend on."""


class Judged(BaseModel, frozen=True):
    """What a classifier judges; `view.json` in JSON.

    Attributes:
        view: What of a row.
        into: Language its rows are translated into.
        translator: Who translates them, as it may be shown.
        settings: Settings of the translator.
    """

    version: int = 1
    view: View
    into: str
    translator: str
    settings: dict[str, Any] = {}

    @classmethod
    def of(cls, view: View, into: str, config: Translating) -> Self:
        """What a run's settings say."""
        settings = config.model_dump(mode="json", include=set(_SETTINGS))
        return cls(view=view, into=into, translator=shown(config.translator), settings=settings)


def find_view(config: Viewing, model: str | Path | None) -> Judged | None:
    """What is judged of the rows; None for their own text alone.

    What the user says wins over what a model's folder says. That a program is run or a service is
    paid is for the user to say: a folder may be anybody's.

    Args:
        config: Settings of a command.
        model: Folder of the model; None where it has none.

    Raises:
        ConfigError: Something is missing, or is given and not used.
        ModelError: The model's `view.json` is damaged.
    """
    known: Judged | None = None
    if model is not None:
        places = (Path(model).expanduser() / name for name in (VIEW, f"model/{VIEW}"))
        file = next((place for place in places if place.is_file()), None)
        known = read_record(file, Judged) if file else None
    view = config.view or (known.view if known else "own")
    if view == "own":
        for name in ("translator", "into"):
            if getattr(config, name):
                raise ConfigError(
                    f"'{name}' is only used where translations are judged.",
                    "Say so with --view both, or leave it out.",
                )
        return None
    translator = config.translator or (known.translator if known else None)
    into = config.into or (known.into if known else None)
    if translator is None or into is None:
        raise ConfigError(
            f"view '{view}' needs to know who translates the rows and into which language; the "
            "model does not say.",
            "Name them with --translator and --into, the language it was trained on.",
        )
    if config.translator is None and _is_for_the_user_to_say(translator):
        raise ConfigError(
            f"the model was trained with translator '{translator}', which runs a program or asks a "
            "service: that is not started because a model's folder says so.",
            "Name it with --translator, or judge the rows' own text alone with --view own.",
        )
    settings = known.settings if known else {}
    return Judged(view=view, into=into, translator=translator, settings=settings)


def _is_for_the_user_to_say(translator: str) -> bool:
    """Whether using a translator runs a program, asks a service, or is not shown in full."""
    from babelift.translation.registry import asks_a_service, runs_code_of_the_user

    return "…" in translator or runs_code_of_the_user(translator) or asks_a_service(translator)


@dataclass(frozen=True)
class Seen:
    """The texts that are judged of some rows.

    Attributes:
        texts: Those of all rows, in order, then the further ones.
        rows: How many rows there are.
        again: `(further texts,)` the row of each.
    """

    texts: list[str]
    rows: int
    again: npt.NDArray[np.intp]

    @classmethod
    def of(cls, view: View, texts: Sequence[str], translations: Sequence[str | None]) -> Self:
        """What is judged of texts with these translations, of which some are not there.

        >>> Seen.of("both", ["Gut.", "Good."], ["Good.", None]).texts
        ['Gut.', 'Good.', 'Good.']
        >>> Seen.of("translated", ["Gut.", "Good."], ["Good.", None]).texts
        ['Good.', 'Good.']
        """
        there = {number: text for number, text in enumerate(translations) if text is not None}
        judged, again = list(texts), list[int]()
        if view == "both":
            judged += there.values()
            again = list(there)
        elif view == "translated":
            judged = [there.get(number, text) for number, text in enumerate(texts)]
        return cls(judged, len(texts), np.array(again, dtype=np.intp))

    def by_view(self, probabilities: Floats) -> dict[View, Floats]:
        """What each view says of the rows; a row that has one view has the same in all.

        Args:
            probabilities: `(texts, labels)`.

        Returns:
            `(rows, labels)` each.
        """
        own = probabilities[: self.rows]
        translated = own.copy()
        translated[self.again] = probabilities[self.rows :]
        return {"own": own, "translated": translated, "both": (own + translated) / 2}

    def average(self, probabilities: Floats) -> Floats:
        """Of each row the mean over what was judged of it.

        Args:
            probabilities: `(texts, labels)`.

        Returns:
            `(rows, labels)`.

        >>> seen = Seen.of("both", ["Gut.", "Good."], ["Good.", None])
        >>> seen.average(np.array([[.5, .5], [0., 1.], [.9, .1]])).round(2).tolist()
        [[0.7, 0.3], [0.0, 1.0]]
        """
        return self.by_view(probabilities)["both"] if len(self.again) else probabilities


@dataclass
class Views:
    """Gives rows the texts that are judged, and counts them.

    Attributes:
        judged: What is judged.
        opened: Translators.
        progress: Where progress is shown.
        translated: Rows by language that were translated.
        untranslated: Rows by language that should have been, and are judged by their own text.
    """

    judged: Judged
    opened: "OpenTranslators"
    progress: Progress
    translated: Counter[str] = field(default_factory=Counter)
    untranslated: Counter[str] = field(default_factory=Counter)

    def seen(self, rows: pl.DataFrame) -> Seen:
        """The texts that are judged of rows.

        Args:
            rows: With the columns `text` and `lang`, in which null is a language that is not known.

        Raises:
            TranslationError: The translator failed.
        """
        texts = rows["text"].to_list()
        return Seen.of(self.judged.view, texts, self.translations(rows))

    def translations(self, rows: pl.DataFrame) -> list[str | None]:
        """Of each row its translation; None where it needs none, or has none that can be used."""
        into, pairs = self.judged.into, self.opened.translator.pairs()
        tags = {tag: _reduced(tag) for tag in rows["lang"].unique().drop_nulls()}
        langs = rows["lang"].replace(tags)
        foreign = (langs != into).fill_null(True)
        able = [tag for tag in langs.unique(maintain_order=True).drop_nulls()
                if tag != into and (pairs is None or (tag, into) in pairs)]  # fmt: skip
        numbered = pl.DataFrame(
            {"id": [str(number) for number in range(rows.height)], "text": rows["text"],
             "lang": langs}
        )  # fmt: skip
        numbered = numbered.filter(langs.is_in(able).fill_null(False))
        found: list[str | None] = [None] * rows.height
        if numbered.height:
            named = conform(numbered.with_columns(group_id="id", original_id="id"))
            done = self.opened.translate_rows(named, [into], quality="drop", progress=self.progress)
            for number, text in done.rows.select("original_id", "text").iter_rows():
                found[int(number)] = text
        there = pl.Series([text is not None for text in found], dtype=pl.Boolean)
        self.translated.update(langs.filter(there).to_list())
        self.untranslated.update(langs.filter(foreign & ~there).fill_null("?").to_list())
        return found

    def sentences(self) -> list[str]:
        """What was done with the rows, for whoever reads the outcome."""
        what = "translation and own text" if self.judged.view == "both" else "translation"
        lines = [
            f"{counted(self.translated.total(), 'row')} judged by {what} (into "
            f"{self.judged.into}, by {self.opened.translator.name})"
        ]
        if self.untranslated:
            langs = ", ".join(
                f"{number:,} in {'an unknown language' if lang == '?' else lang}"
                for lang, number in sorted(self.untranslated.items())
            )
            lines.append(f"rows without a translation that can be used, judged by their own text "
                         f"alone: {langs}")  # fmt: skip
        return lines

    def require(self, langs: Sequence[str]) -> None:
        """See that there is a language that can be translated.

        Raises:
            LanguageError: There is none.
        """
        into, pairs = self.judged.into, self.opened.translator.pairs()
        foreign = [lang for lang in dict.fromkeys(langs) if lang != into]
        if foreign and pairs is not None and not any((lang, into) in pairs for lang in foreign):
            raise LanguageError(
                f"translator '{self.judged.translator}' translates none of "
                f"{', '.join(foreign)} into {into}.",
                "Take another translator (see 'babelift models'), or judge the rows' own text "
                "alone: --view own.",
            )


def _reduced(tag: str) -> str:
    """The tag that translators know; one that names no language stays as it is."""
    full = find(tag)
    return resolve(full) if full else tag


def seen_texts(views: Views | None, rows: pl.DataFrame) -> Seen:
    """The texts that are judged of rows; where there are no views their own."""
    return views.seen(rows) if views else Seen.of("own", rows["text"].to_list(), ())


@contextmanager
def opened_views(judged: Judged | None, progress: Progress) -> Iterator[Views | None]:
    """Open what translates, for the length of a `with` block; None for the text alone.

    Raises:
        BabeliftError: It cannot be opened.
    """
    if judged is None:
        yield None
        return
    from babelift.translation.driver import translating

    # New rows that a table of translations lacks are judged by their own text, as others are.
    values = {**judged.settings, "translator": judged.translator, "missing": "drop"}
    config = Translating.from_mapping(values, where="view")
    with translating(judged.translator, config) as opened:
        yield Views(judged, opened, progress)
