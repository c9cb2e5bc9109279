"""What became of the rows of a translation: counts per language pair, and examples of faults."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from babelift.translation.protocol import Translator
from babelift.translation.segments import Tally

_EXAMPLES: Final = 3
_SHOWN: Final = 400


@dataclass(slots=True)
class PairCounts:
    """Rows of one pair; `rows` is the sum of `kept`, `dropped` and `missing`.

    Attributes:
        rows: Rows to translate.
        kept: Rows with a translation that is handed on.
        dropped: Rows left out for a fault.
        missing: Rows left out because the translator has no translation for them.
        retried: Rows whose faulty translation was made anew.
        repaired: Those of them that passed then.
        truncated: Rows with a translation that was cut.
        faulty: Rows with any fault, before anything was done about it.
        flags: Rows with each fault, before anything was done about it.
    """

    rows: int = 0
    kept: int = 0
    dropped: int = 0
    missing: int = 0
    retried: int = 0
    repaired: int = 0
    truncated: int = 0
    faulty: int = 0
    flags: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Example:
    """One translation in which a check found a fault; its texts may be shortened."""

    flag: str
    source_lang: str
    lang: str
    source_text: str
    text: str | None


@dataclass(slots=True)
class TranslationReport:
    """What a translation did; see `Tally` for the counts of segments.

    Attributes:
        translator: Its name.
        fingerprint: Its fingerprint.
        license: SPDX id of its weights or data, None where not known.
        fallback: Name, fingerprint and license of the second translator, if there is one.
        seconds: Time taken.
        tally: Counts of segments.
        pairs: Counts of rows for each `"source>target"`.
        examples: Up to three faulty translations for each fault and pair.
        usage: What services counted, by the translator's name; see `engines.service.Usage`.
        notes: Sentences from the translators about what they left out or could not do.
        reading: Sentences about how tables and settings were read.
    """

    translator: str
    fingerprint: str
    license: str | None
    fallback: dict[str, str | None] | None = None
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    pairs: dict[str, PairCounts] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)
    usage: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reading: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, translator: Translator, fallback: Translator | None) -> "TranslationReport":
        """An empty report of a translator."""
        second = None
        if fallback is not None:
            second = {
                "translator": fallback.name,
                "fingerprint": fallback.fingerprint,
                "license": fallback.license,
            }
        return cls(translator.name, translator.fingerprint, translator.license, second)

    def add_faults(
        self,
        pair: tuple[str, str],
        sources: Sequence[str],
        texts: Sequence[str],
        faults: Sequence[Sequence[str]],
    ) -> None:
        """Count the faults of a pair's rows and keep the first few as examples."""
        pair_counts = self.pairs[f"{pair[0]}>{pair[1]}"]
        pair_counts.faulty += sum(map(bool, faults))
        counts = pair_counts.flags
        for source, text, flags in zip(sources, texts, faults, strict=True):
            for flag in flags:
                counts[flag] = counts.get(flag, 0) + 1
                if counts[flag] <= _EXAMPLES:
                    self.examples.append(Example(flag, *pair, _shortened(source), _shortened(text)))

    def total(self, name: str) -> int:
        """The sum of a count over all pairs, e.g. `total("kept")`."""
        return sum(int(getattr(counts, name)) for counts in self.pairs.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `truncated` and `missing` count rows."""
        return {
            "translator": self.translator,
            "fingerprint": self.fingerprint,
            "license": self.license,
            "fallback": self.fallback,
            "seconds": round(self.seconds, 3),
            "segments": self.tally.segments,
            "from_memory": self.tally.from_memory,
            "duplicates": self.tally.duplicates,
            "translated": self.tally.translated,
            "split": self.tally.split,
            "truncated": self.total("truncated"),
            "missing": self.total("missing"),
            "failed": self.tally.failed,
            "pairs": {pair: asdict(counts) for pair, counts in self.pairs.items()},
            "examples": [asdict(example) for example in self.examples],
            **({"usage": self.usage} if self.usage else {}),
            "notes": [*self.reading, *self.notes],
        }


def usage_sentence(name: str, usage: Mapping[str, int]) -> str:
    """What a service was asked and what it counted.

    >>> usage_sentence("deepl", {"requests": 3, "again": 1, "characters_sent": 1200,
    ...                          "characters_received": 1300, "characters_billed": 1200})
    'deepl was sent 1,200 characters and gave 1,300 in 3 requests (1 of them again); by its own \
count 1,200 characters'
    """
    repeated = [
        f"{usage[kind]:,} {words}"
        for kind, words in (
            ("again", "of them again"),
            ("parts", "answered otherwise than asked, and asked again in parts"),
            ("blocked", "not answered by its own rules"),
        )
        if usage.get(kind)
    ]
    counted = [
        f"{usage[kind]:,} {words}"
        for kind, words in (
            ("characters_billed", "characters"),
            ("tokens_sent", "tokens sent"),
            ("tokens_received", "tokens received"),
        )
        if usage.get(kind)
    ]
    return (
        f"{name} was sent {usage.get('characters_sent', 0):,} characters and gave "
        f"{usage.get('characters_received', 0):,} in {usage.get('requests', 0):,} requests"
        + (f" ({'; '.join(repeated)})" if repeated else "")
        + (f"; by its own count {', '.join(counted)}" if counted else "")
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
