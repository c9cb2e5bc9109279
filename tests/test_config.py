import os
from pathlib import Path

import pytest

from babelift.config import FitConfig, TranslateConfig
from babelift.errors import ConfigError
from babelift.study.spec import StudySpec


def test_settings_survive_a_trip_through_yaml(tmp_path: Path) -> None:
    config = FitConfig.from_mapping(
        {
            "train": ["a.csv"],
            "from": "en",
            "to": ["DE", "ja", "de"],
            "ratio": "1:5",
            "out": "runs/x",
        }
    )
    file = tmp_path / "run.yaml"
    file.write_text(config.to_yaml(), encoding="utf-8")
    assert FitConfig.read(file) == config
    assert config.to == ("de", "ja")


def test_flags_override_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("to: [de]\notc-weight: 0.2\n")
    config = FitConfig.read(file, {"otc_weight": 0.6})
    assert (config.to, config.otc_weight) == (("de",), 0.6)


def test_an_unknown_setting_is_refused_with_the_nearest_match(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("tempreature: 0.1\n")
    with pytest.raises(ConfigError, match=r"run.yaml: setting 'tempreature'.*'temperature'"):
        FitConfig.read(file)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ratio": "one:1"}, "two whole numbers"),
        ({"ratio": "0:1"}, "two whole numbers"),
        ({"arm": "translatd"}, "'zero-shot'"),
        ({"to": ["jp"]}, "did you mean 'ja'"),
        ({"from": ["en"], "to": ["en", "de"]}, "must not see originals"),
        ({"otc_weight": -1}, "greater than or equal to 0"),
        ({"temperature": 0}, "greater than 0"),
        ({"epochs": "many"}, "valid integer"),
        ({"fallback": "apertium"}, "only used with quality 'retry'"),
    ],
)
def test_a_value_that_is_not_allowed_says_what_is(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        FitConfig.from_mapping(values)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    for text in ("- a\n- b\n", "", "a: [1", "\x00"):
        file.write_text(text)
        with pytest.raises(ConfigError, match=r"run\.yaml"):
            FitConfig.read(file)
    with pytest.raises(ConfigError, match=r"missing\.yaml"):
        FitConfig.read(tmp_path / "missing.yaml")


def test_translating_alone_keeps_faulty_rows_and_training_drops_them() -> None:
    assert TranslateConfig().quality == "keep"
    assert FitConfig().quality == "drop"


@pytest.mark.parametrize("ratio", ["1:2", "'1:2'", '"1:2"'])
def test_a_ratio_in_a_file_is_no_number_of_minutes(tmp_path: Path, ratio: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"ratio: {ratio}\n")
    assert FitConfig.read(file).ratio == "1:2"


def test_norwegian_is_a_language_in_a_file_and_no_still_means_no(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("to: [de, no]\nfrom: no\narm: original\notc: no\nordinal: true\n")
    config = FitConfig.read(file)
    assert (config.to, config.from_) == (("de", "no"), ("no",))
    assert (config.otc, config.ordinal) == (False, True)


@pytest.mark.parametrize(
    ("written", "value"), [("2e-5", 2e-5), ("0.5", 0.5), ("1", 1.0), (".5", 0.5), ("null", None)]
)
def test_numbers_in_a_file_are_numbers(tmp_path: Path, written: str, value: float | None) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"learning_rate: {written}\n")
    assert FitConfig.read(file).learning_rate == value


@pytest.mark.parametrize(
    "name", ["no", "1:2", "1e5", "01", "null", "true", "~", "0x1", "1.5", "é: 1"]
)
def test_any_column_name_survives_a_trip_through_yaml(tmp_path: Path, name: str) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(FitConfig(text=name).to_yaml(), encoding="utf-8")
    assert FitConfig.read(file).text == name


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LAUGHS, "more than 10,000 values, with aliases written out"),
        (CHAIN, "more than 20 levels"),
        ("text: &a [*a]", "more than 20 levels"),
        ("text: &a {b: *a, c: *a}", "more than 20 levels"),
        ("text: " + "[" * 5000 + "]" * 5000, "nested more than 20 levels"),
        ("text: " + "{a: " * 30 + "1" + "}" * 30, "more than 20 levels"),
        ("- " * 3000, "nested more than 20 levels"),
        ("text: [" + "x, " * 12_000 + "]", "more than 10,000 values"),
        ("text: " + "x" * 300_000, "more than 256 KiB"),
        ("text: a\nlabel: b\ntext: c\n", "'text' is set twice; keep one(.|\n)*line 3"),
        ("sizes: {quick: {seeds: 1, seeds: 2}}", "'seeds' is set twice"),
        ("max-length: 5\nmax_length: 6\n", "'max_length' is set twice"),
        ("text: !!int x", "cannot be read as YAML"),
        ("text: !!bool maybe", "cannot be read as YAML"),
        ("text: !!timestamp 2001-99-99", "cannot be read as YAML"),
        ("? [a, b]\n: c", "cannot be read as YAML"),
    ],
)
def test_a_file_without_measure_or_with_two_values_is_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=words) as caught:
        FitConfig.read(file)
    assert "run.yaml" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_an_alias_stands_for_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("train: &tables [a.csv, b.csv]\ntest: *tables\n")
    assert FitConfig.read(file).test == ("a.csv", "b.csv")


def test_settings_are_read_from_files_only(tmp_path: Path) -> None:
    pipe = tmp_path / "run.yaml"
    os.mkfifo(pipe)
    for path, kind in ((pipe, "a pipe"), (tmp_path, "a folder"), (Path("/dev/zero"), "a device")):
        with pytest.raises(ConfigError, match=f"is {kind}"):
            FitConfig.read(path)


def test_a_flag_overrides_a_setting_however_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("max-length: 5\n")
    assert FitConfig.read(file, {"max_length": 6}).max_length == 6


def test_what_tags_lose_is_a_note_of_the_settings(tmp_path: Path) -> None:
    config = FitConfig.from_mapping({"from": "en-US", "to": ["pt-BR", "pt-PT", "de"]})
    assert (config.from_, config.to) == (("en",), ("pt", "de"))
    (note,) = config.notes
    assert note.endswith("'pt-BR' and 'pt-PT' to 'pt' (Portuguese), 'en-US' to 'en' (English)")
    assert config.model_copy(update={"seed": 1}).notes == config.notes
    assert FitConfig(to=("de",)).notes == ()
    spec = StudySpec.from_mapping(
        {"train": ["a"], "test": ["b"], "sources": ["en-US+fr"], "targets": ["zh-TW"],
         "arms": ["zero-shot", "translated"], "translators": ["mini"], "encoders": ["mini"],
         "primary": {"over": "zero-shot"}}
    )  # fmt: skip
    assert (spec.sources, spec.targets) == (("en+fr",), ("zh",))
    assert "'zh-TW' to 'zh' (Chinese, in Hans script)" in spec.notes[0]


@pytest.mark.parametrize("name", ["no-thanks", "my_data", "de_then_en", "it-does-not"])
def test_no_setting_takes_a_tag_that_is_none(name: str) -> None:
    for settings in ({"to": name}, {"from": ["en", name]}):
        with pytest.raises(ConfigError, match=f"'{name}' is not known; did you mean"):
            FitConfig.from_mapping(settings)
    with pytest.raises(ConfigError, match=f"'{name}' is not known; did you mean"):
        StudySpec.from_mapping({"sources": f"en+{name}", "targets": "de"})


@pytest.mark.parametrize("to", [None, 5, True, {"de": 1}])
def test_languages_that_are_no_list_are_an_error(to: object) -> None:
    with pytest.raises(ConfigError, match="'to'"):
        TranslateConfig.from_mapping({"input": "a.csv", "to": to})


def test_a_setting_that_came_later_is_no_content_where_it_is_off() -> None:
    job = TranslateConfig.from_mapping({"input": "t.csv", "to": "de", "out": "o.csv"})
    assert not {"excel_safe", "output_vocabulary", "out"} & set(job.content())
    other = job.model_copy(update={"output_vocabulary": "target", "excel_safe": True})
    assert {"excel_safe", "output_vocabulary"} <= set(other.content())
