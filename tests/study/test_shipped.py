"""The studies that ship with the project can be read at every size, and what they name is known."""

from pathlib import Path

import pytest

from babelift.config import read_yaml
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
        "label-budget", "unaligned", "methods",
    }  # fmt: skip


SIZES = [(path, size) for path in STUDIES for size in read_yaml(path)["sizes"]]


def test_every_study_has_a_size_for_a_laptop_and_one_for_the_papers_models():
    assert all({"quick", "full"} <= {size for of, size in SIZES if of == path} for path in STUDIES)


@pytest.mark.parametrize(("path", "size"), SIZES, ids=lambda value: getattr(value, "stem", value))
def test_a_shipped_study_lays_out_and_names_what_is_known(path, size):
    spec = read_spec(path, size=size)
    arms = {place.condition.arm for place, _ in Grid.of(spec).places}
    assert arms == set(spec.arms)
    assert spec.seeds >= 3
    known = {*ENCODERS, "./build/masked", "sentence-transformers/LaBSE"}
    assert set(spec.encoders.values()) <= known
    for text in spec.translators.values():
        parse(text)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_tables_of_a_quick_study_are_where_it_says(path, data_dir):
    tables = read_tables(read_spec(path, size="quick"), data_dir, quiet())
    assert all(rows.height > 500 for rows in tables.train.values())
