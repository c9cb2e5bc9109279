"""Spoils the output of any translator on purpose: what does a worse translation cost?"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from babelift import languages
from babelift.config import Translating
from babelift.errors import ConfigError, did_you_mean
from babelift.translate.batches import MAX_TOKENS, counter
from babelift.translate.cut import cut_words
from babelift.translate.pairs import check_pair
from babelift.translate.protocol import Translation, Translator
from babelift.translate.spoiling import draws, drop, replace, shuffle

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
        from babelift.translate.registry import parse

        damage, _, rest = argument.partition(":")
        name, _, share = damage.partition("=")
        kind = next((one for one in KINDS if one == name.strip()), None)
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
    from babelift.translate.registry import load_translator

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
        lexicon, self.license = _lexicon(base, damage)
        self.fingerprint = f"degraded/1:{damage} {lexicon} + {base.fingerprint}"
        self.max_input_tokens = int(getattr(base, "max_input_tokens", None) or MAX_TOKENS)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the other translator says of its work."""
        return tuple(getattr(self.base, "notes", ()))

    def pairs(self) -> frozenset[tuple[str, str]] | None:
        """The other translator's pairs; for `sense` those whose words the lexicon knows."""
        possible = self.base.pairs()
        if self.damage.kind != "sense":
            return possible
        from babelift.translate.senses import has_senses

        if possible is None:
            tags = languages.LANGUAGES
            possible = frozenset((one, two) for one in tags for two in tags if one != two)
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
        made = self.base.translate(texts, source_lang, target_lang)
        return (self.derive(one, source_lang, target_lang) for one in made)

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
        from babelift.translate.lexicon import UNSPACED
        from babelift.translate.senses import load_senses

        kind, strength, seed = self.damage.kind, self.damage.strength, self.damage.seed
        if kind != "sense" and target_lang not in UNSPACED:
            cut = cut_words(text)
        else:
            senses = load_senses(source_lang, target_lang)
            cut = cut_words(text, senses.vocabulary)
        draw = draws(text, target_lang, seed, len(cut.words))
        if kind == "sense":
            return replace(cut, draw, strength, senses.other)
        return (drop if kind == "drop" else shuffle)(cut, draw, strength)


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
    from babelift import embedded
    from babelift.translate.mini_lexicon import MiniLexicon

    lexicon = MiniLexicon(embedded.model_folder("lexicon"))
    known = base.license
    if damage.kind == "sense" and known and lexicon.license and lexicon.license not in known:
        known = f"{known} AND {lexicon.license}"
    return lexicon.fingerprint, known
