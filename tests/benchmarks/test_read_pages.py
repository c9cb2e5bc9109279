"""Pages are read against their predictions; what is changed in a page is found."""

import doctest
import json

import numpy as np
import polars as pl
import pytest

import babelift
import page_text
import read_study
import recompute
from babelift.report.pages.comparison import comparison_page, write_comparison
from babelift.report.pages.study import write_study_page
from latent import NATIVE, OTC, TRANSLATED, ZERO, Design, draw, sides, write_study
from read_pages import main, read_page

ARMS = (ZERO, TRANSLATED, OTC, NATIVE)


def study(folder, design, gains, seed=1):
    rng = np.random.default_rng(seed)
    write_study(design, draw(design, gains, rng), folder, rng)
    write_study_page(folder)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A study with a real effect, five seeds and three languages."""
    design = Design(5, 3, 150, 0.05, arms=ARMS)
    return study(tmp_path_factory.mktemp("study"), design, {TRANSLATED: 0.1, OTC: 0.15})


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    """Three sides of four seeds and a margin; some rows are missing."""
    folder = tmp_path_factory.mktemp("comparison")
    rng = np.random.default_rng(1)
    design = Design(4, 3, 200, 0.0, arms=ARMS[:3])
    paths = []
    for name, table in zip("abc", sides(design, draw(design, {OTC: 0.12}, rng), rng), strict=True):
        paths.append(folder / f"{name}.parquet")
        table.filter(pl.Series(rng.random(table.height) > 0.03)).write_parquet(paths[-1])
    compared = babelift.compare(paths, names=["a", "b", "c"], margin=0.05)
    write_comparison(comparison_page(compared), folder)
    return folder


@pytest.mark.parametrize("which", ["page", "comparison"])
def test_a_sound_page_has_no_fault(which, request):
    found = read_page(request.getfixturevalue(which))
    assert found.wrong == []
    assert found.confirmed > 100
    assert found.sentences > 50


@pytest.mark.parametrize(
    ("seeds", "langs", "gains"), [(1, 2, {}), (2, 1, {TRANSLATED: -0.2}), (3, 2, {NATIVE: -0.2})]
)
def test_few_seeds_and_one_language_are_read_too(seeds, langs, gains, tmp_path):
    found = read_page(study(tmp_path, Design(seeds, langs, 80, 0.1, arms=ARMS), gains))
    assert found.wrong == []


def changed(folder, to, old, new):
    """What is wrong with a copy of a page in which one thing was changed, in the record too."""
    for file in folder.iterdir():
        content = file.read_bytes()
        if file.suffix == ".html":
            assert old.encode() in content, "the page has no such words"
        if file.suffix == ".html" or file.name == "report.json":
            content = content.replace(old.encode(), new.encode())
        (to / file.name).write_bytes(content)
    return read_page(to).wrong


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("beats zero-shot", "does worse than zero-shot"),
        ("in 3 of 3 languages", "in 2 of 3 languages"),
        ("in French", "in Spanish"),
        ("adds", "costs"),
        ("over doing nothing", "over translating"),
        ("tests of this page together", "tests of this page, together"),
    ],
)
def test_a_change_in_a_study_is_found(old, new, page, tmp_path):
    assert changed(page, tmp_path, old, new)


def test_a_digit_more_is_found(page, tmp_path):
    record = json.loads((page / "report.json").read_text("utf-8"))
    (main_answer,) = [answer for answer in record["answers"] if answer["primary"]]
    delta = main_answer["differences"]["mean"]["delta"]
    wrong = changed(
        page, tmp_path, f"+{delta:.2f}".replace("0.", "."), f"+.{100 * delta + 1:02.0f}"
    )
    assert any(f"but it is '{delta:.5g}'" in fault for fault in wrong)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c beat a", "c did worse than a"),
        (" in German", " in French"),
        ("after Holm over 8 tests", "after Holm over 6 tests"),
        ("rows of a (German", "rows of b (German"),
        ("the 90 % interval is ", "the 90 % interval is of "),
        ("on average over 3 languages", "on average over 2 languages"),
    ],
)
def test_a_change_in_a_comparison_is_found(old, new, comparison, tmp_path):
    assert changed(comparison, tmp_path, old, new)


def test_words_of_no_known_form_are_found(page, tmp_path):
    wrong = changed(page, tmp_path, "<main>", "<main><p>It may well help.</p>")
    assert any("no known form: It may well help." in fault for fault in wrong)


def test_the_command_ends_with_1_where_a_page_is_wrong(page, tmp_path, capsys):
    assert main([str(page)]) == 0
    changed(page, tmp_path, "beats", "adds")
    assert main([str(tmp_path)]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_no_code_is_shared_with_what_is_judged():
    for module in (page_text, recompute, read_study):
        assert "babelift" not in vars(module)
        assert not [line for line in open(module.__file__, encoding="utf-8")  # noqa: PTH123, SIM115
                    if line.startswith(("import babelift", "from babelift"))]  # fmt: skip


@pytest.mark.parametrize("module", [page_text, recompute])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0
