"""The table of predictions."""

import numpy as np
import pytest

from babelift.corpus.rows import originals
from babelift.errors import DataError
from babelift.prediction.rows import make_predictions


def test_a_table_of_predictions_has_a_column_per_label() -> None:
    rows = originals(ids=["1", "2"], texts=["a", "b"], labels=["x", None], langs=["en", "de"])
    table = make_predictions(rows, "linear", ["x", "y"], np.array([[0.5, 0.5], [0.1, 0.9]]))
    assert table.columns == [
        *("id", "group_id", "lang", "source_lang", "origin", "label", "model"),
        *("prediction", "probability", "p_x", "p_y"),
    ]
    assert table["prediction"].to_list() == ["x", "y"]
    assert table["label"].to_list() == ["x", None]


def test_probabilities_of_another_shape_are_refused() -> None:
    rows = originals(ids=["1"], texts=["a"], labels=["x"], langs=["en"])
    with pytest.raises(DataError, match="1 rows by 2 labels"):
        make_predictions(rows, "encoder", ["x", "y"], np.zeros((1, 3)))
