"""Figures: numbers land where they belong."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babelift.evaluation.alignment import Pairs
from babelift.report.figures import Line, axis, curve, forest, pair_picture, thinned
from tests.report.conftest import metrics_of, scores


def test_a_strip_puts_score_and_interval_on_the_axis_from_0_to_1() -> None:
    german = scores(0.6, (0.5, 0.7), confusion=[[7, 0], [3, 0]])
    (strip,) = forest(metrics_of({"de": german}, linear={"de": german}), ["de"])
    assert '<line class="whisker encoder" x1="50%" x2="70%"' in strip.figure
    assert '<circle class="encoder" cx="60%"' in strip.figure
    assert '<line class="chance" x1="70%" x2="70%"' in strip.figure
    assert "most frequent label .70" in strip.figure


def test_every_figure_is_well_formed() -> None:
    (strip,) = forest(metrics_of({"de": scores()}), ["de"])
    assert ElementTree.fromstring(strip.figure).attrib["role"] == "img"


def pairs(stage: str = "before", count: int = 60) -> Pairs:
    vectors = np.random.default_rng(0).normal(size=(count, 4))
    return Pairs("en", "de", stage, ("x",) * count, vectors, vectors + 0.1)


def test_a_picture_joins_each_original_to_its_translation_within_the_box() -> None:
    picture = pair_picture([pairs()], "before", ["de"])
    (joins,) = re.findall(r'class="join s0" d="([^"]*)"', picture)
    assert joins.count("M") == joins.count("L") == 16
    places = [float(number) for number in re.findall(r"-?\d+", joins)]
    assert min(places) >= 0
    assert max(places) <= 400


def test_a_stage_without_pairs_has_no_picture() -> None:
    assert pair_picture([pairs()], "after", ["de"]) == ""


def test_vectors_that_are_all_equal_are_drawn_in_the_middle() -> None:
    same = np.ones((3, 4))
    picture = pair_picture([Pairs("en", "de", "after", ("x",) * 3, same, same)], "after", ["de"])
    assert "M200 200L200 200" in picture


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
