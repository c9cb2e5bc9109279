"""Self-training on frozen vectors, made up or of random weights."""

from pathlib import Path

import numpy as np
import pytest

from models import measure_self_training
from models.measure_self_training import Part, self_trained, trial

pytestmark = pytest.mark.slow


def cloud(number: int, shift: float, seed: int, *, classes: str = "ab") -> Part:
    """Points of each class around a place of its own; a language moves all of them, visibly."""
    random = np.random.default_rng(seed)
    labels = np.array(list(classes) * (number // len(classes)))
    vectors = random.normal(size=(len(labels), 8)).astype(np.float32)
    vectors[:, 0] += 3.0 * (labels == "b") - 1.5 + shift
    vectors[:, 1] += 6 * shift
    return Part(vectors, labels, np.array([f"{seed}-{n}" for n in range(len(labels))]))


def test_unlabelled_rows_find_where_the_classes_of_a_language_lie() -> None:
    learnt, held = cloud(200, 0.0, 1), cloud(60, 0.0, 2)
    unlabelled, test = {"de": cloud(400, 0.8, 3)}, cloud(1000, 0.8, 4)
    zero = measure_self_training._fit([learnt])
    model = self_trained(learnt, held, unlabelled)
    assert model.score(test.vectors, test.labels) > zero.score(test.vectors, test.labels) + 0.02


def test_rows_of_one_label_are_believed_only_without_the_guard() -> None:
    learnt, held = cloud(200, 0.0, 1), cloud(60, 0.0, 2)
    one = {"de": cloud(400, 0.0, 3, classes="b")}
    one["de"] = one["de"].take(one["de"].vectors[:, 0] > 1)  # none looks like an "a"
    zero = measure_self_training._fit([learnt])
    guarded, alone = (self_trained(learnt, held, one, guarded=guarded) for guarded in (True, False))
    assert np.array_equal(guarded.coef_, zero.coef_)
    assert not np.allclose(alone.coef_, zero.coef_)


def test_unlabelled_rows_are_other_items_than_those_with_labels() -> None:
    english, german = cloud(40, 0.0, 1), cloud(40, 0.0, 1)
    german = german._replace(vectors=german.vectors + 5)
    seen = []
    real = measure_self_training.self_trained
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            measure_self_training, "self_trained",
            lambda learnt, held, rows, **more: seen.append((learnt, rows["de"]))
            or real(learnt, held, rows, **more),
        )  # fmt: skip
        tables = {"en": english, "de": german}
        trial(tables, {"en": english, "de": english}, tables, 0.5, seed=0)
    learnt, unlabelled = seen[0]
    assert len(learnt.items) == len(unlabelled.items) == 20
    assert not set(learnt.items) & set(unlabelled.items)


def test_both_tables_are_printed(
    tiny_data: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(measure_self_training, "TWEETS", ("en", "de", "es"))
    measure_self_training.main(
        ["--data", str(tiny_data), "--encoder", str(tiny_encoder), "--seeds", "2"]
    )
    printed = capsys.readouterr().out
    assert "UMSAB, tweets, trained on English: accuracy, 2 seeds" in printed
    assert "| rows of another kind " in printed.partition("SIB-200")[0]
    assert "| rows of another kind " not in printed.partition("SIB-200")[2]
