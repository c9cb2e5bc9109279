"""Power of the regression's coefficient in balanced designs."""

import pytest

from babelift.errors import ConfigError
from babelift.study.statistics.power import PAPER_ROWS, regression_power, smallest_coefficient


def test_it_is_the_textbook_s_two_sample_t_test():
    # Cohen 1988, table 2.3: d = .5 with 64 in each group has power .80; d = .5 with 30 has .47.
    assert regression_power(0.5, 1.0, rows=128) == pytest.approx(0.80, abs=0.005)
    assert regression_power(0.5, 1.0, rows=60) == pytest.approx(0.47, abs=0.01)


def test_without_an_effect_it_is_the_level():
    assert regression_power(0.0, 0.1, level=0.01) == pytest.approx(0.01)


def test_the_smallest_coefficient_has_the_power_asked_for():
    for rows, effects in ((PAPER_ROWS, 12), (8, 2), (4, 0)):
        found = smallest_coefficient(0.1, rows=rows, effects=effects, power=0.9)
        assert regression_power(found, 0.1, rows=rows, effects=effects) == pytest.approx(0.9)
        assert regression_power(-found, 0.1, rows=rows, effects=effects) == pytest.approx(0.9)


def test_effects_without_measure_are_seen_for_sure():
    for coefficient in (6.0, 58.5, 1e6):
        assert regression_power(coefficient, 1.0, rows=6) == pytest.approx(1, abs=0.05)
        assert regression_power(coefficient, 1e-3) == 1


@pytest.mark.parametrize(
    "change",
    [{"rows": 2}, {"effects": 214}, {"effects": -1}, {"residual": 0.0}, {"level": 0.0}],
)
def test_designs_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError):
        regression_power(**{"coefficient": 0.1, "residual": 0.1, **change})
    with pytest.raises(ConfigError):
        smallest_coefficient(**{"residual": 0.1, **change})
    with pytest.raises(ConfigError, match="power must be"):
        smallest_coefficient(0.1, power=1.0)
