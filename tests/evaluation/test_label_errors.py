"""Labels that look wrong: found where they were planted, and told how many."""

import numpy as np
import polars as pl
import pytest

from babelift.corpus.rows import originals
from babelift.evaluation.label_errors import cross_validated, doubted, label_errors


def blobs(rows: int, labels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors that lie about the centre of their label, and the labels."""
    generator = np.random.default_rng(seed)
    given = np.arange(rows) % labels
    vectors = np.eye(8)[given] + 0.3 * generator.normal(size=(rows, 8))
    return vectors.astype(np.float32), given


def test_the_least_likely_labels_come_first_and_as_many_as_are_told() -> None:
    proba = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.3, 0.7], [0.45, 0.55]])
    given = np.array([0, 0, 0, 1, 1, 0])
    # Thresholds are (.9 + .6 + .2 + .45) / 4 = .5375 and (.9 + .7) / 2 = .8. The third row reaches
    # that of the second label; the sixth reaches neither, though the second is likelier for it.
    rows, number = doubted(proba, given)
    assert (rows.tolist(), number) == ([2, 5], 1)


def test_a_model_that_agrees_doubts_nothing() -> None:
    rows, number = doubted(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))
    assert (rows.tolist(), number) == ([], 0)


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_planted_errors_are_found(rate: float) -> None:
    vectors, true = blobs(400, 4)
    generator = np.random.default_rng(1)
    wrong = generator.choice(400, round(rate * 400), replace=False)
    given = true.copy()
    given[wrong] = (true[wrong] + 1 + generator.integers(0, 3, len(wrong))) % 4
    rows = originals(
        ids=[f"r{n}" for n in range(400)],
        texts=[f"text {n}" for n in range(400)],
        labels=[f"label {n}" for n in given],
        langs=["en"] * 400,
    )
    every, check = label_errors(rows, vectors)
    assert (check.rows, check.contradicted) == (400, every.height)
    found = every.head(check.doubted)
    planted = {f"r{n}" for n in wrong}
    assert len(planted & set(found["id"])) >= 0.8 * len(planted)
    assert len(set(found["id"]) - planted) <= 0.05 * 400
    assert set(found["id"][:10]) <= planted
    assert found["probability"].is_sorted()
    true_label = {f"r{n}": f"label {label}" for n, label in enumerate(true)}
    right = [true_label[row["id"]] == row["likely_label"] for row in found.head(10).to_dicts()]
    assert all(right)


def test_rows_of_one_item_do_not_vouch_for_each_other() -> None:
    # Two copies of each text; the copies of one item have a wrong label both. A model that saw one
    # copy would believe the other.
    vectors, true = blobs(100, 2)
    vectors, given = np.repeat(vectors, 2, axis=0), np.repeat(true, 2)
    items = [str(n // 2) for n in range(200)]
    given[:2] = 1 - given[:2]
    proba = cross_validated(vectors, given, items)
    assert proba[0] == pytest.approx(proba[1])
    assert set(doubted(proba, given)[0][:2]) == {0, 1}


def test_a_label_of_one_item_alone_is_not_doubted() -> None:
    vectors, given = blobs(100, 2)
    given[3] = 2
    proba = cross_validated(vectors, given, [str(n) for n in range(100)])
    assert proba[3].tolist() == [0, 0, 1]
    assert 3 not in doubted(proba, given)[0]


def test_one_label_alone_gives_nothing_to_doubt() -> None:
    rows = originals(ids=list("abc"), texts=list("abc"), labels=["x"] * 3, langs=["en"] * 3)
    found, check = label_errors(rows, np.ones((3, 2), dtype=np.float32))
    assert check.doubted == 0
    assert found.height == 0
    assert found.schema["likely_label"] == pl.String
