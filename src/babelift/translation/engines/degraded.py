"""Spoils the output of any translator on purpose: what does a worse translation cost?"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from itertools import permutations
from random import Random
from typing import Final, Literal, NamedTuple, Self, get_args

from babelift import embedded, languages
from babelift.config import Translating
from babelift.errors import ConfigError, did_you_mean
from babelift.translation.engines.lexicon import LANGUAGES, MiniLexicon, in_case, read_list
from babelift.translation.engines.words import (
    UNSPACED,
    Cut,
    cut_words,
    merged_gap,
    without_opening,
)
from babelift.translation.protected import NOTHING
from babelift.translation.protocol import Translation, Translator, check_pair
from babelift.translation.registry import TRANSLATORS
from babelift.translation.segments import counter


class Draw(NamedTuple):
    """The random numbers of one word, each 0 to below 1.

    Attributes:
        hit: The word is spoilt where the strength is above this.
        how: Decides where it goes, or what it becomes.
    """

    hit: float
    how: float


NEVER: Final = Draw(1.0, 0.0)
"""Of what must stay as it is, such as a link: hit at no strength."""


def draws(text: str, lang: str, seed: int, words: int) -> list[Draw]:
    """The random numbers of a text's words: always the same, on every machine.

    They depend neither on the kind of damage nor on its strength. So a word that is hit stays hit
    when the strength is raised, and all kinds of one strength hit the same words.

    Args:
        text: The text that is spoilt.
        lang: Its language's tag.
        seed: Any whole number; another one hits other words.
        words: How many words it has.

    >>> draws("Good.", "en", 0, 2)[0] == draws("Good.", "en", 0, 1)[0]
    True
    """
    digest = blake2b(f"{lang}:{seed}:{text}".encode("utf-8", "surrogatepass"), digest_size=16)
    random = Random(int.from_bytes(digest.digest(), "big")).random
    return [Draw(random(), random()) for _ in range(words)]


def drop(cut: Cut, draw: Sequence[Draw], strength: float) -> str:
    """The text without the words that are hit; of several words one is always kept.

    >>> from babelift.translation.engines.words import cut_words
    >>> cut = cut_words("It is very, very (really) good.")
    >>> drop(cut, [Draw(hit, 0.0) for hit in (0.9, 0.8, 0.9, 0.1, 0.2, 0.7)], 0.5)
    'It is very, good.'
    """
    words_hit = (place for place in range(len(draw)) if draw[place].hit < NEVER.hit)
    last = max(words_hit, key=lambda place: draw[place].hit, default=None)
    words: list[str] = []
    gaps = [cut.gaps[0]]
    for place, word in enumerate(cut.words):
        gap = cut.gaps[place + 1]
        if draw[place].hit < strength and place != last:
            gaps[-1] = merged_gap(gaps[-1], gap, first=not words)
        else:
            words.append(word)
            gaps.append(gap)
    if gaps[-1] != cut.gaps[-1]:
        gaps[-1] = without_opening(gaps[-1])
    return Cut(words, gaps).text


def shuffle(cut: Cut, draw: Sequence[Draw], strength: float) -> str:
    """The text with the words that are hit moved in a circle, in random order; marks stay.

    So every word that is hit stands somewhere else, unless it is the only one.

    >>> from babelift.translation.engines.words import cut_words
    >>> draw = [Draw(0.1, 0.5), Draw(0.9, 0.1), Draw(0.2, 0.9)]
    >>> shuffle(cut_words("One, two, three."), draw, 0.5)
    'three, two, One.'
    """
    hit = [place for place in range(len(cut.words)) if draw[place].hit < strength]
    hit.sort(key=lambda place: draw[place].how)
    words = list(cut.words)
    for here, there in zip(hit, [*hit[1:], *hit[:1]], strict=True):
        words[there] = cut.words[here]
    return Cut(words, cut.gaps).text


def replace(
    cut: Cut, draw: Sequence[Draw], strength: float, other: Callable[[str, float], str]
) -> str:
    """The text with the words that are hit replaced; numbers are not words here.

    Args:
        cut: The text.
        draw: Random numbers of its words.
        strength: Share of words that are hit.
        other: Given a word and a number from 0 to below 1, says what to put for it.

    >>> from babelift.translation.engines.words import cut_words
    >>> cut = cut_words("Ten, two, 10!")
    >>> replace(cut, [Draw(0.1, 0.0)] * 3, 0.5, lambda word, number: word.upper())
    'TEN, TWO, 10!'
    """
    words = [
        other(word, how) if hit < strength and any(map(str.isalpha, word)) else word
        for word, (hit, how) in zip(cut.words, draw, strict=True)
    ]
    return Cut(words, cut.gaps).text


_STEM: Final = 4
"""Words that begin with as many equal letters are taken for forms of one word."""


class Senses:
    """What may wrongly stand for a word of a language.

    Where another word translates the same word of the source language, that does: the bank of the
    river for the bank with the money. Forms of one word do not count as different, and what is
    written as in the source language counts as not translated. Other words are replaced by words
    that occur about as often in the list, between half and twice.

    Args:
        rows: Words of the source language and what stands for them; phrases among both.
        lang: Tag of the language that is spoilt.

    Attributes:
        vocabulary: Words of a language without spaces, for `cut_words`; None of another.

    >>> rows = [("bank", "Bank"), ("bank", "Ufer"), ("shore", "Ufer"), ("shore", "Strand")]
    >>> senses = Senses(rows, "de")
    >>> senses.other("BANK", 0.0), senses.alternatives("Ufer"), senses.alternatives("Licht")
    ('UFER', ('Strand',), ())
    """

    def __init__(self, rows: Iterable[tuple[str, str]], lang: str) -> None:
        pairs = [(source.casefold(), target) for source, target in rows if source and target]
        # Without spaces a word of the language cannot be told from a phrase, save by its source.
        single = [pair for pair in pairs if " " not in pair[0 if lang in UNSPACED else 1]]
        self.vocabulary = frozenset(pair[1] for pair in single) if lang in UNSPACED else None
        self._usual: dict[str, str] = {}
        self._sources: dict[str, set[str]] = defaultdict(set)
        self._targets: dict[str, set[str]] = defaultdict(set)
        for source, target in single:
            self._sources[target.casefold()].add(source)
            if self._is_written(target, lang) and target.casefold() != source:
                usual = self._usual.setdefault(target.casefold(), target)
                self._targets[source].add(usual)
        counts = Counter(
            word.casefold()
            for _, target in pairs
            for word in cut_words(target, self.vocabulary).words
        )
        self._level = {word: counts[word].bit_length() for word in self._usual}
        self._by_level: dict[int, list[str]] = defaultdict(list)
        for word in sorted(self._usual):
            self._by_level[self._level[word]].append(self._usual[word])

    def alternatives(self, word: str) -> tuple[str, ...]:
        """Other translations of what a word translates, sorted."""
        meant = self._sources.get(word.casefold(), ())
        words = {other for source in meant for other in self._targets.get(source, ())}
        return tuple(sorted(other for other in words if not _same(word, other)))

    def other(self, word: str, number: float) -> str:
        """A wrong word, written large or small as the right one.

        Args:
            word: The right one.
            number: 0 to below 1, decides between several.
        """
        head, word = self._without_article(word)
        senses = self.alternatives(word)
        chosen = senses[int(number * len(senses))] if senses else self._as_frequent(word, number)
        return head + in_case(word, self._usual.get(word.casefold(), word.casefold()), chosen)

    def _without_article(self, word: str) -> tuple[str, str]:
        """What is written together before a word, as in `l'ami`, and the word."""
        cut = max(word.rfind("'"), word.rfind("’")) + 1
        known = word.casefold() in self._sources or word[cut:].casefold() not in self._sources
        return ("", word) if known or 2 * cut > len(word) else (word[:cut], word[cut:])

    def _is_written(self, word: str, lang: str) -> bool:
        """Whether a target is one whole word, in letters that may be put into a text."""
        if cut_words(word, self.vocabulary).words != [word] or not any(map(str.isalpha, word)):
            return False
        # Chinese is also read in traditional characters; those that GB 2312 has are simplified.
        return lang != "zh" or len(word.encode("gb2312", "ignore")) == 2 * len(word)

    def _as_frequent(self, word: str, number: float) -> str:
        """A word that occurs about as often; one that is not in the list counts as the rarest."""
        level = self._level.get(word.casefold(), min(self._by_level, default=0))
        words = self._by_level.get(level, [])
        first = int(number * len(words))
        around = (words[(first + step) % len(words)] for step in range(len(words)))
        return next((other for other in around if not _same(word, other)), word)


def load_senses(source_lang: str, target_lang: str) -> Senses:
    """The senses of the embedded lexicon for a pair of languages; read once.

    Args:
        source_lang: Counts where the target is English; otherwise what English words mean does.
        target_lang: English or one of the lexicon's `LANGUAGES`; both cannot be English.

    Raises:
        ModelError: The list cannot be read.
    """
    return _read(source_lang, True) if target_lang == "en" else _read(target_lang, False)


@cache
def _read(lang: str, into_english: bool) -> Senses:
    rows = read_list(embedded.model_folder("lexicon") / f"{lang}.tsv.gz")
    if into_english:
        return Senses(((other, english) for english, other, _ in rows), "en")
    return Senses(((english, other) for english, other, _ in rows), lang)


def has_senses(source_lang: str, target_lang: str) -> bool:
    """Whether the embedded lexicon knows a pair's words.

    >>> has_senses("it", "de"), has_senses("de", "en"), has_senses("it", "en")
    (True, True, False)
    """
    return (source_lang if target_lang == "en" else target_lang) in LANGUAGES


def _same(word: str, other: str) -> bool:
    """Whether two words are probably forms of one."""
    word, other = word.casefold(), other.casefold()
    return word in other or other in word or word[:_STEM] == other[:_STEM]


Kind = Literal["drop", "shuffle", "sense"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_FORM: Final = "degraded:KIND=SHARE:TRANSLATOR"
_EXAMPLE: Final = "Write for example degraded:drop=0.3:mini or degraded:drop=0.3:seed=7:mini."
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Damage:
    """What is done to translations.

    Attributes:
        kind: `drop`: words are left out. `shuffle`: words change places among themselves.
            `sense`: words are replaced by another translation of the same word, or by a word
            that is as frequent.
        strength: Share of words that are hit, 0 to 1.
        seed: Another seed hits other words.
    """

    kind: Kind
    strength: float
    seed: int = 0

    @classmethod
    def parse(cls, argument: str) -> tuple[Self, str]:
        """The damage, and the string of the translator that is to be spoilt; loads nothing.

        Args:
            argument: `KIND=SHARE:TRANSLATOR` or `KIND=SHARE:seed=NUMBER:TRANSLATOR`.

        Raises:
            ConfigError: The kind, the share, the seed or the translator cannot be used.

        >>> Damage.parse("shuffle=0.5:table:FILE#argos")
        (Damage(kind='shuffle', strength=0.5, seed=0), 'table:FILE#argos')
        >>> Damage.parse("drp=0.3:mini")
        Traceback (most recent call last):
        babelift.errors.ConfigError: translator 'degraded': kind 'drp' is not known; \
did you mean 'drop'?
        Kinds: drop, shuffle, sense. Write for example degraded:drop=0.3:mini or \
degraded:drop=0.3:seed=7:mini.
        """
        from babelift.translation.registry import parse

        damage, _, rest = argument.partition(":")
        name, _, share = damage.partition("=")
        kind = next((known for known in KINDS if known == name.strip()), None)
        if kind is None:
            near = did_you_mean(name.strip(), KINDS)
            raise ConfigError(
                f"translator 'degraded': kind '{name}' is not known{near}",
                f"Kinds: {', '.join(KINDS)}. {_EXAMPLE}",
            )
        strength = _share(share.strip())
        seed = 0
        if rest.lstrip().startswith("seed="):
            number, _, rest = rest.partition(":")
            seed = _seed(number.partition("=")[2].strip())
        if not rest.strip():
            raise ConfigError(
                f"translator 'degraded' needs a translator to spoil: {_FORM}. "
                f"Got 'degraded:{argument}'.",
                _EXAMPLE,
            )
        parse(rest)
        return cls(kind, strength, seed), rest.strip()

    def __str__(self) -> str:
        """As it is written.

        >>> str(Damage("drop", 0.25)), str(Damage("sense", 1.0, 7))
        ('drop=0.25', 'sense=1.0:seed=7')
        """
        return f"{self.kind}={self.strength!r}" + (f":seed={self.seed}" if self.seed else "")


def load(argument: str, config: Translating) -> "Degraded":
    """The translator `degraded:KIND=SHARE:TRANSLATOR`.

    Raises:
        ConfigError: The kind, the share, the seed or the translator cannot be used.
        BabeliftError: What the other translator cannot be loaded for.
    """
    from babelift.translation.registry import load_translator

    damage, spec = Damage.parse(argument)
    return Degraded(load_translator(spec, config=config), damage)


class Degraded:
    """Spoils the output of another translator, the same text always alike.

    A text is one segment: where the other translator takes sentences, each sentence keeps at
    least one word. What is hit at one strength is hit at every greater one, and the same words
    are hit whatever the kind.

    Args:
        base: The translator to spoil; closed with this one.
        damage: What is done to its output.
    """

    def __init__(self, base: Translator, damage: Damage) -> None:
        self.base, self.damage = base, damage
        self.name = f"{base.name}+{damage}"
        self.unit: Literal["sentence", "text"] = base.unit
        self._lexicon, self.license = _lexicon(base, damage)
        self.max_input_tokens: int | None = getattr(base, "max_input_tokens", None)
        self.indivisible: bool = getattr(base, "indivisible", False)
        own = TRANSLATORS["degraded"].poor if damage.strength else ""
        self.poor: str = getattr(base, "poor", "") or own

    @cached_property
    def fingerprint(self) -> str:
        """Of the damage and of the other translator, which is asked for it only when needed."""
        return f"degraded/2:{self.damage} {self._lexicon} + {self.base.fingerprint}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the other translator says of its work."""
        return tuple(getattr(self.base, "notes", ()))

    def pairs(self) -> frozenset[tuple[str, str]] | None:
        """The other translator's pairs; for `sense` those whose words the lexicon knows."""
        possible = self.base.pairs()
        if self.damage.kind != "sense":
            return possible
        if possible is None:
            possible = frozenset(permutations(languages.LANGUAGES, 2))
        return frozenset(pair for pair in possible if has_senses(*pair))

    def translate(
        self, texts: Sequence[str], source_lang: str, target_lang: str
    ) -> Iterator[Translation]:
        """Translate and spoil texts, one result per text, in order.

        Raises:
            LanguageError: The pair is not possible.
            TranslationError: The other translator failed.
        """
        if self.damage.kind == "sense":
            check_pair(self.name, source_lang, target_lang, self.pairs() or ())
        translations = self.base.translate(texts, source_lang, target_lang)
        return (self.derive(result, source_lang, target_lang) for result in translations)

    def derive(self, made: Translation, source_lang: str, target_lang: str) -> Translation:
        """A translation by the other translator, spoilt."""
        if not made.text or not self.damage.strength:
            return made
        return made._replace(text=self._spoilt(made.text, source_lang, target_lang))

    def count_tokens(self, texts: Sequence[str], source_lang: str, target_lang: str) -> list[int]:
        """The tokens of each text, for the other translator."""
        return list(counter(self.base, source_lang, target_lang)(texts))

    def close(self) -> None:
        """Close the other translator."""
        self.base.close()

    def _spoilt(self, text: str, source_lang: str, target_lang: str) -> str:
        kind, strength, seed = self.damage.kind, self.damage.strength, self.damage.seed
        if kind != "sense" and target_lang not in UNSPACED:
            cut, kept = _cut(text)
        else:
            senses = load_senses(source_lang, target_lang)
            cut, kept = _cut(text, senses.vocabulary)
        draw = draws(text, target_lang, seed, len(cut.words))
        draw = [NEVER if place in kept else drawn for place, drawn in enumerate(draw)]
        if kind == "sense":
            return replace(cut, draw, strength, senses.other)
        return (drop if kind == "drop" else shuffle)(cut, draw, strength)


def _cut(text: str, vocabulary: Collection[str] | None = None) -> tuple[Cut, set[int]]:
    """A text in words, and the places of those that must stay as they are."""
    words: list[str] = []
    gaps = [""]
    kept = set()
    for part, protected in NOTHING.split(text):
        if protected:
            kept.add(len(words))
        inner = Cut([part], ["", ""]) if protected else cut_words(part, vocabulary)
        gaps[-1] += inner.gaps[0]
        words += inner.words
        gaps += inner.gaps[1:]
    return Cut(words, gaps), kept


def _share(text: str) -> float:
    if not _NUMBER.fullmatch(text) or float(text) > 1:
        raise ConfigError(
            f"translator 'degraded': the share must be a number from 0 to 1. Got '{text}'.",
            _EXAMPLE,
        )
    return float(text)


def _seed(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ConfigError(
            "translator 'degraded': the seed must be a whole number of up to 18 digits. "
            f"Got '{text}'.",
            _EXAMPLE,
        )
    return int(text)


def _lexicon(base: Translator, damage: Damage) -> tuple[str, str | None]:
    """What identifies the embedded lexicon, and the licence of a text with words out of it."""
    # Under its older name: that is how fingerprints know it.
    lexicon = MiniLexicon(embedded.model_folder("lexicon"), name="mini-lexicon")
    known = base.license
    if damage.kind == "sense" and known and lexicon.license and lexicon.license not in known:
        known = f"{known} AND {lexicon.license}"
    return lexicon.fingerprint, known
