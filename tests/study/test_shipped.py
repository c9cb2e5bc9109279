"""The studies that ship with the project can be read at every size, and what they name is known."""

from pathlib import Path

import pytest

from babelift.progress import quiet
from babelift.study.condition import Grid
from babelift.study.rows import read_tables
from babelift.study.spec import read_spec
from babelift.training.encoder import ENCODERS
from babelift.translation.registry import parse

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))


def test_every_study_that_is_promised_is_there():
    assert {path.stem for path in STUDIES} == {
        "king2024", "ratio", "translation-quality", "otc-variants", "encoders", "tweets",
        "label-budget",
    }  # fmt: skip


@pytest.mark.parametrize("size", ["quick", "full"])
@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_shipped_study_lays_out_and_names_what_is_known(path, size):
    spec = read_spec(path, size=size)
    arms = {place.condition.arm for place, _ in Grid.of(spec).places}
    assert arms == set(spec.arms)
    assert spec.seeds >= 3
    assert set(spec.encoders.values()) <= set(ENCODERS)
    for text in spec.translators.values():
        parse(text)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_tables_of_a_quick_study_are_where_it_says(path, data_dir):
    tables = read_tables(read_spec(path, size="quick"), data_dir, quiet())
    assert all(rows.height > 500 for rows in tables.train.values())
