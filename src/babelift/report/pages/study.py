"""A study's page: one self-contained file, made from its `StudyResult`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from babelift import __version__
from babelift.evaluation.differences import Difference
from babelift.hub import non_commercial
from babelift.report.decision import (
    decision_notes,
    decision_rows,
    decision_sentences,
    not_weighed,
    tried_rows,
)
from babelift.report.numbers import (
    UNKNOWN,
    compact,
    counted,
    digits_for,
    language_name,
    p_value,
    pair_name,
    setting_text,
    share,
)
from babelift.report.pages.comparison import Strip, reach_of, strip, ticks
from babelift.report.pages.study_figures import learning, otc_effects, ratio_curves
from babelift.report.pages.study_quality import quality_part
from babelift.report.pages.study_tables import MEANINGS, heat_tables, matrices, otc_name
from babelift.report.render import environment
from babelift.store import write_record, write_text
from babelift.study.answers import Answer
from babelift.study.diagnosis import Diagnosis
from babelift.study.flips import Flip, Flips
from babelift.study.signatures import Absent, Finding, NotJudged
from babelift.study.summary import RESULT, StudyResult, summarise

_GROUPS: Final[tuple[tuple[str, Callable[[Answer], bool]], ...]] = (
    ("Arms", lambda answer: answer.question.kind == "arm"),
    ("OTC", lambda answer: answer.question.kind == "otc" and answer.question.arm.otc == "on"),
    ("Variants of OTC, against no OTC", lambda answer: answer.question.kind == "otc"),
    ("OTC as it is, against its variants", lambda answer: answer.question.kind == "variant"),
    ("Ratio of originals to translations", lambda answer: answer.question.kind == "ratio"),
    (
        "Trusted translations against a translator's",
        lambda answer: answer.question.kind == "reference",
    ),
    ("Predictions made elsewhere", lambda answer: True),
)
"""Headings of the answers; an answer goes to the first that fits."""

OPEN: Final = 6
"""Answers of a group that are shown at once; the others are folded away."""


@dataclass(frozen=True, slots=True)
class Group:
    """Answers to questions of one kind; `folded` are those beyond the first few."""

    name: str
    shown: list[Answer]
    folded: list[Answer]


def answer_groups(answers: Iterable[Answer]) -> list[Group]:
    """All answers but the primary one, in groups; empty groups are left out."""
    groups = _by_group(answer for answer in answers if not answer.primary)
    return [Group(name, own[:OPEN], own[OPEN:]) for name, own in groups.items()]


@dataclass(frozen=True, slots=True)
class Plot:
    """Differences on one axis.

    Attributes:
        title: What is measured against what.
        strips: A row for each difference.
        ticks: Places (percent) and words of the axis.
        primary: Whether it was stated in advance.
    """

    title: str
    strips: list[Strip]
    ticks: list[tuple[float, str]]
    primary: bool = False


def by_language(answers: Iterable[Answer]) -> list[Plot]:
    """A plot for each answer: its languages and their mean; the primary one first."""
    ordered = sorted(answers, key=lambda answer: not answer.primary)
    reach = reach_of(
        difference
        for answer in ordered
        for difference in (
            answer.differences.mean,
            *(answer.languages or answer.differences.languages).values(),
        )
    )
    return [
        _plot(answer, answer.languages or answer.differences.languages, reach) for answer in ordered
    ]


def by_pair(answers: Iterable[Answer]) -> list[Plot]:
    """A plot of the primary answer's pairs of source and test language, where there are several."""
    primary = [
        answer
        for answer in answers
        if answer.primary and any(">" in name for name in answer.differences.languages)
    ]
    reach = reach_of(
        difference for answer in primary for difference in answer.differences.languages.values()
    )
    return [_plot(answer, answer.differences.languages, reach) for answer in primary]


def _plot(answer: Answer, langs: Mapping[str, Difference], reach: float) -> Plot:
    strips = [_strip(pair_name(name), shown, "target", reach) for name, shown in langs.items()]
    if len(langs) > 1:
        strips.append(_strip("Mean", answer.differences.mean, "mean", reach))
    return Plot(f"{_capital(answer.arm)} − {answer.base}", strips, ticks(reach), answer.primary)


def _strip(name: str, difference: Difference, kind: str, reach: float) -> Strip:
    digits = digits_for((difference.delta, *difference.interval))
    return strip(name, difference, kind, reach, digits)


def at_a_glance(answers: Iterable[Answer]) -> list[Plot]:
    """The mean differences of all answers but the primary one, all on one axis.

    Those of a kind that share a side stand together, so that it is named once.
    """
    others = [answer for answer in answers if not answer.primary]
    reach = reach_of(answer.differences.mean for answer in others)
    plots: dict[str, list[Strip]] = {}
    for name, own in _by_group(others).items():
        for answer in own:
            title, shown = _shared_side(name, answer, own)
            drawn = _strip(_capital(shown), answer.differences.mean, "target", reach)
            plots.setdefault(title, []).append(drawn)
    return [Plot(title, strips, ticks(reach)) for title, strips in plots.items()]


def _shared_side(name: str, answer: Answer, own: Sequence[Answer]) -> tuple[str, str]:
    """What stands over an answer and those it shares a side with, and what tells it apart."""
    bases, arms = {other.base for other in own}, {other.arm for other in own}
    if len(bases) == len(own) and all(other.question.kind == "otc" for other in own):
        return f"{name}: added to", answer.base
    if len(bases) <= len(arms):
        return f"{name}: over {answer.base}", answer.arm
    return f"{name}: {answer.arm} over", answer.base


def _by_group(answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Answers by the heading they go under, in the order of the headings."""
    groups: dict[str, list[Answer]] = {name: [] for name, _ in _GROUPS}
    for answer in answers:
        groups[next(name for name, fits in _GROUPS if fits(answer))].append(answer)
    return {name: own for name, own in groups.items() if own}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


NAMES: Final = {
    "worse-than-zero-shot": "Worse than zero-shot",
    "otc-without-effect": "OTC without effect",
    "unstable-across-seeds": "Unstable across seeds",
    "regularising-not-aligning": "OTC regularises, it does not align",
}
_KINDS: Final = {
    "already-aligned": "the pairs were aligned already",
    "never-aligned": "the pairs never aligned",
    "one-collapsed-run": "one run collapsed",
}
_COUNTS: Final = frozenset({"seeds", "items", "lowest_seed"})
_WORDS: Final = {"chrf": "chrF", "otc": "OTC", "p": "p"}


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings with the same advice.

    Attributes:
        name: What was found.
        sentences: One for each place.
        advice: What to try.
        columns: What the evidence consists of.
        rows: Place and its evidence.
    """

    name: str
    sentences: list[str]
    advice: list[str]
    columns: list[str]
    rows: list[tuple[str, list[str]]]


def findings(diagnosis: Diagnosis) -> list[Findings]:
    """What was found, those of one signature, kind and advice together."""
    together: dict[tuple[str, str, tuple[str, ...]], list[Finding]] = {}
    for finding in diagnosis.findings:
        key = finding.name, finding.kind, tuple(finding.advice)
        together.setdefault(key, []).append(finding)
    return [_findings(name, kind, group) for (name, kind, _), group in together.items()]


def _findings(name: str, kind: str, group: Sequence[Finding]) -> Findings:
    keys = list(dict.fromkeys(key for finding in group for key in finding.evidence))
    title = NAMES.get(name, name) + (f": {_KINDS[kind]}" if kind in _KINDS else "")
    rows = [
        (
            place(finding.where.arm, finding.where.lang),
            [_value(key, finding.evidence.get(key)) for key in keys],
        )
        for finding in group
    ]
    sentences = [finding.sentence for finding in group]
    return Findings(title, sentences, list(group[0].advice), [_words(key) for key in keys], rows)


def place(arm: str, lang: str | None) -> str:
    """An arm and a language.

    >>> place("translated", "ja"), place("translated", None)
    ('Japanese, translated', 'all languages, translated')
    """
    return f"{language_name(lang) if lang else 'all languages'}, {arm}"


def _words(key: str) -> str:
    return " ".join(_WORDS.get(part, part) for part in key.split("_"))


def _value(key: str, value: float | None) -> str:
    """A piece of evidence.

    >>> _value("items", 204.0), _value("retrieval_with", 0.914), _value("p", 0.0015)
    ('204', '.91', '.002')
    """
    if value is None:
        return UNKNOWN
    if key in _COUNTS:
        return f"{value:,.0f}"
    if key == "p":
        return p_value(value)
    return share(value) if abs(value) <= 1 else compact(value)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Where a signature was looked for in vain, or could not be judged, and why."""

    name: str
    cases: list[tuple[str, str]]


def unseen(cases: Iterable[Absent | NotJudged]) -> list[Unseen]:
    """By signature: places and reasons."""
    reasons: dict[str, list[tuple[str, str]]] = {}
    for case in cases:
        where = place(case.where.arm, case.where.lang) if case.where else ""
        reasons.setdefault(NAMES.get(case.name, case.name), []).append((where, case.reason))
    return [Unseen(name, own) for name, own in reasons.items()]


def write_study_page(folder: Path) -> Path:
    """Write `report.json` and `report.html` into a study's folder, from its other files alone.

    Args:
        folder: A study's folder, as `babelift.study.run.run_study` left it.

    Returns:
        The page.

    Raises:
        RunError: A file is missing or damaged.
    """
    study = summarise(folder)
    write_record(study, folder / RESULT)
    return write_text(render_study(study), folder / "report.html")


def render_study(study: StudyResult) -> str:
    """The page as text; the same result gives the same page."""
    return environment(autoescape=True).get_template("study.html.j2").render(view(study))


def view(study: StudyResult) -> dict[str, Any]:
    """Everything the page shows, by the template's names."""
    plots = by_language(study.answers)
    one_training = not any(answer.differences.mean.seeds_seen for answer in study.answers)
    return {
        "study": study,
        "babelift": study.versions.get("babelift") or __version__,
        "decision": decision_sentences(study.decision),
        "decision_notes": decision_notes,
        "not_weighed": not_weighed,
        "decision_rows": decision_rows,
        "tried_rows": tried_rows,
        "groups": answer_groups(study.answers),
        "one_training": one_training,
        "luck": "test rows alone" if one_training else "seeds and test rows",
        "percent": f"{100 * _level(study):g} %",
        "plots": [plot for plot in plots if plot.primary],
        "other_plots": [plot for plot in plots if not plot.primary],
        "pair_plots": by_pair(study.answers),
        "glance": at_a_glance(study.answers),
        "findings": findings(study.diagnosis),
        "absent": unseen(study.diagnosis.absent),
        "not_judged": unseen(study.diagnosis.not_judged),
        "heats": heat_tables(study),
        "meanings": _meanings(study),
        "matrices": matrices(study),
        "ratios": ratio_curves(study),
        "learning": learning(study.budget),
        "quality": quality_part(study),
        "effects": otc_effects(study),
        "flips": _flips(study.flips),
        "flip_sentences": flip_sentences(study.flips) if study.flips else "",
        "flip_kinds": _FLIPS,
        "otc_name": otc_name,
        "barred": [
            translator
            for translator in study.translators
            if non_commercial(translator.license, None)
        ],
        "settings": settings(study.settings),
    }


def _level(study: StudyResult) -> float:
    return study.answers[0].differences.level if study.answers else 0.95


def _meanings(study: StudyResult) -> dict[str, str]:
    """What the arms of the tables stand for."""
    there = dict.fromkeys(row.arm for row in study.means)
    return {arm: MEANINGS[arm] for arm in there if arm in MEANINGS}


_FLIPS = {
    "gained": "Right with OTC, wrong without",
    "lost": "Wrong with OTC, right without",
}


def flip_sentences(flips: Flips) -> str:
    """How many test rows OTC turned, in words.

    >>> flips = Flips(arm="translated", otc="on", rows=400, trainings=3, trainings_without=4,
    ...               counts={"gained": 12, "lost": 1}, gained=[], lost=[])
    >>> flip_sentences(flips)[:73]
    'Of 400 test rows, most of the 3 trainings with OTC have 12 right that mos'
    """
    gained, lost, undecided, better, worse = (
        f"{flips.counts.get(way, 0):,}"
        for way in ("gained", "lost", "undecided", "better", "worse")
    )
    one, other = flips.trainings, flips.trainings_without or flips.trainings
    name, rows = otc_name(flips.otc), counted(flips.rows, "test row")
    having = (
        f"most of the {one} trainings with {name} have"
        if one > 1
        else (f"the training with {name} has")
    )
    lacking = f"most of the {other} without have" if other > 1 else "the one without has"
    text = f"Of {rows}, {having} {gained} right that {lacking} wrong, and {lost} the other way "
    text += f"about (arm: {flips.arm})."
    if min(one, other) == 1:
        text += (
            " With one training of a side this says nothing of OTC: any two trainings differ on "
            "some rows."
        )
    if flips.counts.get("undecided"):
        text += (
            f" {undecided} more are right in just half of the trainings of a side, so that no "
            f"majority turned: {better} are right in a larger share of the trainings with {name}, "
            f"{worse} in a smaller."
        )
    return text


def _flips(flips: Flips | None) -> dict[str, list[Flip]]:
    """The rows that OTC turns, those whose text is not known left out."""
    if flips is None:
        return {}
    kinds = {"gained": flips.gained, "lost": flips.lost}
    return {kind: [flip for flip in rows if flip.text] for kind, rows in kinds.items()}


def settings(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a reader would write them; those that are empty are left out.

    >>> settings({"targets": ["de", "ja"], "rows": [None, 50], "price": None, "otc": ["off"],
    ...     "variants": {"bare": {"otc_projection": False}}, "added": {}, "parallel": True})
    {'targets': 'de ja', 'rows': 'all 50', 'otc': 'off', 'variants.bare': 'otc_projection: no', \
'parallel': 'yes'}
    """
    texts: dict[str, str] = {}
    for name, value in values.items():
        if name in ("title", "question") or value in (None, "", [], {}, ()):
            continue
        if isinstance(value, Mapping):
            inner = {key: part for key, part in value.items() if part is not None}
            texts |= {
                f"{name}.{key}": setting_text(part, absent="all") for key, part in inner.items()
            }
        else:
            texts[name] = setting_text(value, absent="all")
    return texts
