"""The label budget: right on curves with a known answer, silent where it cannot know."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from babelift.errors import ConfigError, DataError
from babelift.study.budget import LabelBudget, Price, label_budget
from babelift.study.learning_curve import Run

SIZES = (50, 100, 200, 400, 800)


def runs(scores: dict[int, list[float]]) -> list[Run]:
    return [Run(n, seed, one) for n, many in scores.items() for seed, one in enumerate(many)]


def spread(score: float) -> list[float]:
    """Five scores around one, .01 apart."""
    return [score + 0.01 * step for step in (-2, -1, 0, 1, 2)]


NATIVE = runs({100: spread(0.5), 400: spread(0.7)})
UNPAIRED = [Run(run.size, run.seed + 100, run.score) for run in NATIVE]


def translated(score: float) -> list[Run]:
    return [Run(800, seed, one) for seed, one in enumerate(spread(score))]


def low_high(found: LabelBudget) -> tuple[float, float]:
    """The interval as numbers; beyond what was tried counts as endless."""
    ends = {"below": -np.inf, "above": np.inf}
    low, high = (ends.get(end.bound, end.value) for end in found.worth[-1].interval)
    return low, high


def test_the_example_of_the_design_reads_well() -> None:
    found = label_budget("ja", UNPAIRED, translated(0.6), price=Price(0.25))
    worth = found.worth[0]
    assert (worth.labels.value, worth.labels.bound) == (200, "exact")
    assert worth.cost.labels.value == 50
    low, high = low_high(found)
    assert 140 < low < 180
    assert 220 < high < 290
    assert found.sentence == (
        f"In Japanese the translations are worth 200 native labels [{low:.0f}, {high:.0f}]; from "
        "200 labels on, at 0.25 each (50), annotating beats translating. At 400 labels, 100 more "
        "add +.04 [.04, .04]."
    )


def test_the_interval_is_that_of_a_t_test_brought_onto_the_axis_of_labels() -> None:
    # only the translations vary: their mean is .6 -+ t * .0158 / sqrt(5), and the line is known
    native = runs({100: [0.5], 400: [0.7]})
    flat = [Run(run.size, seed, run.score) for run in native for seed in range(5)]
    found = label_budget("ja", flat, translated(0.6), draws=40_000)
    scores = 0.6 + stats.t.ppf([0.025, 0.975], 4) * np.std(spread(0), ddof=1) / 5**0.5
    assert low_high(found) == pytest.approx(100 * 4 ** ((scores - 0.5) / 0.2), rel=0.01)


def test_luck_that_both_arms_share_costs_no_width() -> None:
    assert low_high(label_budget("ja", NATIVE, translated(0.6))) == (200, 200)


def test_the_gain_of_further_labels_is_the_slope_at_the_largest_number() -> None:
    gain = label_budget("ja", NATIVE, translated(0.6)).gain
    assert gain.at == 400
    assert gain.per_100 == pytest.approx(100 * 0.2 / np.log(4) / 400)


def test_a_fixed_price_of_translating_is_weighed_against_the_labels() -> None:
    cheap = label_budget("ja", NATIVE, translated(0.6), price=Price(0.25, translating=20))
    assert "Translating costs 20 and so saves 30." in cheap.sentence
    assert cheap.worth[0].cost.break_even == pytest.approx(0.1)
    assert cheap.worth[0].cost.affordable == 80
    dear = label_budget("ja", NATIVE, translated(0.6), price=Price(0.25, translating=100))
    assert (
        "Translating costs 100, which would buy 400 labels: annotating is the better buy."
        in dear.sentence
    )
    same = label_budget("ja", NATIVE, translated(0.6), price=Price(0.25, translating=50))
    assert "Translating costs 50, the same." in same.sentence


def test_above_all_native_scores_only_a_bound_is_given() -> None:
    found = label_budget("ja", UNPAIRED, translated(0.9), price=Price(0.25, translating=40))
    assert found.worth[0].labels.bound == "above"
    assert found.sentence.startswith(
        "In Japanese the translations are worth more than 400 native labels, the most tried "
        "[more than 400, more than 400]; up to 400 labels, at 0.25 each (100), annotating does "
        "not beat translating. Translating costs 40 and so saves more than 60. At 400"
    )


def test_below_all_native_scores_only_a_bound_is_given() -> None:
    found = label_budget("ja", UNPAIRED, translated(0.3), price=Price(0.25, translating=40))
    assert found.worth[0].labels.bound == "below"
    assert found.sentence.startswith(
        "In Japanese the translations are worth fewer than 100 native labels, the fewest tried "
        "[fewer than 100, fewer than 100]; 100 labels, at 0.25 each (25), already beat "
        "translating. Translating costs 40, which would buy 160 labels: annotating is the better "
        "buy. At 400"
    )


def test_a_bound_that_leaves_the_cheaper_one_open_says_nothing_of_it() -> None:
    above = label_budget("ja", UNPAIRED, translated(0.9), price=Price(0.25, translating=400))
    below = label_budget("ja", UNPAIRED, translated(0.3), price=Price(0.25, translating=5))
    assert "Translating costs" not in above.sentence + below.sentence


def test_where_the_seeds_drown_the_curve_it_says_that_it_cannot_tell() -> None:
    noisy = runs({100: [0.3, 0.7, 0.5], 400: [0.6, 0.2, 0.72]})
    found = label_budget("ja", noisy, runs({800: [0.5, 0.55, 0.52]}), price=Price(0.25, 10))
    assert found.sentence.startswith(
        "In Japanese it cannot be told what the translations are worth: anything from fewer than "
        "100 to more than 400 native labels. At 400"
    )


def test_every_number_of_translated_rows_has_its_worth_and_the_largest_is_told() -> None:
    found = label_budget("de", NATIVE, runs({800: spread(0.65), 200: spread(0.55)}))
    assert [worth.size for worth in found.worth] == [200, 800]
    assert [worth.labels.value for worth in found.worth] == [141, 283]
    assert "worth 283 native" in found.sentence


def test_one_number_of_native_labels_gives_a_bound_and_no_gain() -> None:
    found = label_budget("de", runs({100: spread(0.5)}), translated(0.6))
    assert found.worth[0].labels.bound == "above"
    assert found.gain is None
    assert "One number of native labels tried: there is no learning curve." in found.notes
    assert found.sentence.endswith("up to 100 labels annotating does not beat translating.")


def test_one_label_is_not_called_labels() -> None:
    found = label_budget("de", runs({1: [0.5]}), runs({1: [0.2]}))
    assert found.sentence.endswith("1 label already beats translating.")


def test_one_seed_gives_an_answer_without_intervals() -> None:
    found = label_budget("de", runs({100: [0.5], 400: [0.7]}), runs({800: [0.6]}))
    assert found.worth[0].interval is None
    assert found.gain.interval is None
    assert found.native.intervals == ()
    assert not found.seeds_seen
    assert "One seed: there are no intervals." in found.notes
    assert "[" not in found.sentence


def test_scores_that_are_no_number_are_left_out_and_said() -> None:
    found = label_budget("de", [*NATIVE, Run(400, 9, float("nan"))], translated(0.6))
    assert "1 score is no number and was left out." in found.notes
    assert found.worth == label_budget("de", NATIVE, translated(0.6)).worth


def test_a_lone_seed_among_many_is_said() -> None:
    found = label_budget("de", [*NATIVE, Run(800, 0, 0.75)], translated(0.6))
    assert "Where there is one seed, its luck is taken to be as large as the others'." in (
        found.notes
    )


def test_falling_scores_are_taken_as_level_and_it_is_said() -> None:
    falling = runs({n: spread(0.7 - 0.05 * step) for step, n in enumerate(SIZES)})
    found = label_budget("de", falling, translated(0.9))
    assert found.worth[0].labels.bound == "above"
    assert "More native labels did not score higher: the curve is taken as level." in found.notes
    assert found.sentence.endswith("At 800 labels, more of them add nothing that shows.")


def test_a_late_jump_is_followed_by_lines_and_not_smoothed_away() -> None:
    late = runs(dict(zip(SIZES, map(spread, (0.2, 0.2, 0.2, 0.7, 0.72)), strict=True)))
    found = label_budget("de", late, translated(0.45))
    assert found.native.kind == "log-linear"
    assert found.worth[0].labels.value == pytest.approx(283, abs=2)
    assert any(note.startswith("The scores do not follow a power law") for note in found.notes)


def test_the_record_can_be_written_as_json_and_the_order_of_runs_does_not_matter() -> None:
    four = runs({n: spread(0.5 + 0.06 * step) for step, n in enumerate(SIZES)})
    found = label_budget("de", four, translated(0.6), price=Price(0.1, 3))
    written = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert written["native"]["kind"] == "power-law"
    assert written["worth"][0]["cost"]["labels"]["bound"] == "exact"
    assert found == label_budget("de", four[::-1], translated(0.6)[::-1], price=Price(0.1, 3))


@pytest.mark.parametrize("price", [0, -1, float("nan"), float("inf")])
def test_labels_have_a_price(price) -> None:
    with pytest.raises(ConfigError, match="price per label must be above 0"):
        Price(price)


@pytest.mark.parametrize("price", [-1, float("nan"), float("inf")])
def test_translating_may_be_free_but_no_less(price) -> None:
    assert Price(1, 0).translating == 0
    with pytest.raises(ConfigError, match="price of translating must be 0 or more"):
        Price(1, price)


def test_an_arm_without_scores_and_a_level_out_of_range_are_refused() -> None:
    with pytest.raises(DataError, match="German: there is no score of the translated arm"):
        label_budget("de", NATIVE, [])
    with pytest.raises(ConfigError, match="level must be between 0 and 1"):
        label_budget("de", NATIVE, NATIVE, level=95)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(
        st.integers(1, 10**6), st.lists(st.floats(-1, 1), min_size=1, max_size=4), min_size=1
    ),
    st.dictionaries(
        st.integers(1, 10**6),
        st.lists(st.floats(-1, 1), min_size=1, max_size=4),
        min_size=1,
        max_size=2,
    ),
)
def test_any_scores_give_bounded_answers_that_can_be_written(ours, theirs) -> None:
    found = label_budget("ja", runs(ours), runs(theirs), draws=50, price=Price(1, 1))
    json.dumps(asdict(found), allow_nan=False)
    for worth in found.worth:
        assert min(ours) <= worth.labels.value <= max(ours)
        if worth.interval:
            low, high = worth.interval
            order = {"below": -1, "exact": 0, "above": 1}
            assert (order[low.bound], low.value) <= (order[high.bound], high.value)


def coverage(simulate, truth: float, studies: int) -> float:
    """Share of simulated studies whose interval holds the true number of labels."""
    held = 0
    for study in range(studies):
        native, theirs = simulate(np.random.default_rng([study, 7]))
        low, high = low_high(label_budget("ja", native, theirs, draws=400, seed=study))
        held += low <= truth <= high
    return held / studies


def curve(n: float) -> float:
    return 0.85 - 1.5 * n**-0.35


@pytest.mark.parametrize(
    ("truth", "seeds", "shared", "own"),
    [(300, 5, 0.0, 0.015), (300, 3, 0.0, 0.015), (150, 5, 0.01, 0.01), (700, 5, 0.0, 0.01)],
)
def test_the_interval_covers_the_truth_over_seeds(truth, seeds, shared, own) -> None:
    def simulate(rng: np.random.Generator) -> tuple[list[Run], list[Run]]:
        luck = rng.normal(0, shared, seeds)

        def score(n: float, seed: int) -> float:
            return float(curve(n) + luck[seed] + rng.normal(0, own))

        native = [Run(n, seed, score(n, seed)) for n in SIZES for seed in range(seeds)]
        return native, [Run(800, seed, score(truth, seed)) for seed in range(seeds)]

    assert 0.90 <= coverage(simulate, truth, 300) <= 0.99


def test_the_interval_covers_the_truth_over_lines_in_the_logarithm() -> None:
    def simulate(rng: np.random.Generator) -> tuple[list[Run], list[Run]]:
        def many(n: float) -> list[float]:
            return (0.1 + 0.1 * np.log(n) + rng.normal(0, 0.01, 5)).tolist()

        return runs({n: many(n) for n in (100, 400)}), runs({800: many(200)})

    assert 0.90 <= coverage(simulate, 200, 300) <= 0.99
