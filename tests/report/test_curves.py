"""Which curves a log gives, and that odd logs give fewer and no errors."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.report.figures import Line, axis, curve, thinned
from babelift.report.pages.run import averaged, learning_curves

FULL = [
    {"kind": "step", "step": step, "epoch": 1, "ce": 2 - 0.1 * step, "otc": 1.0,
     "positive_cosine": 0.5, "retrieval_at_1": 0.5, "learning_rate": 1e-5}
    for step in range(1, 6)
]  # fmt: skip


def headings(log: list[dict[str, Any]]) -> list[str]:
    return [item.heading for item in learning_curves(log)]


def test_a_full_log_gives_every_curve() -> None:
    log = [*FULL, {"kind": "validation", "step": 5, "epoch": 1, "f1_micro": {"en": 0.5}}]
    assert headings(log) == [
        "Cross-entropy", "OTC", "Positive cosine", "In-batch retrieval@1", "Learning rate",
        "F1-micro on validation rows",
    ]  # fmt: skip


def test_without_pairs_there_are_no_curves_of_pairs() -> None:
    blank = {"otc": None, "positive_cosine": None, "retrieval_at_1": None}
    assert headings([step | blank for step in FULL]) == ["Cross-entropy", "Learning rate"]


def test_an_empty_log_gives_no_curve() -> None:
    assert learning_curves([]) == []


def test_odd_values_are_passed_over() -> None:
    log = [
        {"kind": "step", "step": 1, "ce": math.nan},
        {"kind": "step", "step": "x", "ce": 1.0},
        {"kind": "validation", "epoch": 1, "f1_micro": [0.5]},
        {"kind": "other"},
        {},
    ]
    assert learning_curves(log) == []


def test_several_validation_languages_get_a_legend() -> None:
    log = [
        {"kind": "validation", "epoch": epoch, "f1_micro": {"en": 0.5, "de": 0.4}, "mean": 0.45}
        for epoch in (1, 2)
    ]
    (found,) = learning_curves(log)
    assert found.legend == (("English", 0), ("German", 1))


def test_more_languages_than_colours_are_drawn_as_their_mean() -> None:
    tags = ["en", "de", "fr", "es", "ja", "zh", "it"]
    log = [{"kind": "validation", "epoch": 1, "f1_micro": dict.fromkeys(tags, 0.5), "mean": 0.5}]
    (found,) = learning_curves(log)
    assert found.legend == ()
    assert found.note.startswith("Mean")


def test_long_logs_say_how_many_steps_make_a_point() -> None:
    assert averaged([{"kind": "step"}] * 1000) == 5
    assert averaged(FULL) == 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600))
def test_thinning_keeps_the_ends_and_the_bounds(values: list[float]) -> None:
    points = [(float(n), value) for n, value in enumerate(values)]
    found = thinned(points, most=50)
    assert len(found) <= 50
    assert (found[0][0], found[-1][0]) == (0.0, len(values) - 1)
    assert min(values) - 1e-6 <= min(y for _, y in found) <= max(values) + 1e-6


@given(st.floats(-1e6, 1e6), st.floats(1e-9, 1e6))
def test_an_axis_spans_its_values_with_few_ticks(low: float, width: float) -> None:
    high = low + width
    ticks = axis(low, high)
    assert 2 <= len(ticks) <= 7
    assert ticks == sorted(ticks)


def test_a_single_point_is_drawn_as_a_dot() -> None:
    assert "dot" in curve("One", [Line(((1.0, 0.5),))])


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
def test_a_flat_line_is_drawn(value: float) -> None:
    assert 'd="M0.0 ' in curve("Flat", [Line(((1.0, value), (2.0, value)))])
