"""Exports: the graph gives the labels of its original, the gate sees when it does not."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import babelift
from babelift.deploy import export as job
from babelift.deploy.export import export
from babelift.deploy.parity import fallen, measure_parity
from babelift.errors import ConfigError, ModelError, ParityError, RunError
from babelift.prediction.onnx import OnnxPredictor
from babelift.prediction.predictor import Predictor
from tests.support import SENTENCES, tiny_classifier

pytestmark = pytest.mark.slow
pytest.importorskip("onnxruntime")

TEXTS = [text for texts in SENTENCES.values() for text in texts]
LABELS = ["negative", "neutral", "positive"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_classifier(tmp_path_factory.mktemp("original") / "model", LABELS)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    rows = [
        {"text": text, "lang": lang, "label": LABELS[number % 3]}
        for lang, texts in SENTENCES.items()
        for number, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def folder(model: Path, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exports") / "onnx"
    export(model, out, data=table)
    return out


def test_an_export_gives_what_its_original_gives(model: Path, folder: Path) -> None:
    original, exported = Predictor.load(model), Predictor.load(folder)
    assert isinstance(exported, OnnxPredictor)
    assert exported.labels == original.labels
    texts = [*TEXTS, "", " ", "x", "word " * 2000, "\ud800"]
    expected = original.predict_proba(texts)
    for size in (1, 3, 64):
        np.testing.assert_allclose(exported.predict_proba(texts, batch_size=size), expected,
                                   atol=1e-5)  # fmt: skip
    assert exported.predict(texts) == original.predict(texts)
    assert exported.cuts(texts) == original.cuts(texts)
    assert exported.predict_proba([]).shape == (0, len(exported.labels))


def test_commands_and_functions_open_an_export_as_a_model(
    model: Path, folder: Path, table: Path, tmp_path: Path, babelift: Callable[..., Any]
) -> None:
    import babelift as library

    done = babelift("predict", folder, table, "--out", tmp_path / "out.csv")
    assert done.code == 0, done.err
    labels = pl.read_csv(tmp_path / "out.csv")["prediction"].to_list()
    assert labels == library.predict(model, table)["prediction"].to_list()
    ours, theirs = (library.evaluate(of, table) for of in (folder, model))
    assert {lang: one.f1_micro for lang, one in ours.languages.items()} == {
        lang: one.f1_micro for lang, one in theirs.languages.items()
    }


def test_the_folder_says_what_it_is_and_how_it_agrees(folder: Path) -> None:
    record = json.loads((folder / "export.json").read_text())
    assert record["at_parity"] is True
    assert {one["lang"] for one in record["languages"]} == set(SENTENCES)
    assert all(one["equal"] + one["level"] == one["rows"] for one in record["languages"])
    assert all(one["before"] == one["after"] for one in record["languages"])
    readme = (folder / "README.md").read_text()
    assert "| English | " in readme
    assert "100.00%" in readme
    assert oct(folder.stat().st_mode)[-3:] == "755"


def test_the_readmes_program_runs_without_torch_and_without_babelift(
    folder: Path, model: Path
) -> None:
    readme = (folder / "README.md").read_text()
    [program] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    program = program.replace("path/to/this/folder", str(folder))
    program = program.replace('classify(["Sehr gut!"])', f"classify({TEXTS!r})")
    blocked = "import sys\nfor name in ('torch', 'transformers', 'babelift'):\n"
    blocked += "    sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", blocked + program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(Predictor.load(model).predict(TEXTS))


def test_predicting_with_an_export_brings_neither_torch_nor_transformers(
    folder: Path, table: Path, tmp_path: Path
) -> None:
    program = (
        "import sys, babelift\n"
        f"labels = babelift.predict({str(folder)!r}, {str(table)!r})['prediction'].to_list()\n"
        "print(len(labels), {'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[-2] == f"{len(TEXTS)} set()"


def test_the_same_command_again_changes_nothing(
    model: Path,
    folder: Path,
    table: Path,
    unchanged: Callable[[Path], AbstractContextManager[None]],
) -> None:
    with unchanged(folder):
        export(model, folder, data=table)
    with pytest.raises(RunError, match="holds another export: float32, of this model"):
        export(model, folder, data=table, precision="int8")
    other = tiny_classifier(folder.parent / "other", LABELS, seed=5)
    with pytest.raises(RunError, match="of another model"):
        export(other, folder, data=table)


def broken(graph: Path, file: Path) -> None:
    """Stands in for rounding that turns every label round."""
    import onnx
    from onnx import helper

    loaded = onnx.load(graph)
    loaded.graph.node.append(helper.make_node("Neg", ["logits"], ["turned"]))
    loaded.graph.output[0].name = "turned"
    onnx.save(loaded, file)


def test_labels_that_move_are_seen_and_nothing_is_written(
    model: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "quantize", broken)
    with pytest.raises(ParityError, match=r"English 0 of \d+ rows \(0\.00%\)") as caught:
        export(model, tmp_path / "out", data=table, precision="int8")
    assert "--precision float32" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    written = export(model, tmp_path / "out", data=table, precision="int8", force=True)
    assert not written.at_parity
    assert "**It is not at parity**" in (tmp_path / "out" / "README.md").read_text()
    with pytest.raises(ParityError):
        export(model, tmp_path / "out", data=table, precision="int8")


def test_eight_bits_take_less_and_say_nearly_the_same(
    model: Path, folder: Path, table: Path, tmp_path: Path
) -> None:
    written = export(model, tmp_path / "out", data=table, precision="int8", parity=0)
    assert written.precision == "int8"
    small, large = ((place / "model.onnx").stat().st_size for place in (tmp_path / "out", folder))
    assert small < 0.7 * large  # its few matrices are small beside the graph itself
    exact, rounded = (Predictor.load(place) for place in (folder, tmp_path / "out"))
    np.testing.assert_allclose(rounded.predict_proba(TEXTS), exact.predict_proba(TEXTS), atol=0.1)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_a_damaged_export_is_not_opened(copy: Path) -> None:
    graph = copy / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelError, match="damaged or replaced"):
        Predictor.load(copy)
    (copy / "tokenizer.json").write_text("{}")
    graph.write_bytes(whole)
    with pytest.raises(ModelError, match=r"tokenizer\.json' cannot be read"):
        Predictor.load(copy)
    graph.unlink()
    with pytest.raises(ModelError, match="cannot be opened"):
        Predictor.load(copy)
    (copy / "export.json").write_text("{}")
    with pytest.raises(RunError, match=r"export\.json"):
        Predictor.load(copy)


def test_what_an_export_cannot_do_is_said(copy: Path) -> None:
    opened = Predictor.load(copy)
    with pytest.raises(ModelError, match="no vectors"):
        opened.vectors(["a"])
    with pytest.raises(ModelError, match="keep the run"):
        opened.save(copy / "again")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": ()}, "no test rows to compare"),
        ({"parity": 2}, "parity"),
        ({"precision": "int4"}, "precision"),
    ],
)
def test_what_is_missing_or_not_allowed_is_an_error(
    change: dict[str, Any], message: str, model: Path, table: Path, tmp_path: Path
) -> None:
    values = {"data": table, **change}
    with pytest.raises(ConfigError, match=message):
        export(model, tmp_path / "out", **values)


def test_a_folder_of_something_else_is_left_alone(model: Path, table: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="holds something else"):
        export(model, tmp_path, data=table)


ROWS = pl.DataFrame({"lang": ["de", "de", "ja", "ja"], "group_id": list("1234"),
                     "label": ["a", "b", "a", None]})  # fmt: skip


def test_by_hand() -> None:
    before = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5], [0.2, 0.8]])
    after = np.array([[0.8, 0.2], [0.6, 0.4], [0.4, 0.6], [0.2, 0.8]])
    german, japanese = measure_parity(ROWS, ["a", "b"], before, after)
    assert (german.rows, german.level, german.equal, german.share) == (2, 0, 1, 0.5)
    assert german.change == pytest.approx(0.3)
    assert (german.before, german.after) == (1.0, 0.5)
    assert german.difference is not None
    assert german.difference[0] == -0.5
    assert japanese.difference is None
    # One of the Japanese rows is level, and one has no label.
    assert (japanese.rows, japanese.level, japanese.equal, japanese.share) == (2, 1, 1, 1.0)
    assert (japanese.before, japanese.after) == (1.0, 0.0)
    assert fallen([german, japanese], 0.995) == [german]
    assert fallen([german, japanese], 0.5) == []


@given(st.integers(2, 5), st.integers(1, 30), st.integers(0, 1000))
def test_an_export_agrees_with_itself(labels: int, rows: int, seed: int) -> None:
    found = np.random.default_rng(seed).dirichlet(np.ones(labels), rows)
    table = pl.DataFrame(
        {"lang": ["de"] * rows, "group_id": [str(n) for n in range(rows)], "label": ["0"] * rows}
    )
    [one] = measure_parity(table, [str(n) for n in range(labels)], found, found)
    assert one.share == 1.0
    assert one.equal + one.level == rows
    assert one.change == 0
    assert one.before == one.after


def test_it_is_a_public_name() -> None:
    assert babelift.export is export
