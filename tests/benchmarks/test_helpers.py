import doctest
from importlib import import_module

import pytest

import _data
import _models
import _operations
import _timing
import hardware
import ramp


@pytest.mark.parametrize("module", [_timing, _operations])
def test_examples_in_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


def test_every_script_has_a_quick_size():
    for name in ("gpu", "hardware", "predict", "ramp", "start", "study", "train",
                 "translate"):  # fmt: skip
        assert {"full", "quick"} <= set(import_module(name).SIZES)


def test_the_number_of_rounds_can_be_chosen(monkeypatch):
    monkeypatch.setattr("sys.argv", ["ramp.py", "--quick", "--rounds", "7"])
    name, size = _timing.chosen(ramp.SIZES, None)
    assert (name, size.rounds, size.rows) == ("quick", 7, ramp.SIZES["quick"].rows)
    monkeypatch.setattr("sys.argv", ["hardware.py", "--rounds", "7"])
    assert _timing.chosen(hardware.SIZES, None) == ("full", hardware.SIZES["full"])


def test_every_other_round_is_in_reverse_order():
    order = []
    rivals = {name: lambda name=name: order.append(name) for name in "ab"}
    timed = _timing.alternate(rivals, rounds=3, warm={})
    assert "".join(order) == "abbaab"
    assert len(timed["a"].seconds) == 3


def test_too_few_equal_outputs_end_a_benchmark():
    _timing.same("labels", 95, 100, least=0.95)
    with pytest.raises(SystemExit, match="labels"):
        _timing.same("labels", 94, 100, least=0.95)


def test_a_sample_of_batches_reaches_from_the_first_to_nearly_the_last():
    places = _timing.spread_out(range(2000), 16, 10)
    assert len(places) == 160
    assert places[:2] == [0, 1]
    assert places[-1] > 1790


def test_counted_weights_are_those_of_the_published_models():
    one, many = (
        _operations.translating(_models.M2M100_418M, 1, 1, number) for number in (1_000, 2_000)
    )
    # A decoder's token meets 12 layers of 14 x 1024^2 weights and the output layer, each twice.
    assert (many - one) / 1000 == pytest.approx(2 * (12 * 14 * 1024**2 + 128_112 * 1024), rel=0.2)
    forward = _operations.classifying(_models.DISTILBERT_MULTILINGUAL, 10, 10)
    assert forward / 10 == pytest.approx(2 * 6 * 12 * 768**2, rel=0.001)


def test_a_larger_beam_decodes_more_but_reads_the_source_once():
    shape = _models.M2M100_418M
    greedy = _operations.translating(shape, 1, 40, 40)
    wide = _operations.translating(shape, 1, 40, 40, beam=5)
    assert 3 < wide / greedy < 5


def test_reviews_are_single_sentences_of_different_lengths():
    from babelift.translation.segments import split_text

    texts = _data.reviews(200)
    assert len(set(texts)) == 200
    assert all([piece.kind for piece in split_text(text, "en")] == ["send"] for text in texts)
    lengths = sorted(len(text.split()) for text in texts)
    assert lengths[0] < 12
    assert lengths[-1] > 55
    assert 24 < sum(lengths) / 200 < 40


def test_growth_is_told_against_the_smallest_table():
    runs = {
        ramp.FEW: [ramp.Spent(1.0, 50)],
        100: [ramp.Spent(1.1, 60)],
        1_000: [ramp.Spent(3.0, 60)],
        10_000: [ramp.Spent(26.0, 90)],
    }
    first, second, third = ramp.shown("translate", runs)
    assert first[3] == "too short to tell"
    assert second[3:5] == ["500", "60"]
    assert second[6:] == ["**1**", "≤ 1.1", "yes", "", "", ""]
    assert third[6:] == ["**1.5**", "≤ 1.1", "no", "**0.8**", "≥ 0.9", "no"]


def test_tables_of_the_ramp_hold_different_texts(tmp_path):
    ramp.write_table(tmp_path / "table.jsonl", 300, seed=0)
    lines = (tmp_path / "table.jsonl").read_text("utf-8").splitlines()
    assert len(set(lines)) == len(set(ramp.texts(300, 0))) == 300
