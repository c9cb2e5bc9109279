"""Data sets through the optional library, from folders on disk."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from babelift.config import Table
from babelift.corpus import read_corpus
from babelift.errors import DataError, MissingDependencyError

datasets = pytest.importorskip("datasets")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A data set of two splits, saved by the library."""
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )

    def part(texts: list[str], labels: list[int]) -> Any:
        return datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)

    parts = datasets.DatasetDict(
        {"train": part(["fine", "poor"], [1, 0]), "test": part(["grand"], [1])}
    )
    parts.save_to_disk(tmp_path / "set")
    return tmp_path / "set"


def test_a_saved_data_set_is_read_with_its_splits_and_class_names(saved: Path) -> None:
    rows = read_corpus([f"hub:{saved}"], Table(lang="en")).rows
    assert rows.select("text", "label", "split").rows() == [
        ("fine", "good", "train"), ("poor", "bad", "train"), ("grand", "good", "test"),
    ]  # fmt: skip
    assert rows["id"].is_unique().all()


def test_one_split_is_read_where_it_is_named(saved: Path) -> None:
    rows = read_corpus([f"hub:{saved}:test"], Table(lang="en"), split="test").rows
    assert rows.select("text", "split").rows() == [("grand", "test")]


def test_a_split_that_is_not_there_names_the_nearest(saved: Path) -> None:
    with pytest.raises(DataError, match="there is no split 'tset'; did you mean 'test'"):
        read_corpus([f"hub:{saved}:tset"], Table(lang="en"))


def test_a_folder_of_plain_files_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "train.csv").write_text("text,label,lang\nfine,1,en\n", encoding="utf-8")
    rows = read_corpus([f"hub:{folder}"], Table()).rows
    assert rows.select("text", "label").rows() == [("fine", "1")]


def test_a_data_set_that_cannot_be_loaded_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise ConnectionError("no route to the hub\nand much more")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(DataError) as caught:
        read_corpus(["hub:nobody/nothing#en:train"], Table())
    assert caught.value.message == (
        "hub:nobody/nothing#en:train: the data set cannot be loaded: no route to the hub"
    )


def test_a_missing_library_names_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "datasets":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'babelift\[hub\]'"):
        read_corpus(["hub:any"], Table())


def test_a_hub_source_needs_a_name() -> None:
    with pytest.raises(DataError, match="names no data set"):
        read_corpus(["hub:"], Table())
