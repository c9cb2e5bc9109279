"""Hands the texts of a translation to a Ray cluster, on whose nodes translators are opened.

Actors, not Ray Data: it would begin its processes, and open the models, anew for every pair of
languages, and is no faster. As batches come back in order, each as soon as it is finished, this
process alone writes the memory, and a run that was stopped goes on where it was.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from babelift.cluster.ray import Actors, Piece, Work, Worker, import_ray
from babelift.config import Translating
from babelift.errors import TranslationError
from babelift.translation.engines.degraded import Damage, Degraded
from babelift.translation.protocol import Translation, Translator
from babelift.translation.registry import load_translator, parse
from babelift.translation.segments import counter, limit_of


class Order(NamedTuple):
    """Which translator a batch is for.

    Attributes:
        name: Its name.
        fingerprint: What it must have on every node.
        spec: Its string, as `load_translator` takes it.
        config: Its settings.
        varied: Whether its variant is meant.
    """

    name: str
    fingerprint: str
    spec: str
    config: Translating
    varied: bool = False


class Made(NamedTuple):
    """What an actor gives back.

    Attributes:
        translations: One per text.
        notes: What the translator there has to say so far.
        process: Which process that is.
    """

    translations: list[Translation]
    notes: tuple[str, ...]
    process: tuple[str, int]


class TranslatingWorker(Worker):
    """Translates in a process of its own on some node, one batch at a time."""

    def __init__(self, cores: int, folder: Path) -> None:
        super().__init__(cores, folder)
        self._loaded: dict[tuple[str, Translating], Translator] = {}
        self._varied: dict[tuple[str, Translating], Translator] = {}

    def translate(
        self, order: Order, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Made:
        """Translate one batch; the translator is loaded when it is first asked for.

        Raises:
            TranslationError: The translator here is not the one that is meant.
            BabeliftError: What the translator raises.
        """
        translator = self._translator(order)
        if translator.fingerprint != order.fingerprint:
            raise TranslationError(
                f"translator '{order.name}' is another on node {os.uname().nodename} than here: "
                f"'{translator.fingerprint}' instead of '{order.fingerprint}'.",
                "Install the same versions and put the same files on every node.",
            )
        made = list(translator.translate(texts, source_lang, target_lang))
        process = (os.uname().nodename, os.getpid())
        return Made(made, tuple(getattr(translator, "notes", ())), process)

    def _translator(self, order: Order) -> Translator:
        from babelift.translation.registry import load_translator

        key = (order.spec, order.config)
        if key not in self._loaded:
            self._loaded[key] = load_translator(order.spec, config=order.config)
        if not order.varied:
            return self._loaded[key]
        if key not in self._varied:
            base: Any = self._loaded[key]
            self._varied[key] = base.variant()
        return self._varied[key]


Load = Callable[..., Translator]
"""Opens a translator by its string, as `load_translator` does."""


@contextmanager
def on_ray(workers: int | None = None, *, cores: int = 1) -> Iterator[Load]:
    """A `load_translator` whose translators do their work on a Ray cluster.

    Uses the cluster that Ray is connected to, or finds by itself (`RAY_ADDRESS`, `ray start`);
    without one, this machine becomes one. The translators share the processes, which begin with
    the first batch, each with its cores, and a GPU where the cluster has any. What dies with a
    process or a node is translated again elsewhere, and processes are begun anew where there is
    room. Models and files that are given as paths must be under the same path on every node.

    Args:
        workers: Processes on the cluster; as many as it has room for where absent.
        cores: Cores of each.

    Raises:
        MissingDependencyError: Ray is not installed.

    Example:
        with on_ray() as load:
            rows = babelift.translation(rows, "de", load("m2m100"))
    """
    actors = Actors(import_ray("the texts"), TranslatingWorker, workers, cores)

    def load(spec: str, *, config: Translating | None = None) -> Translator:
        entry, argument = parse(spec)
        if entry.name == "degraded":
            # What it spoils is what the memory keeps, and spoiling is cheap.
            damage, base = Damage.parse(argument)
            return Degraded(load(base, config=config), damage)
        config = config or Translating()
        local = load_translator(spec, config=config)
        return RayTranslator(local, Order(local.name, local.fingerprint, spec, config), actors)

    with closing(actors):
        yield load


class RayTranslator:
    """Translates on a Ray cluster what another translator would translate here.

    The other one is asked for everything but translations, so it is the same to the memory.

    Args:
        local: The translator, as it is here.
        order: How to open it on a node.
        actors: The processes on the cluster; left open.
    """

    def __init__(self, local: Translator, order: Order, actors: Actors) -> None:
        self.name = local.name
        self.fingerprint = local.fingerprint
        self.unit: Literal["sentence", "text"] = local.unit
        self.license = local.license
        self.origin: str = getattr(local, "origin", "machine")
        self.max_input_tokens = limit_of(local)
        self._local, self._order, self._actors = local, order, actors
        self._notes: dict[tuple[str, int], tuple[str, ...]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the translators here and on the nodes have to say."""
        said = list(getattr(self._local, "notes", ()))
        for notes in self._notes.values():
            said += notes
        return tuple(dict.fromkeys(said))

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
        work = Work(self.name, "translate", TranslationError, hint)
        pieces = (
            Piece(f"{len(texts)} texts", (self._order, list(texts), source_lang, target_lang))
            for texts in batches
        )
        made: Made
        for made in self._actors.run(work, pieces):
            self._notes[made.process] = made.notes
            yield made.translations

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, counted here."""
        return list(counter(self._local, source_lang, target_lang)(texts))

    def variant(self) -> "RayTranslator | None":
        """The same with other decoding, where the translator has one."""
        vary: Any = getattr(self._local, "variant", None)
        if vary is None:
            return None
        local = vary()
        order = self._order._replace(name=local.name, fingerprint=local.fingerprint, varied=True)
        return RayTranslator(local, order, self._actors)

    def close(self) -> None:
        """Let go of what is open here; the processes on the cluster stay."""
        self._local.close()
