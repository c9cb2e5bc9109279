"""Figures: numbers land where they belong."""

import re
from xml.etree import ElementTree

import numpy as np

from babelift.evaluation.alignment import Pairs
from babelift.report.figures import forest, pair_picture
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
