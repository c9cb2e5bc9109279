"""Views: rows in are rows out, and what cannot be translated is judged by its own text."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import babelift
from babelift.config import PredictConfig, View
from babelift.errors import BabeliftError, ConfigError, DataError, LanguageError, RunError
from babelift.prediction.predictor import Predictor
from babelift.prediction.views import Judged, Seen, Views, find_view
from babelift.progress import quiet
from babelift.testing import FunctionTranslator
from babelift.translation.driver import translating

pytestmark = pytest.mark.filterwarnings("ignore::babelift.errors.BabeliftWarning")

GERMAN = {"Sehr gut.": "Very good.", "Nie wieder!": "Never again!"}


def known(view: View = "both", translator: str = "mini") -> Judged:
    return Judged(view=view, into="en", translator=translator)


def views_of(
    rows: pl.DataFrame, words: Callable[[str, str, str], str], pairs: set[tuple[str, str]] | None
) -> tuple[list[str | None], Views]:
    translator = FunctionTranslator(words, pairs=pairs and frozenset(pairs))
    with translating(translator) as opened:
        views = Views(known(), opened, quiet())
        return views.translations(rows), views


rows_and_translations = st.lists(
    st.tuples(st.text(max_size=5), st.none() | st.text(max_size=5)), max_size=8
)


@given(rows_and_translations, st.sampled_from(["own", "translated", "both"]), st.integers(2, 4))
def test_every_row_has_one_answer_and_one_without_a_translation_its_own(
    pairs: list[tuple[str, str | None]], view: View, labels: int
) -> None:
    seen = Seen.of(view, [text for text, _ in pairs], [second for _, second in pairs])
    found = np.random.default_rng(0).dirichlet(np.ones(labels), len(seen.texts))
    answer = seen.average(found.reshape(-1, labels))
    assert answer.shape == (len(pairs), labels)
    np.testing.assert_allclose(answer.sum(axis=1), 1)
    for number, (text, second) in enumerate(pairs):
        if view == "own" or second is None:
            assert seen.texts[number] == text
            np.testing.assert_array_equal(answer[number], found[number])
        elif view == "translated":
            assert seen.texts[number] == second
    assert len(seen.texts) == len(pairs) + (
        sum(second is not None for _, second in pairs) if view == "both" else 0
    )


def test_by_hand() -> None:
    seen = Seen.of("both", ["a", "b", "c"], [None, "B", None])
    assert seen.texts == ["a", "b", "c", "B"]
    found = np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    by_view = seen.by_view(found)
    np.testing.assert_allclose(by_view["own"], found[:3])
    np.testing.assert_allclose(by_view["translated"], [[0.5, 0.5], [0.3, 0.7], [0.2, 0.8]])
    np.testing.assert_allclose(by_view["both"], [[0.5, 0.5], [0.6, 0.4], [0.2, 0.8]])


def test_rows_in_no_pair_of_an_unknown_language_or_with_a_faulty_translation_keep_their_text() -> (
    None
):
    rows = pl.DataFrame(
        {
            "text": ["Sehr gut.", "Very good.", "Muy bueno.", "?", "Nie wieder!", "Sehr gut."],
            "lang": ["de", "en", "es", None, "de-AT", "Klingon"],
        }
    )
    # German into English alone, and nothing for one of the rows.
    found, views = views_of(
        rows, lambda text, _source, _target: GERMAN[text] if "gut" in text else "", {("de", "en")}
    )
    assert found == ["Very good.", None, None, None, None, None]
    assert views.translated == {"de": 1}
    assert views.untranslated == {"es": 1, "?": 1, "de": 1, "Klingon": 1}
    told = views.sentences()
    assert "1 row judged by translation and own text" in told[0]
    assert "1 in an unknown language" in told[1]
    assert "1 in es" in told[1]


def test_a_translator_that_has_no_pair_at_all_is_an_error_before_any_work() -> None:
    with translating(FunctionTranslator(lambda *_: "", pairs=frozenset({("de", "en")}))) as opened:
        views = Views(known(), opened, quiet())
        views.require(["de", "th"])
        views.require(["en"])
        with pytest.raises(LanguageError, match="none of th, sw into en"):
            views.require(["th", "sw", "en"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "view.json").write_text(known().model_dump_json())
    return tmp_path


def config(**settings: object) -> PredictConfig:
    return PredictConfig.from_mapping(settings)


def test_what_the_user_says_wins_over_what_the_model_says(folder: Path) -> None:
    assert find_view(config(), folder) == known()
    assert find_view(config(), folder / "model") == known()
    assert find_view(config(view="own"), folder) is None
    assert find_view(config(view="translated", into="deu"), folder) == Judged(
        view="translated", into="de", translator="mini"
    )
    assert find_view(config(translator="m2m100"), folder) == known(translator="m2m100")
    assert find_view(config(), None) is None
    assert find_view(config(), "some/hub-id") is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": "both"}, "needs to know who translates"),
        ({"view": "both", "translator": "mini"}, "needs to know who translates"),
        ({"into": "en"}, "'into' is only used where translations are judged"),
        ({"translator": "mini"}, "'translator' is only used"),
        ({"view": "own", "translator": "mini"}, "'translator' is only used"),
    ],
)
def test_what_is_missing_or_not_used_is_an_error(
    settings: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        find_view(config(**settings), tmp_path)


@pytest.mark.parametrize(
    "translator",
    ["command:rm -rf /", "command:mt …", "deepl:", "openai:gpt@https://example.org/v1",
     "degraded:drop=0.1:command:mt", "lexicon:…/words.csv"],
)  # fmt: skip
def test_no_program_is_run_and_no_service_asked_because_a_model_says_so(
    translator: str, folder: Path
) -> None:
    (folder / "model" / "view.json").write_text(known(translator=translator).model_dump_json())
    with pytest.raises(ConfigError, match="not started because a model's folder says so"):
        find_view(config(), folder)
    assert find_view(config(view="own"), folder) is None
    found = find_view(config(translator="command:mt"), folder)
    assert found is not None
    assert found.translator == "command:mt"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"view": "all", "into": "en", "translator": "mini"}', '{"version": 9}']
)
def test_a_damaged_file_is_an_error(text: str, folder: Path) -> None:
    (folder / "model" / "view.json").write_text(text)
    with pytest.raises(RunError, match=r"view\.json"):
        find_view(config(), folder)


TABLE = pl.DataFrame({"text": [*GERMAN, None], "lang": ["de", "de", "de"]})


def answers(frame: pl.DataFrame) -> np.ndarray:
    return frame.select(pl.col("^p_.*$")).to_numpy()


def test_a_frame_is_judged_in_both_views(model: Path) -> None:
    how = {"translator": "mini", "into": "en"}
    own = answers(babelift.predict(model, TABLE))
    translated = answers(babelift.predict(model, TABLE, view="translated", **how))
    both = babelift.predict(model, TABLE, view="both", **how)
    assert both.columns[:2] == ["text", "lang"]
    np.testing.assert_allclose(answers(both), (own + translated) / 2, atol=1e-6)
    assert not np.allclose(own[:2], translated[:2])
    assert both["prediction"].is_null().to_list() == [False, False, True]
    alone = babelift.predict(model, list(GERMAN), lang="de", view="both", **how)
    np.testing.assert_allclose(answers(alone), answers(both)[:2])
    with pytest.raises(DataError, match="language must be"):
        babelift.predict(model, list(GERMAN), view="both", **how)
    opened = Predictor.load(model)
    np.testing.assert_allclose(
        answers(babelift.predict(opened, TABLE, view="both", **how)), answers(both)
    )


def test_a_file_is_judged_alike_and_another_view_is_another_job(
    model: Path, tmp_path: Path
) -> None:
    from babelift.prediction.job import run_predict

    table, out = tmp_path / "new.jsonl", tmp_path / "out.parquet"
    table.write_text("".join(
        json.dumps({"text": text, "lang": "de"}) + "\n" for text in GERMAN))  # fmt: skip
    settings = {"model": str(model), "input": (str(table),), "out": out}
    more = {"view": "both", "translator": "mini", "into": "en"}
    run_predict(config(**settings, **more))
    written = pl.read_parquet(out)
    frame = babelift.predict(model, TABLE.head(2), **more)
    np.testing.assert_allclose(answers(written), answers(frame))
    before = out.stat().st_mtime_ns
    run_predict(config(**settings, **more))
    assert out.stat().st_mtime_ns == before
    for other in ({}, {**more, "view": "translated"}, {**more, "translator": "m2m100"}):
        with pytest.raises(BabeliftError, match=r"another job|other settings|not made by"):
            run_predict(config(**settings, **other))


def test_evaluate_measures_what_is_judged(model: Path) -> None:
    labels = Predictor.load(model).labels
    rows = TABLE.head(2).with_columns(label=pl.lit(labels[0]))
    how = {"translator": "mini", "into": "en", "view": "translated"}
    english = pl.DataFrame({"text": babelift.translate(rows, "en", "mini")["text"], "lang": "en"})
    metrics = babelift.evaluate(model, rows, **how)
    expected = babelift.predict(model, english)["prediction"] == labels[0]
    assert metrics.languages["de"].f1_micro == expected.mean()


def test_ray_is_refused(model: Path, folder: Path) -> None:
    for said in ({}, {"view": "both", "translator": "mini", "into": "en"}):
        with pytest.raises(ConfigError, match="not on a Ray cluster"):
            babelift.predict(folder, TABLE, on="ray", **said)
