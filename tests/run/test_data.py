import pytest

from babelift.errors import LanguageError
from babelift.run.data import plan_arm

ALL = ("en", "de", "ja")


@pytest.mark.parametrize("arm", ["zero-shot", "translated"])
def test_no_arm_that_claims_not_to_sees_originals_of_a_target(arm: str) -> None:
    plan = plan_arm(arm, ALL, (), ("de", "ja"))
    assert plan.originals == ("en",)


def test_zero_shot_translates_nothing() -> None:
    assert plan_arm("zero-shot", ("en",), (), ("de",)).translate_to == ()


def test_zero_shot_needs_no_targets() -> None:
    assert plan_arm("zero-shot", ALL, (), ()).originals == ALL


def test_original_trains_on_targets_and_on_sources_only_where_named() -> None:
    assert plan_arm("original", ALL, (), ("de",)).originals == ("de",)
    assert plan_arm("original", ALL, ("en",), ("de",)).originals == ("en", "de")


def test_original_and_translated_together_see_both() -> None:
    plan = plan_arm("original+translated", ALL, (), ("de", "ja"))
    assert set(plan.originals) == {"en", "de", "ja"}
    assert plan.translate_to == ("de", "ja")


def test_the_other_direction_is_possible() -> None:
    plan = plan_arm("original+translated", ALL, ("en", "ja"), ("de",))
    assert set(plan.originals) == {"en", "ja", "de"}
    assert plan.translate_to == ("de",)


@pytest.mark.parametrize(
    ("arm", "available", "sources", "targets", "words"),
    [
        ("translated", ("en",), (), (), "--to|at least one language"),
        ("original+translated", ("en",), (), (), "at least one language"),
        ("translated", ("de",), (), ("de",), "all targets"),
        ("zero-shot", ("de",), (), ("de",), "all targets"),
        ("original", ("en",), (), ("de", "ja"), "none in de, ja"),
        ("translated", ("en",), ("fr",), ("de",), "no labelled rows in 'fr'"),
    ],
)
def test_what_an_arm_lacks_is_named(
    arm: str,
    available: tuple[str, ...],
    sources: tuple[str, ...],
    targets: tuple[str, ...],
    words: str,
) -> None:
    with pytest.raises(LanguageError, match=words):
        plan_arm(arm, available, sources, targets)


def test_only_the_sources_that_are_named_are_translated() -> None:
    assert plan_arm("original+translated", ALL, ("en",), ("de", "ja")).translate_from == ("en",)
    assert set(plan_arm("original+translated", ALL, (), ("de", "ja")).translate_from) == set(ALL)
