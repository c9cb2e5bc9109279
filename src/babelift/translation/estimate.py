"""What translating would send to a service, and cost, before anything is sent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, NamedTuple

import polars as pl

from babelift.config import Translating
from babelift.languages import resolve
from babelift.translation.memory import Memory, memory_path
from babelift.translation.protocol import Translator
from babelift.translation.registry import asks_a_service, innermost, load_translator
from babelift.translation.segments import (
    WINDOW,
    Lane,
    Tally,
    counter,
    cut_batches,
    fitted,
    split_text,
)

_OFFLINE: Final = frozenset({"lexicon", "table"})
_BATCHES_COST: Final = 0.5
"""What a request on the batch endpoint costs, of its price."""


class Whole:
    """Stands for a translator that is not opened: its segments are sentences."""

    name, fingerprint = "unopened", ""
    license: str | None = None
    unit: Literal["sentence", "text"] = "sentence"

    def pairs(self) -> None:
        """Not known."""

    def translate(self, texts: Sequence[str], source_lang: str, target_lang: str) -> Any:
        """It does not."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to release."""


class Expected(NamedTuple):
    """What is expected of one language pair.

    Attributes:
        source_lang: Tag of the texts' language.
        target_lang: Tag of the language to translate into.
        rows: Rows to translate.
        known: Segments that the memory has, each counted once.
        counts: `segments` to send, each counted once, and the counts of `Usage`.
    """

    source_lang: str
    target_lang: str
    rows: int
    known: int
    counts: Counter[str]


class Estimate:
    """What jobs would send; nothing is sent, no program is started, no model is fetched.

    Args:
        config: The translator, and how it is asked and paid.
        fresh: As in `translating`: what the memory holds is passed over.
    """

    def __init__(self, config: Translating, *, fresh: bool = False) -> None:
        entry = innermost(config.translator)
        self._config, self._fresh = config, fresh
        self.service = asks_a_service(config.translator)
        self.opened = self.service or bool(entry.embedded) or entry.name in _OFFLINE
        self.pairs: list[Expected] = []
        self._seen: dict[tuple[str, str], set[int]] = {}  # hashes of segments take little room

    def add(self, parts: Iterable[pl.DataFrame], langs: Sequence[str], to: Sequence[str]) -> None:
        """Count what translating rows would send.

        Args:
            parts: Frames in the form of `corpus.rows.SCHEMA`; gone through for every pair.
            langs: Their languages.
            to: Tags of the target languages.
        """
        translator: Translator = Whole()
        if self.opened:
            translator = load_translator(self._config.translator, config=self._config)
        translator = getattr(translator, "base", translator)
        with closing(translator), TemporaryDirectory() as folder:
            # None is made where there is none.
            path = memory_path() if memory_path().exists() else Path(folder) / "memory.sqlite"
            with Memory(path) as memory:
                for source in langs:
                    for target in dict.fromkeys(map(resolve, to)):
                        if target != source:
                            size = self._config.batch_tokens
                            lane = Lane(translator, memory, source, target, size, 0)
                            self.pairs.append(self._pair(parts, lane))

    def _pair(self, parts: Iterable[pl.DataFrame], lane: Lane) -> Expected:
        source, target = lane.pair
        counts: Counter[str] = Counter()
        seen = self._seen.setdefault(lane.pair, set())
        rows = known = 0
        most = getattr(lane.translator, "max_batch_texts", None)
        for part in parts:
            texts = part.filter(pl.col("lang") == source)["text"].to_list()
            rows += len(texts)
            for start in range(0, len(texts), WINDOW):
                new = list(_unseen(texts[start : start + WINDOW], lane, seen))
                if self.opened and not self._fresh:
                    stored = lane.memory.get_many(new, *lane.pair, lane.translator.fingerprint)
                    known += len(stored)
                    new = [text for text in new if text not in stored]
                sizes = counter(lane.translator, *lane.pair)(new)
                for batch in cut_batches(new, sizes, lane.batch_tokens, most):
                    counts.update(_expected(lane, batch), segments=len(batch))
        return Expected(source, target, rows, known, counts)

    def lines(self) -> list[str]:
        """The estimate in words."""
        total: Counter[str] = Counter()
        lines = []
        for pair in self.pairs:
            total += pair.counts
            lines.append(
                f"{pair.source_lang}>{pair.target_lang}: {pair.rows:,} rows; {pair.known:,} "
                f"segments are in the memory; to send: {_in_words(pair.counts)}"
            )
        if len(lines) > 1:
            lines.append(f"together: {_in_words(total)}")
        lines += self._price(total)
        if not self.opened:
            lines.append(
                "not known before the translator is opened: what the memory holds of it, and how "
                "it cuts texts"
            )
        if self.service and total["segments"]:
            lines.append(
                "not in that: what is asked again, as after a fault, for --quality retry, or in "
                "parts around a link or name that was lost"
            )
        if total["tokens_sent"]:
            lines.append("tokens are estimated from letters; thoughts cost extra")
        lines.append("Nothing was sent, and nothing was written.")
        return lines

    def _price(self, total: Counter[str]) -> Iterator[str]:
        """The price, where the user says what a million characters or tokens costs."""
        config, price = self._config, 0.0
        if config.price_characters is not None:
            price += config.price_characters * total["characters_sent"] / 1e6
        if config.price_tokens is not None and total["characters_sent"] > 0 == total["tokens_sent"]:
            yield "price: not known; it is no price of tokens: say --price-characters"
            return
        if config.price_tokens is not None:
            for each, kind in zip(config.price_tokens, ("sent", "received"), strict=True):
                price += each * total[f"tokens_{kind}"] / 1e6
        if config.price_characters is not None or config.price_tokens is not None:
            half = config.batch_api
            price *= _BATCHES_COST if half else 1.0
            amount = "less than 0.01" if 0 < price < 0.005 else f"about {price:,.2f}"
            yield f"price: {amount}{', at half price as batches are' if half else ''}"
        elif self.service:
            yield "price: not known; say --price-characters, or --price-tokens IN OUT"


def _unseen(texts: Sequence[str], lane: Lane, seen: set[int]) -> Iterator[str]:
    """The segments of texts that did not come before."""
    unit, source = lane.translator.unit, lane.source_lang
    for pieces in fitted([split_text(text, source, unit) for text in texts], lane, Tally()):
        for piece in pieces:
            if piece.kind == "send" and hash(piece.text) not in seen:
                seen.add(hash(piece.text))
                yield piece.text


def _expected(lane: Lane, batch: Sequence[str]) -> dict[str, int]:
    own = getattr(lane.translator, "expected", None)
    if own is not None:
        counts: dict[str, int] = own(batch, *lane.pair)
        return counts
    return {"characters_sent": sum(map(len, batch))}


def _in_words(counts: Counter[str]) -> str:
    kinds = (
        ("segments", "segments"), ("characters_sent", "characters"), ("requests", "requests"),
        ("tokens_sent", "tokens sent"), ("tokens_received", "tokens received"),
    )  # fmt: skip
    parts = [f"{counts[kind]:,} {words}" for kind, words in kinds if counts[kind]]
    return ", ".join(parts) or "nothing"
