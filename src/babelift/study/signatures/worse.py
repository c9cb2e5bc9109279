"""Worse than zero-shot: the translations cost more than they give."""

from typing import Final

from babelift.errors import LanguageError
from babelift.report.cautions import FAULTY
from babelift.report.numbers import language_name, listed, percent
from babelift.study.amounts import difference
from babelift.study.diagnosis_records import (
    Absent,
    ArmEvidence,
    Finding,
    NotJudged,
    Verdict,
    Where,
    numbers,
)
from babelift.translate.scripts import density

NAME: Final = "worse-than-zero-shot"

LOW_CHRF: Final = 50.0
"""From English, word-by-word translation reaches 42 to 49 into German, Spanish and French, and
the weakest neural system measured 55."""

LOW_CHRF_DENSE: Final = 22.0
"""Into Chinese and Japanese, where a character says as much as a word: word-by-word translation
reaches 14 to 17, the weakest neural system 27."""

DENSE: Final = 0.6
"""Density (characters per English character) below which a language has the lower bar."""

LENGTHS: Final = (0.75, 1.33)
"""Mean length ratios in between are usual; real languages differ by a tenth or so from the density
that the expected length is from, so that beyond them words are lost or repeated."""

_BETTER: Final = "Use a better translator; a study of translation quality says what it would bring."
_FAULTY: Final = "Make faulty translations anew or leave them out: quality retry or drop."
_LENGTH: Final = (
    "Look for sentences that are cut, left out or repeated: shorter segments, another decoding."
)
_MEASURE: Final = (
    "Measure the translations against references (chrF), or read twenty beside their originals."
)
_LABELS: Final = "Read some translations with their labels: does the label still hold?"
_RATIO: Final = "Give originals more weight, with a ratio of 2:1."


def worse_than_zero_shot(found: ArmEvidence) -> Verdict:
    """Whether an arm scores below zero-shot in a language, with the whole interval below zero."""
    where = Where(found.arm, found.lang)
    effect = found.over_zero_shot
    if effect is None or not effect.known:
        return NotJudged(NAME, where, "its difference to zero-shot is not known")
    said = difference(effect.delta, effect.interval)
    if effect.side >= 0:
        return Absent(NAME, where, f"{said} over zero-shot is not clearly below zero")
    evidence = numbers(chrf=found.chrf, flagged=found.flagged, length_ratio=found.length_ratio)
    poor = _poor(evidence, found.lang)
    language = language_name(found.lang)
    return Finding(
        name=NAME,
        kind="",
        where=where,
        evidence=numbers(delta=effect.delta, low=effect.interval[0], high=effect.interval[1])
        | evidence,
        sentence=f"In {language}, {found.arm} does worse than zero-shot: {said}. "
        f"{_quality(evidence, poor)}",
        advice=(*_advice(evidence, poor), f"Until then, keep zero-shot in {language}."),
    )


def _poor(evidence: dict[str, float], lang: str) -> list[str]:
    """Which measures of the translations are bad."""
    bar = LOW_CHRF_DENSE if _is_dense(lang) else LOW_CHRF
    short, long = LENGTHS
    bad = {
        "chrf": evidence.get("chrf", bar) < bar,
        "flagged": evidence.get("flagged", 0.0) >= FAULTY,
        "length_ratio": not short <= evidence.get("length_ratio", 1.0) <= long,
    }
    return [name for name, is_bad in bad.items() if is_bad]


def _is_dense(lang: str) -> bool:
    try:
        return density(lang) < DENSE
    except LanguageError:
        return False


def _quality(evidence: dict[str, float], poor: list[str]) -> str:
    if not evidence:
        return "How good the translations are was not measured."
    said = {
        "chrf": lambda value: f"their chrF is {value:.0f}",
        "flagged": lambda value: f"{percent(value, 1)} of them have a fault",
        "length_ratio": lambda value: f"they are {value:.2f} times as long as expected",
    }
    shown = poor or list(evidence)
    facts = listed([said[name](evidence[name]) for name in shown])
    if poor:
        return f"The translations are poor: {facts}."
    return f"What was measured of the translations does not explain it: {facts}."


def _advice(evidence: dict[str, float], poor: list[str]) -> list[str]:
    if not evidence:
        return [_MEASURE, _BETTER]
    if not poor:
        return [_LABELS, _RATIO, *([_MEASURE] if "chrf" not in evidence else [])]
    cures = {"chrf": _BETTER, "flagged": _FAULTY, "length_ratio": _LENGTH}
    return list(dict.fromkeys([*(cures[name] for name in poor), _BETTER]))
