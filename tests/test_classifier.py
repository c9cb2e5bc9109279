"""The classifier keeps scikit-learn's manners and does what `babelift fit` does."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from transformers import pipeline

import babelift
from babelift.classifier import Classifier
from babelift.errors import (
    BabeliftError,
    BabeliftWarning,
    ConfigError,
    DataError,
    LanguageError,
    RunError,
)
from babelift.testing import FunctionTranslator
from tests.support import tiny_classifier, tiny_distilbert

Small = Callable[..., Classifier]
GOOD = ["good sound", "very good lamp", "good, so good", "good price", "a good chair", "good fit"]
BAD = ["bad sound", "very bad lamp", "bad, so bad", "bad price", "a bad chair", "bad fit"]
TEXTS = [text for pair in zip(GOOD, BAD, strict=True) for text in pair]
STARS = [5, 1] * 6


def translator() -> FunctionTranslator:
    words = {"good": "gut", "bad": "schlecht", "sound": "Klang", "lamp": "Lampe", "very": "sehr"}
    return FunctionTranslator(
        lambda text, source, target: " ".join(words.get(word, word) for word in text.split()),
        unit="text",
    )


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_distilbert(tmp_path_factory.mktemp("encoder")))


@pytest.fixture(scope="module")
def small(encoder: str) -> Small:
    """Makes classifiers that are trained in a moment."""
    settings = {"to": (), "encoder": encoder, "epochs": 1, "batch_size": 8, "max_length": 16}
    return lambda **params: Classifier(**{**settings, **params})


@pytest.fixture(scope="module")
def fitted(small: Small) -> Classifier:
    return small(epochs=30, learning_rate=3e-3).fit(TEXTS, STARS)


def test_it_is_public() -> None:
    assert babelift.Classifier is Classifier


def test_it_is_a_classifier_of_texts() -> None:
    tags = Classifier().__sklearn_tags__()
    assert is_classifier(Classifier())
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array


def test_parameters_come_back_as_they_were_given() -> None:
    params = {"to": ["de"], "encoder": "scratch", "otc": False, "seed": 7, "run_dir": "runs/x"}
    classifier = Classifier(**params)
    assert {name: classifier.get_params()[name] for name in params} == params
    assert clone(classifier).get_params() == classifier.get_params()
    assert classifier.set_params(ratio="1:2").ratio == "1:2"
    assert "encoder='scratch'" in repr(classifier)


def test_labels_come_back_as_what_they_were(fitted: Classifier) -> None:
    assert fitted.classes_.tolist() == [1, 5]
    predicted = fitted.predict(TEXTS)
    assert predicted.dtype.kind == "i"
    assert fitted.score(TEXTS, STARS) == np.mean(predicted == np.array(STARS))
    assert fitted.score(TEXTS, STARS) > 0.9


def test_probabilities_follow_the_classes(fitted: Classifier) -> None:
    proba = fitted.predict_proba(TEXTS)
    assert proba.shape == (12, 2)
    assert proba.sum(axis=1) == pytest.approx(np.ones(12))
    assert fitted.classes_[proba.argmax(axis=1)].tolist() == fitted.predict(TEXTS).tolist()


def test_fitting_does_not_touch_the_parameters(small: Small, fitted: Classifier) -> None:
    before = small(epochs=30, learning_rate=3e-3).get_params()
    assert fitted.get_params() == before


def test_the_same_seed_gives_the_same_classifier(fitted: Classifier) -> None:
    again = clone(fitted).fit(TEXTS, STARS)
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_before_fit_it_says_so() -> None:
    for work in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(Classifier(), work)(["text"])
    with pytest.raises(NotFittedError):
        Classifier().save("folder")


def test_it_works_in_cross_validation(small: Small) -> None:
    scores = cross_val_score(small(), TEXTS, STARS, cv=2)
    assert scores.shape == (2,)
    assert np.isfinite(scores).all()


def test_it_works_in_a_pipeline_and_a_grid_search(small: Small) -> None:
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    search = GridSearchCV(
        make_pipeline(lower, small()), {"classifier__seed": [0, 1]}, cv=2, refit=False
    )
    assert len(search.fit(TEXTS, STARS).cv_results_["params"]) == 2


def test_a_copy_answers_like_the_first(fitted: Classifier) -> None:
    assert np.array_equal(deepcopy(fitted).predict(TEXTS), fitted.predict(TEXTS))


@pytest.mark.parametrize(
    "make",
    [
        np.array,
        pl.Series,
        tuple,
        lambda texts: np.array(texts, dtype=object),
        iter,
    ],
)
def test_texts_may_come_in_any_sequence(fitted: Classifier, make: object) -> None:
    assert fitted.predict(make(TEXTS)).tolist() == fitted.predict(TEXTS).tolist()  # type: ignore[operator]


def test_no_texts_get_no_labels(fitted: Classifier) -> None:
    assert fitted.predict([]).shape == (0,)
    assert fitted.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["no", "yes"] * 6, ["no", "yes"]),
        (np.array([True, False] * 6), [False, True]),
        (pl.Series([10, 9] * 6), [9, 10]),
        (["10", "9"] * 6, ["10", "9"]),
        ([1.0, 2.0] * 6, [1.0, 2.0]),
        (["1.0", "true"] * 6, ["1.0", "true"]),
    ],
)
def test_labels_of_any_kind_are_sorted_and_restored(
    small: Small, labels: object, classes: list[object], tmp_path: Path
) -> None:
    classifier = small().fit(TEXTS, labels)
    assert classifier.classes_.tolist() == classes
    again = Classifier.load(classifier.save(tmp_path / "saved"))
    assert again.classes_.tolist() == classes
    assert again.predict(TEXTS).tolist() == classifier.predict(TEXTS).tolist()


def test_labels_that_look_the_same_are_one_class_and_that_is_said(small: Small) -> None:
    spelt = ["n\xe9gatif", "pos", "ne\u0301gatif", "pos\u200b", "n\xe9gatif", "\ufeffpos"] * 2
    with pytest.warns(BabeliftWarning, match="labels are respelt: .* as 'pos'"):
        classifier = small().fit(TEXTS, spelt)
    assert classifier.classes_.tolist() == ["n\xe9gatif", "pos"]
    assert set(classifier.predict(TEXTS)) <= {"n\xe9gatif", "pos"}


def test_translations_are_trained_on_and_reported(small: Small) -> None:
    given = translator()
    classifier = small(to=("de",), translator=given, quality="keep").fit(TEXTS, STARS)
    assert sorted(given.seen) == sorted(TEXTS)
    assert classifier.training_["originals"] == 12
    assert classifier.training_["translations"] == 12
    assert classifier.translation_["pairs"]["en>de"]["kept"] == 12
    clone(classifier).set_params(translator=given).fit(TEXTS, STARS)
    assert len(given.seen) == 12, "finished translations are in the memory"


def test_each_text_may_have_its_own_language(small: Small) -> None:
    given = translator()
    classifier = small(to=("de", "fr"), translator=given, quality="keep")
    classifier.fit(TEXTS, STARS, lang=["en", "de"] * 6, groups=np.repeat(range(6), 2))
    assert classifier.training_["translations"] == 18
    assert set(classifier.translation_["pairs"]) == {"en>de", "en>fr", "de>fr"}


def test_a_saved_classifier_opens_in_plain_transformers(fitted: Classifier, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "saved")
    theirs = pipeline("text-classification", model=str(folder), device="cpu")
    assert [int(answer["label"]) for answer in theirs(TEXTS)] == fitted.predict(TEXTS).tolist()
    again = Classifier.load(folder)
    # The way to a folder is neither written nor taken from a file.
    assert again.get_params() == {
        **fitted.get_params(),
        "encoder": f"…/{Path(str(fitted.encoder)).name}",
    }
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_any_classifier_of_transformers_can_be_loaded(tmp_path: Path) -> None:
    classifier = Classifier.load(tiny_classifier(tmp_path / "model", ["spam", "ham", "eggs"]))
    assert classifier.classes_.tolist() == ["eggs", "ham", "spam"]
    assert classifier.predict(TEXTS).tolist() == classifier.predictor_.predict(TEXTS)
    assert classifier.score(TEXTS, classifier.predict(TEXTS)) == 1.0


def test_labels_that_were_renamed_since_are_strings(fitted: Classifier, tmp_path: Path) -> None:
    folder = fitted.save(tmp_path / "saved")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"1": "5"', '"1": "five"'))
    assert Classifier.load(folder).classes_.tolist() == ["1", "five"]


def test_numbers_from_numpy_are_parameters_too(small: Small) -> None:
    classifier = small(seed=np.int64(3), otc_weight=np.float32(0.5), epochs=np.int32(1))
    assert classifier.fit(TEXTS, STARS).training_["epochs"] == 1


def test_saving_overwrites_nothing(fitted: Classifier, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(RunError, match="exists already"):
        fitted.save(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_a_run_folder_is_gone_on_with_and_another_training_left_alone(
    small: Small, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = small(run_dir=run).fit(TEXTS, STARS)
    weights = (run / "model" / "model.safetensors").read_bytes()
    again = small(run_dir=run).fit(TEXTS, STARS)
    other = small(run_dir=run).fit(TEXTS[2:], STARS[2:])
    assert first.run_dir_ == again.run_dir_ == run
    assert other.run_dir_ == tmp_path / "run-2"
    assert (run / "model" / "model.safetensors").read_bytes() == weights
    assert Classifier.load(run).predict(TEXTS).tolist() == [
        str(label) for label in again.predict(TEXTS)
    ]


def test_a_run_folder_that_cannot_be_used_ends_fit(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RunError("no space left on the device.")

    monkeypatch.setattr("babelift.training.trainer.train_classifier", full)
    with pytest.raises(RunError, match="no space left"):
        small(run_dir=tmp_path / "run").fit(TEXTS, STARS)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ("one text", ["a"], "The 'X' parameter of fit must be a sequence of texts. Got str."),
        (["a", None], ["a", "b"], "Got None at position 1."),
        ([["a"], ["b"]], ["a", "b"], r"Got \['a'\] at position 0."),
        (np.array([["a"], ["b"]]), ["a", "b"], "Got ndarray."),
        (pl.DataFrame({"text": ["a"]}), ["a"], "Got DataFrame."),
        ({"a": 1}, ["a"], "Got dict."),
        (7, ["a"], "Got int."),
        ([], [], "Got no texts."),
        (["a", "b"], ["x"], r"The 'y' parameter of fit must be one label per text \(2\)."),
        (["a", "b"], None, "Got None."),
        (["a", "b"], "xy", "Got 'xy'."),
        (["a", "b"], ["x", None], "Got None at position 1."),
        (["a", "b"], [1.0, float("nan")], "Got nan at position 1."),
        (["a", "b"], [0.5, 1.5], "must be classes. Got continuous numbers."),
        (["a", "b"], [[1, 0], [0, 1]], r"Got an array of shape \(2, 2\)."),
        (["a", "b"], ["x", 1], "all of one kind"),
        (["a", "b"], ["x", "\u200b "], "one label per text"),
        (["a", "b"], ["x", "x"], "at least two classes. Got one class: 'x'."),
    ],
)
def test_wrong_input_is_named_in_scikit_learns_words(
    small: Small, texts: object, labels: object, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        small().fit(texts, labels)


def test_wrong_groups_and_languages_are_named(small: Small) -> None:
    with pytest.raises(DataError, match=r"'groups' parameter .* one group per text \(12\). Got 1"):
        small().fit(TEXTS, STARS, groups=[1])
    with pytest.raises(DataError, match=r"'lang' parameter .* one language per text \(12\). Got 2"):
        small().fit(TEXTS, STARS, lang=["en", "de"])
    with pytest.raises(LanguageError, match=r"'lang' parameter .*'jp' is not known.*mean 'ja'"):
        small().fit(TEXTS, STARS, lang=["jp"] * 12)
    with pytest.raises(LanguageError, match="'xx' is not known"):
        small(source_lang="xx").fit(TEXTS, STARS)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"ratio": "one"}, "Classifier: 'ratio': must be two whole numbers"),
        ({"otc_weight": -1}, "'otc_weight'"),
        ({"to": ("jp",)}, "'jp' is not known; did you mean 'ja'"),
        ({"to": ("de",), "translator": "m2m10"}, "did you mean 'm2m100'"),
        ({"quality": "drp"}, "'quality'"),
    ],
)
def test_wrong_parameters_are_named_when_fit_is_called(
    small: Small, params: dict[str, object], message: str
) -> None:
    classifier = small(**params)
    with pytest.raises(ConfigError, match=message):
        classifier.fit(TEXTS, STARS)
    assert issubclass(ConfigError, ValueError)
    assert issubclass(ConfigError, BabeliftError)


@pytest.mark.parametrize(
    ("value", "fault"), [("half \ud83d", "lone surrogate"), ("a b " * 30_000, "text longer than")]
)
def test_a_text_that_cannot_be_trained_on_is_named(small: Small, value: str, fault: str) -> None:
    with pytest.raises(DataError, match=rf"'X' parameter of fit .* at position 11: {fault}") as it:
        small().fit([*TEXTS[:-1], value], STARS)
    assert len(str(it.value)) < 500


def test_texts_that_a_table_could_not_hold_are_labelled_where_none_is_made(
    fitted: Classifier,
) -> None:
    assert len(fitted.predict(["good \ud83d"])) == 1
    with pytest.warns(BabeliftWarning, match="longer than the 16 tokens"):
        assert len(fitted.predict(["good " * 3_000_000])) == 1
    with pytest.raises(DataError, match="text 2 holds half a surrogate pair"):
        babelift.predict(fitted.predictor_, ["good", "half \ud83d"])


def test_half_a_character_in_labels_groups_or_languages_is_named(small: Small) -> None:
    half = ["\udc00", *"abababababa"]
    with pytest.raises(DataError, match=r"'y' parameter of fit .* at position 0"):
        small().fit(TEXTS, half)
    with pytest.raises(DataError, match=r"'groups' parameter of fit .* at position 0"):
        small().fit(TEXTS, STARS, groups=half)
    with pytest.raises(DataError, match=r"'lang' parameter of fit .* at position 0"):
        small().fit(TEXTS, STARS, lang=half)


def test_a_text_that_would_take_hours_is_not_translated() -> None:
    rows = pl.DataFrame({"text": ["good", "a b " * 30_000]})
    with pytest.raises(DataError, match="row 1 has a text of 120,000 characters"):
        babelift.translate(rows, "de", translator(), lang="en")


def test_texts_that_are_cut_are_warned_of_in_training_and_in_use(small: Small) -> None:
    long = [f"{text} " + "very good lamp " * 60 for text in TEXTS]
    with pytest.warns(BabeliftWarning, match=r"12 of 12 texts|training texts \(100 %\)") as caught:
        classifier = small(max_length=8).fit(long, STARS)
    assert any("larger max_length" in str(warning.message) for warning in caught)
    with pytest.warns(BabeliftWarning, match="texts .* are longer than the .* tokens"):
        classifier.predict(["good " * 700])


def test_a_label_whose_translations_are_all_left_out_is_warned_of(small: Small) -> None:
    only_good = FunctionTranslator(
        lambda text, source, target: text[::-1] if "good" in text else ""
    )
    with pytest.warns(BabeliftWarning, match="German has no translation labelled 1: none of 6"):
        small(to=("de",), translator=only_good).fit(TEXTS, STARS)
