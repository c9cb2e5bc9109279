"""One model per pair of languages, each opened when it is needed, through English where none is."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, Protocol

from babelift.translation.protocol import InBatches, Translation, check_pair

Pair = tuple[str, str]

PIVOT: Final = "en"
OPEN: Final = 4
"""Models kept open at a time: two pairs of two hops."""


class PairModel(Protocol):
    """A model of one pair, as far as a hop needs it."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of its work, in sentences."""
        ...

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """As in `BatchTranslator`."""
        ...

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text."""
        ...

    def close(self) -> None:
        """Let go of the model."""
        ...


class PivotTranslator(InBatches):
    """Models of one pair each, put together.

    Args:
        pairs: The pairs that have a model.
        name: Short name for tables and reports.
        license: SPDX expression, None where not known.
        max_input_tokens: Longest segment that every model takes whole.
        open_model: Opens the model of a pair.

    Attributes:
        fingerprint: Set by whoever makes it: what the models are, and how they are run.
    """

    fingerprint: str
    unit: Literal["sentence", "text"] = "sentence"

    def __init__(
        self,
        pairs: Iterable[Pair],
        *,
        name: str,
        license: str | None,  # noqa: A002 - the protocol's name
        max_input_tokens: int,
        open_model: Callable[[Pair], PairModel],
    ) -> None:
        self.name, self.license = name, license
        self.max_input_tokens = max_input_tokens
        self._direct = frozenset(pairs)
        self._pairs = _reachable(self._direct)
        self._open_model = open_model
        self._open: OrderedDict[Pair, PairModel] = OrderedDict()
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the models have to say, those that were closed included."""
        self._listen(*self._open.values())
        return tuple(self._notes)

    def pairs(self) -> frozenset[Pair]:
        """The (source, target) tags that one model or two can translate."""
        return self._pairs

    def route(self, source_lang: str, target_lang: str) -> list[Pair]:
        """The hops from one language to another: one, or two through English.

        Raises:
            LanguageError: There is no way.
        """
        if (source_lang, target_lang) in self._direct:
            return [(source_lang, target_lang)]
        check_pair(self.name, source_lang, target_lang, self._pairs)
        return [(source_lang, PIVOT), (PIVOT, target_lang)]

    def translate_batches(
        self, batches: Iterable[Sequence[str]], source_lang: str, target_lang: str
    ) -> Iterator[list[Translation]]:
        """Translate batches, one list per batch, in order; the models work ahead.

        Raises:
            LanguageError: There is no model for the pair.
            ModelError: A model cannot be fetched, converted or opened.
            TranslationError: The engine failed.
        """
        translated: Iterable[list[Translation]]
        translated = (list(map(Translation, batch)) for batch in batches)
        for hop in self.route(source_lang, target_lang):
            translated = self._hop(translated, hop)
        yield from translated

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text for the first model of the pair.

        Raises:
            LanguageError: There is no model for the pair.
            ModelError: The model cannot be fetched, converted or opened.
        """
        hop = self.route(source_lang, target_lang)[0]
        return self._model(hop).count_tokens(texts, *hop)

    def close(self) -> None:
        """Let go of every model."""
        while self._open:
            self._close_oldest()

    def _hop(self, batches: Iterable[list[Translation]], hop: Pair) -> Iterator[list[Translation]]:
        """The sources, or another model's translations, translated by the model of one hop."""
        under_way: deque[list[Translation]] = deque()

        def sources() -> Iterator[list[str]]:
            for batch in batches:
                under_way.append(batch)
                yield [text or "" for text, _ in batch]

        for results in self._model(hop).translate_batches(sources(), *hop):
            yield [
                Translation(new.text, new.truncated or old.truncated)
                for old, new in zip(under_way.popleft(), results, strict=True)
            ]

    def _model(self, pair: Pair) -> PairModel:
        if pair not in self._open:
            if len(self._open) >= OPEN:
                self._close_oldest()
            self._open[pair] = self._open_model(pair)
        self._open.move_to_end(pair)
        return self._open[pair]

    def _close_oldest(self) -> None:
        model = self._open.popitem(last=False)[1]
        self._listen(model)
        model.close()

    def _listen(self, *models: PairModel) -> None:
        for model in models:
            self._notes.update(dict.fromkeys(model.notes))


def _reachable(models: frozenset[Pair]) -> frozenset[Pair]:
    into = [source for source, target in models if target == PIVOT]
    out = [target for source, target in models if source == PIVOT]
    return models | {(source, target) for source in into for target in out if source != target}
