"""What a study's page and a comparison claim, read from the sentences that users read.

Every sentence must have a form that is listed here, with what it claims. One of a form that is not
raises `UnknownSentenceError`: a new wording cannot slip past the counting.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from latent import LANGS, Arm, Truth

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
    (r"among so many questions that may be chance", NOTHING),
    (r"cannot be told apart", NOTHING),
    (r"no effect seen", NOTHING),
    (r" beats ", GAIN),
    (r" adds \+", GAIN),
    (r" does worse than ", LOSS),
    (r" costs ", LOSS),
)
_P: Final = r"p (?:= (?P<p>[\d.]+)|< (?P<under>[\d.]+))"

FORMS: Final[Mapping[str, Sequence[tuple[str, int]]]] = {
    "primary": _AVERAGE,
    "others": _AVERAGE,
    "reach": (
        (r"^The interval covers another choice of seeds", NOTHING),
        (r"^Each condition was trained once", NOTHING),
        (r"^Would it stand in other languages too\? .* gives " + _P, P),
    ),
    "by language": (
        (r"^$", NOTHING),
        (r"; (?:all|at least) (?P<all>\d+)(?: of \d+)? truly gain\.$", GAIN),
        (r"; (?:all|at least) (?P<all>\d+)(?: of \d+)? truly lose\.$", LOSS),
        (r"^From \S+ in \w+ to \S+ in \w+\.$", NOTHING),
    ),
    "regression": ((r"^Regression, .*?\(standard error [\d.]+, " + _P, P),),
    "plain regression": ((r"plain OLS, .*?\([\d.]+, " + _P, P),),
    "quality": (
        (r"^Better translations gave better classifiers", GAIN),
        (r"^Better translations gave worse classifiers", LOSS),
        (r"^No effect of the translations' quality seen", NOTHING),
    ),
    "worse-than-zero-shot": ((r"^In \w+, .* does worse than zero-shot: ", LOSS),),
    "otc-without-effect": ((r"no effect seen, and the pairs (?:were|never) aligned", SAYS),),
    "unstable-across-seeds": ((r" spreads by .* over seeds ", SAYS),),
    "regularising-not-aligning": ((r" does (?:better than|as well as) with true pairs ", SAYS),),
    "compare": (
        # Of the weights at hand, which are as they are.
        (r"^Each side is one training, which does not say which way to train is better", NOTHING),
        (r"^These weights of ", NOTHING),
        (r"cannot be told apart", NOTHING),
        (r"no difference", NOTHING),
        (r" beat ", GAIN),
        (r" did worse than ", LOSS),
        (r"^Accuracy is the share of test rows", NOTHING),
    ),
    "compare by language": (
        (r"no single language is sure\.$", NOTHING),
        (r"; (?P<langs>.*) (?:is|are) sure, after Holm too\.$", SAYS),
        (r"; these weights surely differ in ", NOTHING),
        (r"would be (?:seen|told apart) four times in five", NOTHING),
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


def page_claims(
    record: Mapping[str, Any], truth: Truth, gains: Mapping[Arm, float], luck: float
) -> Iterator[Claim]:
    """Everything that a study's page claims, each held against the truth.

    Args:
        record: Its `report.json`.
        truth: What is true of the conditions in these languages.
        gains: What they gain in languages at large.
        luck: That of trainings: without any, no condition is unstable.
    """

    def told(kind: str, sentence: str, true: float, place: str = "") -> Iterator[Claim]:
        """A claim about a difference, or about its being there at all."""
        value, _ = read(place or kind, sentence)
        if value == SAYS:
            yield Claim(kind, sentence, true == 0)
        elif value != NOTHING:
            yield Claim(kind, sentence, true * value <= 0)

    main = next(answer for answer in record["answers"] if answer["primary"])
    sides = {
        id(answer): (_arm(answer["question"]["arm"]), _arm(answer["question"]["base"]))
        for answer in record["answers"]
    }
    yield from told("primary", record["opening"][0], truth.gain(*sides[id(main)]).mean())
    at_large = np.subtract(*(gains.get(side, 0.0) for side in sides[id(main)]))
    for sentence in record["opening"][1:]:
        yield from told("other languages", sentence, at_large, "reach")
    for answer in record["answers"]:
        gained = truth.gain(*sides[id(answer)])
        if not answer["primary"]:
            yield from told("others", answer["sentence"], gained.mean())
        value, match = read("by language", answer["by_language_sentence"])
        if value != NOTHING:
            false = int((gained * value > 0).sum()) < int(match["all"])
            yield Claim("by language", match.string, false)
    for name, regression in record["regressions"].items():
        arm = next(arm for arm in truth.arms if f"{arm.otc}, {arm.arm}" == name)
        true = truth.gain(arm, arm._replace(otc="off")).mean()
        for kind in ("regression", "plain regression"):
            yield from told(kind, regression["sentence"], true)
    if record["trend"]:
        yield from told("quality", record["trend"]["sentence"], 0.0)
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
        yield from told(name, finding["sentence"], true)


def comparison_claims(
    sentences: Sequence[str],
    by_language: Sequence[str],
    gains: Sequence[Any],
    langs: Sequence[str] = LANGS,
) -> Iterator[Claim]:
    """Everything that a comparison claims: of each contrast first the mean, then its languages.

    Args:
        sentences: As `report.comparison.answers` gives them.
        by_language: As `report.comparison.results` gives them.
        gains: `(languages,)` true gains of each contrast, in the order of the contrasts.
        langs: Languages in the order of the gains.
    """
    first = [None] * (len(sentences) - len(gains) - 1)  # of one training on each side
    for sentence, gained in zip(sentences, [*first, *gains, None], strict=True):
        value, _ = read("compare", sentence)
        if value != NOTHING:
            yield Claim("compare", sentence, gained.mean() * value <= 0)
    for sentence, gained in zip(by_language, [*gains, None], strict=False):
        value, match = read("compare by language", sentence)
        if value != NOTHING:
            sure = re.findall("|".join(NAMES), match["langs"])
            wrong = [lang for lang in sure if gained[langs.index(NAMES[lang])] == 0]
            yield Claim("compare by language", sentence, bool(wrong))
