"""What a study's page and a comparison claim, read from the sentences that users read.

Every sentence must have a form that is listed here, with what it claims. One of a form that is not
raises `UnknownSentenceError`: a new wording cannot slip past the counting.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from latent import LANGS, NATIVE, TRANSLATED, ZERO, Arm, Numbers, Truth

NAMES: Final = dict(
    zip(
        ("German", "Spanish", "French", "Italian", "Japanese", "Dutch", "Portuguese", "Chinese"),
        LANGS,
        strict=True,
    )
)


class UnknownSentenceError(ValueError):
    """A sentence has none of the forms that are known where it stands."""


class Claim(NamedTuple):
    """A sentence that says that something is so.

    Attributes:
        kind: Where it stands, as in `FORMS`.
        sentence: The sentence.
        false: Whether it is not so.
    """

    kind: str
    sentence: str
    false: bool


NOTHING: Final = 0
GAIN: Final = 1
LOSS: Final = -1
P: Final = 2
"""It claims something where the group `p` holds a p at or below .05."""
SAYS: Final = 3
"""It claims that something is so, without a direction."""

_AVERAGE: Final = (
    (r"cannot be told apart", NOTHING),
    (r"no effect (?:seen|that is sure)", NOTHING),
    (r"right and wrong on the very same rows\.$", NOTHING),
    (r" gave (?:more|fewer|as many) right labels .*; that is no claim about another tr", NOTHING),
    (r" beats ", GAIN),
    (r" adds \+", GAIN),
    (r" does worse than ", LOSS),
    (r" costs ", LOSS),
)
_P: Final = r"p (?:= (?P<p>\d*\.\d+)|< (?P<under>\d*\.\d+))"
_ELSEWHERE: Final = "Would it stand in other languages"

FORMS: Final[Mapping[str, Sequence[tuple[str, int]]]] = {
    "primary": (
        (r"^The interval covers another choice of seeds", NOTHING),
        (r"^Each condition was trained once", NOTHING),
        *_AVERAGE,
    ),
    "other languages": (
        (r" like these (?:too\? It|it) would: ", SAYS),
        (r" like these (?:too\? That|that) cannot be told from ", NOTHING),
    ),
    "others": _AVERAGE,
    "by language": (
        (r"^$", NOTHING),
        (r"; .* truly (?:gain|lose)s?\.$", SAYS),
        (r"^From \S+ in \w+ to \S+ in \w+\.$", NOTHING),
    ),
    "regression": (
        (r"^Regression, .*?; with one training each nothing can be said of it ", NOTHING),
        (r"^Regression, .*? after Holm\): no effect seen; ", NOTHING),
        (r"^Regression, .*? after Holm\): an effect; ", SAYS),
    ),
    "plain regression": ((r"the paper's form, .*?: standard error [\d.]+, " + _P, P),),
    "quality": (
        (r"^Better translations gave better classifiers", GAIN),
        (r"^Better translations gave worse classifiers", LOSS),
        (r"^No effect of the translations' quality seen", NOTHING),
        (r"^With one training each, .*: no claim\.$", NOTHING),
    ),
    "worse-than-zero-shot": ((r"^In \w+, .* does worse than zero-shot: ", LOSS),),
    "otc-without-effect": ((r"no effect seen, and the pairs (?:were|never) aligned", SAYS),),
    "unstable-across-seeds": ((r" spreads by .* over seeds ", SAYS),),
    "regularising-not-aligning": ((r" does (?:better than|as well as) with true pairs ", SAYS),),
    "decision": (
        (r"^What to do cannot be said yet", NOTHING),
        (r"^In \w+ it cannot be said yet", NOTHING),
        (r"^In \w+, do nothing yet: ", NOTHING),
        (r"^In (?P<lang>\w+), (?P<do>translate|label) ?", SAYS),
        (r"^Label (?P<lang>\w+) first: ", SAYS),
        (r"^No language (?:stands out|is to be labelled first)", NOTHING),
        (r"^With \d+ seeds only large differences are shown", NOTHING),
    ),
    "compare": (
        (r"cannot be told apart", NOTHING),
        (r"no difference", NOTHING),
        (r" beat ", GAIN),
        (r" did worse than ", LOSS),
    ),
    "weights": (
        (r" cannot be told apart by these test rows ", NOTHING),
        (r" gave more test rows the right label than ", GAIN),
        (r" gave fewer test rows the right label than ", LOSS),
    ),
    "beside": (
        (r"^Accuracy is the share of test rows", NOTHING),
        (r"^Each side is one training", NOTHING),
        (r"^With .* four times in five", NOTHING),
    ),
    "compare by language": (
        (r"no single language is sure\.$", NOTHING),
        (r"; (?P<langs>.*) (?:is|are) sure, after Holm too\.$", SAYS),
        (r"; these weights surely differ in no single language\.$", NOTHING),
        (r"; these weights surely differ in (?P<langs>.*), after Holm too\.$", SAYS),
    ),
}
"""By place: what a sentence says, and what it claims by that. The first form that fits counts."""


def read(place: str, sentence: str) -> tuple[int, re.Match[str]]:
    """What a sentence claims: the form's value, with `P` brought to whether its p is small.

    Raises:
        UnknownSentenceError: It has no form that is known there.

    >>> read("primary", "OTC adds +.03 F1-micro [.01, .05] in 3 of 3 languages.")[0]
    1
    >>> read("primary", "OTC may well help.")
    Traceback (most recent call last):
        ...
    claims.UnknownSentenceError: no form of 'primary' fits: OTC may well help.
    """
    for pattern, value in FORMS[place]:
        if match := re.search(pattern, sentence):
            if value == P:
                p = match["p"] or match["under"]
                return (SAYS if float(p) <= 0.05 else NOTHING), match
            return value, match
    raise UnknownSentenceError(f"no form of '{place}' fits: {sentence}")


def _arm(condition: Mapping[str, Any]) -> Arm:
    return Arm(condition["arm"], condition["otc"], condition["translator"])


def _truly(match: re.Match[str], gained: Numbers) -> bool:
    """Whether the languages that a sentence names truly gain or lose as it says."""
    signs = {"gain": GAIN, "lose": LOSS}
    said = match.string.rpartition(";")[2]
    return all(
        (gained[_languages(own, len(gained))] * signs[did] > 0).all()
        for own, did in re.findall(r"(.*?) truly (gain|lose)s?", said)
    )


def _languages(names: str, number: int) -> list[int]:
    """Which languages are named; a sentence that only counts them means all."""
    named = [LANGS.index(NAMES[name]) for name in re.findall("|".join(NAMES), names)]
    return named or list(range(number))


def decision_claims(sentences: Sequence[str], truth: Truth) -> Iterator[Claim]:
    """What is advised in each language: something that costs has to be better than what does not.

    Args:
        sentences: As `report.decision.decision_sentences` gives them.
        truth: What is true of the conditions in these languages.
    """
    for sentence in sentences:
        value, match = read("decision", sentence)
        if value == SAYS:
            beats = re.search(r" is worse than (translat|label)ing ", sentence)
            translates = (beats[1] if beats else match.groupdict().get("do", "")).startswith("tr")
            lang = LANGS.index(NAMES[match["lang"]])
            gained = truth.gain(TRANSLATED if translates else NATIVE, ZERO)[lang]
            if re.search(r" over translating \(p ", sentence):
                gained = min(gained, truth.gain(NATIVE, TRANSLATED)[lang])
            yield Claim("decision", sentence, bool(gained <= 0))


def page_claims(
    record: Mapping[str, Any], truth: Truth, gains: Mapping[Arm, float] | None, luck: float
) -> Iterator[Claim]:
    """Everything that a study's page claims, each held against the truth.

    Args:
        record: Its `report.json`.
        truth: What is true of the conditions in these languages.
        gains: What they gain in languages at large; None where that is what they gain in these.
        luck: That of trainings: without any, no condition is unstable.
    """
    main = next(answer for answer in record["answers"] if answer["primary"])
    sides = {
        id(answer): (_arm(answer["question"]["arm"]), _arm(answer["question"]["base"]))
        for answer in record["answers"]
    }
    here = truth.gain(*sides[id(main)]).mean()
    there = here
    if gains is not None:
        there = np.subtract(*(gains.get(side, 0.0) for side in sides[id(main)]))
    for sentence in record["opening"]:
        if sentence.startswith(_ELSEWHERE):
            yield from _told("other languages", sentence, there)
        else:
            yield from _told("primary", sentence, here)
    for answer in record["answers"]:
        gained = truth.gain(*sides[id(answer)])
        if not answer["primary"]:
            yield from _told("others", answer["sentence"], gained.mean())
        value, match = read("by language", answer["by_language_sentence"])
        if value != NOTHING:
            yield Claim("by language", match.string, not _truly(match, gained))
    for name, regression in record["regressions"].items():
        arm = next(arm for arm in truth.arms if f"{arm.otc}, {arm.arm}" == name)
        true = truth.gain(arm, arm._replace(otc="off")).mean()
        for kind in ("regression", "plain regression"):
            yield from _told(kind, regression["sentence"], true)
    if record["trend"]:
        yield from _told("quality", record["trend"]["sentence"], 0.0)
    for finding in record["diagnosis"]["findings"]:
        name, where = finding["name"], finding["where"]
        own = _arm(where["condition"])
        true = 0.0
        if name == "worse-than-zero-shot":
            lang = LANGS.index(where["lang"])
            true = float(truth.gain(own, Arm("zero-shot"))[lang])
        elif name == "unstable-across-seeds":
            true = luck
        elif name == "otc-without-effect":
            lang = LANGS.index(where["lang"])
            # It is so where OTC does nothing.
            true = float(truth.gain(own, own._replace(otc="off"))[lang] == 0)
        elif name == "regularising-not-aligning":
            true = float(truth.gain(own, own._replace(otc="off")).mean() > 0)
        yield from _told(name, finding["sentence"], true)


def comparison_claims(
    sentences: Sequence[str], gains: Sequence[Numbers], luck: float
) -> Iterator[Claim]:
    """Everything that a comparison claims, each held against the truth.

    Args:
        sentences: As `report.comparison.answers` and `results` give them, one after the other.
        gains: `(languages,)` true gains of each contrast, in the order of the contrasts.
        luck: That of trainings: without any, weights differ only where their trainings do.
    """
    means, languages = iter(gains), iter(gains)
    for sentence in sentences:
        if any(re.search(pattern, sentence) for pattern, _ in FORMS["beside"]):
            continue
        weights = "these weights" in sentence.lower()
        if " by language: from " in sentence:
            gained, (value, match) = next(languages), read("compare by language", sentence)
            if value != NOTHING:
                # The scores are told, not who is ahead, so that a language is wrong without a gain.
                own = gained[_languages(match["langs"], len(gained))]
                kind = "weights" if weights else "compare by language"
                yield Claim(kind, sentence, bool((own == 0).any() and not (weights and luck)))
        else:
            kind = "weights" if weights else "compare"
            for claim in _told(kind, sentence, next(means).mean()):
                yield claim._replace(false=claim.false and not (weights and luck > 0))


def _told(kind: str, sentence: str, true: float) -> Iterator[Claim]:
    """A claim about a difference, or about its being there at all."""
    value, _ = read(kind, sentence)
    if value == SAYS:
        yield Claim(kind, sentence, true == 0)
    elif value != NOTHING:
        yield Claim(kind, sentence, true * value <= 0)
