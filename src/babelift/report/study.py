"""A study's page: one self-contained file, made from the plain values of its `report.json`."""

from collections.abc import Mapping
from typing import Any

from babelift import __version__
from babelift.licences import non_commercial
from babelift.report import study_answers as answers
from babelift.report import study_diagnosis as diagnosis
from babelift.report import study_figures as figures
from babelift.report import study_quality, study_scores, study_vectors
from babelift.report.records import check
from babelift.report.render import environment
from babelift.report.studied import Flip, Flips, Summary
from babelift.report.study_cells import MEANINGS, otc_name

NUMBERS = "report.json"
"""The file whose values are rendered."""


def render_study(values: Mapping[str, Any] | Summary) -> str:
    """The page as text; the same values give the same page.

    Args:
        values: What `report.json` holds.

    Raises:
        RunError: A value is missing or of the wrong kind.
    """
    summary = check(Summary, values, NUMBERS)
    return environment(autoescape=True).get_template("study.html.j2").render(view(summary))


def view(summary: Summary) -> dict[str, Any]:
    """Everything the page shows, by the template's names."""
    plots = answers.by_language(summary.answers)
    return {
        "study": summary,
        "babelift": summary.versions.get("babelift") or __version__,
        "groups": answers.answer_groups(summary.answers),
        "percent": f"{100 * _level(summary):g} %",
        "plots": [plot for plot in plots if plot.primary],
        "other_plots": [plot for plot in plots if not plot.primary],
        "pair_plots": answers.by_pair(summary.answers),
        "glance": answers.at_a_glance(summary.answers),
        "contrasts": answers.contrast_rows(summary),
        "fine": answers.fine,
        "findings": diagnosis.findings(summary.diagnosis),
        "absent": diagnosis.unseen(summary.diagnosis.absent),
        "not_judged": diagnosis.unseen(summary.diagnosis.not_judged),
        "heats": study_scores.heat_tables(summary),
        "meanings": _meanings(summary),
        "matrices": study_scores.matrices(summary),
        "ratios": figures.ratio_curves(summary),
        "learning": figures.learning(summary.budget),
        "quality": study_quality.quality_part(summary),
        "effects": study_vectors.otc_effects(summary),
        "flips": _flips(summary.flips),
        "flip_kinds": _FLIPS,
        "otc_name": otc_name,
        "barred": [one for one in summary.translators if non_commercial(one.license, None)],
        "settings": settings(summary.settings),
    }


def _level(summary: Summary) -> float:
    return summary.answers[0].differences.level if summary.answers else 0.95


def _meanings(summary: Summary) -> dict[str, str]:
    """What the arms of the tables stand for."""
    there = dict.fromkeys(row.arm for row in summary.means)
    return {arm: MEANINGS[arm] for arm in there if arm in MEANINGS}


_FLIPS = {
    "gained": "Right with OTC, wrong without",
    "lost": "Wrong with OTC, right without",
}


def _flips(found: Flips | None) -> dict[str, list[Flip]]:
    """The rows that OTC turns, those whose text is not known left out."""
    if found is None:
        return {}
    kinds = {"gained": found.gained, "lost": found.lost}
    return {kind: [one for one in rows if one.text] for kind, rows in kinds.items()}


def settings(values: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a reader would write them; those that are empty are left out.

    >>> settings({"targets": ["de", "ja"], "rows": [None, 50], "price": None, "otc": ["off"],
    ...     "variants": {"bare": {"otc_projection": False}}, "added": {}, "parallel": True})
    {'targets': 'de ja', 'rows': 'all 50', 'otc': 'off', 'variants.bare': 'otc_projection: no', \
'parallel': 'yes'}
    """
    found: dict[str, str] = {}
    for name, value in values.items():
        if name in ("title", "question") or value in (None, "", [], {}, ()):
            continue
        if isinstance(value, Mapping):
            inner = {key: one for key, one in value.items() if one is not None}
            found |= {f"{name}.{key}": _said(one) for key, one in inner.items()}
        else:
            found[name] = _said(value)
    return found


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_said, value))
    return {"None": "all", "True": "yes", "False": "no"}.get(str(value), str(value))
