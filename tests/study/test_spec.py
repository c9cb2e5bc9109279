"""A study's settings: what is understood, and what is refused before anything runs."""

import pytest

from babelift.errors import ConfigError
from babelift.study.condition import Grid
from babelift.study.spec import Prices, StudySpec, read_spec

LEAST = {"train": "a.csv", "test": "b.csv", "targets": ["de", "ja"]}
ARM = {"arm": "translated", "over": "zero-shot"}


def made(**changes):
    return StudySpec.from_mapping({**LEAST, "primary": ARM, **changes})


def test_single_values_and_lists_of_names_are_understood():
    spec = made(sources="en+fr", otc="off", translators=["mini", "apertium"], encoders="mini")
    assert spec.sources == ("en+fr",)
    assert spec.translators == {"mini": "mini", "apertium": "apertium"}
    assert spec.languages == ("en", "fr", "de", "ja")


def test_off_and_on_may_be_written_as_other_yaml_readers_give_them():
    assert made(otc=[False, True]).otc == ("off", "on")


def test_a_variant_changes_the_training_and_off_leaves_otc_out():
    spec = made(otc=["off", "cosine"], variants={"cosine": {"otc_form": "cosine"}})
    assert spec.training(otc="cosine", seed=3).otc_form == "cosine"
    assert spec.training(otc="cosine", seed=3).seed == 3
    assert not spec.training(otc="off").otc


def test_an_encoder_has_settings_of_its_own_and_a_variant_wins_over_them():
    spec = made(
        otc=["off", "on", "weak"], variants={"weak": {"otc_weight": 0.1}},
        encoders={"mini": "mini", "own": "build/masked"},
        settings={"learning_rate": 1e-4, "steps": 66},
        encoder_settings={"own": {"learning_rate": 1e-3, "otc_weight": 0.7}},
    )  # fmt: skip
    rates = {
        place.condition.encoder: job.settings.learning_rate
        for place, number in Grid.of(spec).places
        for job in [Grid.of(spec).jobs[number]]
    }
    assert rates == {"mini": 1e-4, "own": 1e-3}
    assert spec.training(otc="on", encoder_name="own").otc_weight == 0.7
    assert spec.training(otc="weak", encoder_name="own").otc_weight == 0.1


@pytest.mark.parametrize(
    ("axis", "value"),
    [("sources", "en"), ("targets", "de"), ("arms", "translated"), ("otc", "off"),
     ("ratios", "1:1"), ("rows", 20), ("native_rows", 10)],
)  # fmt: skip
def test_a_value_that_is_repeated_on_an_axis_counts_once(axis, value):
    values = {"arms": ["zero-shot", "translated"], axis: [value, value]}
    if axis == "arms":
        values[axis] = ["zero-shot", value, value]
    assert getattr(made(**values), axis).count(value) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"arms": ["zero-shot", "tranlated"]}, "did you mean 'translated'?"),
        ({"target": ["de"]}, "did you mean 'targets'?"),
        ({"targets": ["de", "jp"]}, "did you mean 'ja'?"),
        ({"otc": ["off", "cosin"], "variants": {"cosine": {}}}, "did you mean 'cosine'?"),
        ({"variants": {"x": {"otc_weigt": 1}}, "otc": ["off", "x"]}, "did you mean 'otc_weight'?"),
        ({"settings": {"sed": 1}}, "did you mean 'seed'?"),
        ({"settings": {"seed": 1}}, "Use the axis 'seeds'."),
        ({"encoders": "mini", "encoder_settings": {"minni": {}}}, "did you mean 'mini'?"),
        ({"encoders": "mini", "encoder_settings": {"mini": {"rate": 1}}}, "rate"),
        ({"encoders": "mini", "encoder_settings": {"mini": {"seed": 1}}}, "Use the axis 'seeds'."),
        ({"encoders": "mini", "encoder_settings": {"mini": {"steps": 9}}}, "same number of"),
        ({"arms": ["zero-shot", "translated", "reference"]}, "parallel"),
        ({"primary": {"arm": "original"}}, "not among the study's: zero-shot, translated"),
        ({"primary": {"arm": "translated"}}, "compares an arm with itself"),
        ({"primary": {**ARM, "translator": "m2m10"}}, "did you mean 'm2m100'?"),
        ({"ratios": ["1:5", "1-2"], "otc": "off"}, "1:5"),
        ({"train": []}, "'train' is needed"),
        ({"added": {"translated": "theirs.csv"}}, "'added' has the name of an arm, translated"),
        ({"seeds": 0}, "seeds"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_was_meant(changes, said):
    with pytest.raises(ConfigError) as refused:
        made(**changes)
    assert said in str(refused.value)


def test_a_file_holds_several_sizes(tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(
        "train: a.csv\ntest: b.csv\ntargets: [de]\notc: [off, on]\nseeds: 3\n"
        "primary: {arm: translated, otc: on}\nsizes:\n  quick: {seeds: 2}\n  full: {}\n"
    )
    assert read_spec(file).seeds == 3
    assert read_spec(file, size="quick").seeds == 2
    assert read_spec(file, size="quick", changes={"seeds": 7}).seeds == 7
    with pytest.raises(ConfigError, match="did you mean 'quick'"):
        read_spec(file, size="quik")


def test_what_is_written_is_read_as_it_was(tmp_path):
    spec = made(otc=["off", "on"], ratios=["1:5", "2:1"], rows=[64, None], seeds=2)
    file = tmp_path / "study.yaml"
    file.write_text(spec.to_yaml())
    assert read_spec(file) == spec


def test_a_number_is_the_price_of_a_label_and_both_prices_may_be_given():
    assert made().price == Prices()
    assert made(price=0.25).price == made(price={"label": 0.25}).price == Prices(label=0.25)
    both = made(price={"label": 0.25, "million-characters": 0}).price
    assert (both.label, both.million_characters) == (0.25, 0)


@pytest.mark.parametrize("price", [0, -1, float("nan"), "much", [1], {"label": {}}])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(ConfigError, match="'price': prices: 'label'"):
        made(price=price)


def test_a_price_that_is_not_known_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="'milion_characters' is not known; did you mean 'mill"):
        made(price={"milion_characters": 20})
