"""A translator whose texts go to a Ray cluster, on whose nodes it is opened.

As batches come back in order, each as soon as it is finished, this process alone writes the memory,
and a run that was stopped goes on where it was.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple

from babelift.cluster.ray import Piece, Pool, Work
from babelift.config import Translating
from babelift.errors import TranslationError
from babelift.translation.engines.degraded import Damage, Degraded
from babelift.translation.protocol import Translation, Translator
from babelift.translation.registry import load_translator, parse
from babelift.translation.segments import counter


class Recipe(NamedTuple):
    """How a node opens a translator.

    Attributes:
        spec: Its string, as `load_translator` takes it.
        config: Its settings.
        varied: Whether its variant is meant.
    """

    spec: str
    config: Translating
    varied: bool = False


class Answer(NamedTuple):
    """What a worker gives back.

    Attributes:
        translations: One per text.
        notes: What the translator there has to say so far.
        process: Its node and its process id.
    """

    translations: list[Translation]
    notes: tuple[str, ...]
    process: tuple[str, int]


class TranslatingWorker:
    """Translates in a process of its own on some node, one batch at a time."""

    def __init__(self) -> None:
        self._opened: dict[Recipe, Translator] = {}

    def __call__(
        self,
        recipe: Recipe,
        fingerprint: str,
        texts: Sequence[str],
        source_lang: str,
        target_lang: str,
    ) -> Answer:
        """Translate one batch; the translator is opened when it is first asked for.

        Raises:
            TranslationError: The translator here is not the one that is meant.
            BabeliftError: What the translator raises.
        """
        translator = self._open(recipe)
        node = os.uname().nodename
        if translator.fingerprint != fingerprint:
            raise TranslationError(
                f"translator '{translator.name}' is another on node {node} than here: "
                f"'{translator.fingerprint}' instead of '{fingerprint}'.",
                "Install the same versions and put the same files on every node.",
            )
        translations = list(translator.translate(texts, source_lang, target_lang))
        notes = tuple(getattr(translator, "notes", ()))
        return Answer(translations, notes, (node, os.getpid()))

    def _open(self, recipe: Recipe) -> Translator:
        if recipe not in self._opened:
            if recipe.varied:
                base: Any = self._open(recipe._replace(varied=False))
                self._opened[recipe] = base.variant()
            else:
                self._opened[recipe] = load_translator(recipe.spec, config=recipe.config)
        return self._opened[recipe]


def load_on_ray(pool: Pool, spec: str, *, config: Translating | None = None) -> Translator:
    """Open a translator, as `load_translator` does, that does its work on a Ray cluster.

    Models and files that are given as paths must be under the same path on every node; others are
    fetched there.

    Args:
        pool: Of `TranslatingWorker`; translators share it, and it is left open.
        spec: As in `load_translator`.
        config: Its settings.
    """
    entry, argument = parse(spec)
    if entry.name == "degraded":
        # What it spoils is what the memory keeps, and spoiling is cheap.
        damage, base = Damage.parse(argument)
        return Degraded(load_on_ray(pool, base, config=config), damage)
    if entry.service:
        # It is asked from here, so that one process counts, and waits where it is told to.
        return load_translator(spec, config=config)
    config = config or Translating()
    return RayTranslator(load_translator(spec, config=config), Recipe(spec, config), pool)


class RayTranslator:
    """Translates on a Ray cluster what another translator would translate here.

    The other one is asked for everything but translations, so it is the same to the memory.

    Args:
        local: The translator, as it is here.
        recipe: How to open it on a node.
        pool: Of `TranslatingWorker`; left open.
    """

    def __init__(self, local: Translator, recipe: Recipe, pool: Pool) -> None:
        self.name = local.name
        self.fingerprint = local.fingerprint
        self.unit: Literal["sentence", "text"] = local.unit
        self.license = local.license
        self.origin: str = getattr(local, "origin", "machine")
        self.max_input_tokens: int | None = getattr(local, "max_input_tokens", None)
        self.indivisible: bool = getattr(local, "indivisible", False)
        self._local, self._recipe, self._pool = local, recipe, pool
        self._notes: dict[tuple[str, int], tuple[str, ...]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the translators here and on the nodes have to say."""
        own: tuple[str, ...] = tuple(getattr(self._local, "notes", ()))
        return tuple(dict.fromkeys(chain(own, *self._notes.values())))

    def pairs(self) -> frozenset[tuple[str, str]] | None:
        """The (source, target) tags that it can translate; None for every pair."""
        return self._local.pairs()

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate texts as one batch, one result per text, in order.

        Raises:
            BabeliftError: What the translator raised on its node.
            TranslationError: The processes on the cluster died, too often with the same texts.
        """
        for results in self.translate_batches([texts], source_lang, target_lang):
            yield from results

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order; several are under way ahead of it.

        Raises:
            BabeliftError: What the translator raised on its node.
            TranslationError: The processes on the cluster died, too often with the same texts.
        """
        hint = "If memory ran out there, try a smaller --batch-tokens."
        work = Work(self.name, TranslationError, hint)
        recipe, fingerprint = self._recipe, self.fingerprint
        pieces = (
            Piece(
                f"{len(texts)} texts", (recipe, fingerprint, list(texts), source_lang, target_lang)
            )
            for texts in batches
        )
        answer: Answer
        for answer in self._pool.run(work, pieces):
            self._notes[answer.process] = answer.notes
            yield answer.translations

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, counted here."""
        return list(counter(self._local, source_lang, target_lang)(texts))

    def variant(self) -> "RayTranslator | None":
        """The same with other decoding, where the translator has one."""
        vary: Any = getattr(self._local, "variant", None)
        if vary is None:
            return None
        return RayTranslator(vary(), self._recipe._replace(varied=True), self._pool)

    def close(self) -> None:
        """Let go of what is open here; the processes on the cluster stay."""
        self._local.close()
