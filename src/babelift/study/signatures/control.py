"""Regularising, not aligning: OTC helps as much where the pairs are shuffled."""

from typing import Final

from babelift.report.numbers import language_name
from babelift.study.amounts import difference
from babelift.study.diagnosis_records import (
    Absent,
    ControlEvidence,
    Finding,
    NotJudged,
    Verdict,
    Where,
    numbers,
)

NAME: Final = "regularising-not-aligning"

_ADVICE: Final = (
    "Do not put OTC's gain down to alignment: any pairs give it.",
    "Compare with cheaper regularisers: label smoothing, weight decay, dropout views of one text.",
    "Add languages, test items or seeds to see a smaller advantage of true pairs.",
)


def regularising_not_aligning(found: ControlEvidence) -> Verdict:
    """Whether OTC on shuffled pairs helps, and true pairs show no advantage over them."""
    where = Where(found.arm, found.lang)
    true, shuffled, off = found.true_over_shuffled, found.shuffled_over_off, found.true_over_off
    if true is None or shuffled is None or not (true.known and shuffled.known):
        lacks = "true and shuffled pairs" if true is None or not true.known else "shuffled pairs"
        return NotJudged(NAME, where, f"the control is incomplete: {lacks} were not compared")
    over = difference(true.delta, true.interval)
    gain = difference(shuffled.delta, shuffled.interval)
    if true.side > 0:
        return Absent(NAME, where, f"true pairs do better than shuffled ones: {over}")
    if shuffled.side <= 0:
        return NotJudged(NAME, where, _untold(found, over, gain))
    place = f"In {language_name(found.lang)}" if found.lang else "Over all languages"
    does = "better than with" if true.side < 0 else "as well as with"
    known_off = off if off is not None and off.known else None
    return Finding(
        name=NAME,
        kind="",
        where=where,
        evidence=numbers(
            true_over_shuffled=true.delta,
            true_over_shuffled_low=true.interval[0],
            true_over_shuffled_high=true.interval[1],
            shuffled_over_off=shuffled.delta,
            shuffled_over_off_low=shuffled.interval[0],
            shuffled_over_off_high=shuffled.interval[1],
            true_over_off=known_off.delta if known_off else None,
            true_over_off_low=known_off.interval[0] if known_off else None,
            true_over_off_high=known_off.interval[1] if known_off else None,
        ),
        sentence=f"{place}, {found.arm} does {does} true pairs where OTC's pairs are shuffled "
        f"(true over shuffled {over}, shuffled over no OTC {gain}): OTC is regularising, not "
        "aligning.",
        advice=_ADVICE,
    )


def _untold(found: ControlEvidence, over: str, gain: str) -> str:
    """Why the control tells nothing where shuffled pairs do not help."""
    off = found.true_over_off
    measured = f"true over shuffled {over}, shuffled over no OTC {gain}"
    if off is not None and off.known and off.side > 0:
        helped = difference(off.delta, off.interval)
        return (
            f"OTC on true pairs helps ({helped}), but shuffled ones are neither clearly worse than "
            f"true ones nor clearly better than none ({measured})"
        )
    return f"neither true nor shuffled pairs are seen to help, so nothing can be told ({measured})"
