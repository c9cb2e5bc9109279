"""What a comparison is given: files, folders and frames, and what is refused of them."""

import json
from pathlib import Path

import polars as pl
import pytest

from babelift.errors import BabeliftError, ConfigError, DataError, LanguageError, RunError
from babelift.evaluation.comparison import compare
from babelift.evaluation.metrics import evaluate_predictions
from babelift.store import write_record

ROWS = pl.DataFrame(
    {
        "id": ["1", "2", "3", "4"],
        "lang": ["de", "de", "ja", "ja"],
        "label": ["a", "b", "a", "b"],
        "prediction": ["a", "a", "a", "b"],
    }
)


def write(table: pl.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    forms = {".csv": "write_csv", ".jsonl": "write_ndjson", ".parquet": "write_parquet"}
    getattr(table, forms[path.suffix])(path)
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_file_of_any_form_is_what_its_frame_is(form, tmp_path):
    other = ROWS.with_columns(prediction=pl.col("label"))
    found = compare(
        [write(ROWS, tmp_path / f"a.{form}"), str(write(other, tmp_path / f"b.{form}"))]
    )
    assert found.contrasts == compare([ROWS, other], names=[f"a.{form}", f"b.{form}"]).contrasts
    assert found.sides[0].source == str(tmp_path / f"a.{form}")


def test_numbers_as_ids_labels_and_seeds_are_the_same_in_every_form(tmp_path):
    numbers = pl.DataFrame(
        {"id": [1, 2], "lang": "de", "label": [1, 2], "prediction": [1.0, 2.0], "seed": [0.0, 0.0]}
    )
    found = compare([numbers, write(numbers, tmp_path / "a.csv")])
    assert found.labels == ("1", "2")
    assert found.contrasts[0].mean.delta == 0


def test_a_run_is_its_predictions_and_declares_its_labels(tmp_path):
    run = tmp_path / "run"
    write(ROWS, run / "predictions.parquet")
    write_record(evaluate_predictions(ROWS, ["a", "b", "c"], ordinal=False), run / "metrics.json")
    assert compare([run, ROWS]).labels == ("a", "b", "c")
    with pytest.raises(DataError, match="'B' has the label 'd', which 'run' does not know"):
        compare([run, ROWS.with_columns(prediction=pl.Series(["d", "a", "a", "b"]))])


def test_columns_may_have_other_names_and_the_language_be_said():
    named = ROWS.drop("lang").rename({"id": "key", "label": "stars"})
    found = compare([named, named], id="key", label="stars", lang="de")
    assert found.rows == {"de": 4}


def test_sides_are_called_by_the_shortest_ends_that_tell_them_apart(tmp_path):
    paths = [write(ROWS, tmp_path / name / "p.csv") for name in ("x", "y")]
    assert [side.name for side in compare(paths).sides] == ["x/p.csv", "y/p.csv"]
    assert [side.name for side in compare([paths[0], paths[0], ROWS]).sides] == [
        "p.csv", "p.csv (2)", "C",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sides", "options", "kind", "said"),
    [
        ([ROWS], {}, ConfigError, "two or more sides"),
        (ROWS, {}, ConfigError, "two or more sides"),
        ([ROWS, ["a"]], {}, ConfigError, "must be a polars frame or a path; got list"),
        ([ROWS, ROWS], {"names": ["x"]}, ConfigError, "1 names for 2 sides"),
        ([ROWS, ROWS], {"names": ["x", "x"]}, ConfigError, "distinct; got 'x', 'x'"),
        ([ROWS, ROWS], {"names": ["x", " "]}, ConfigError, "distinct"),
        ([ROWS, ROWS], {"over": []}, ConfigError, "no languages to average over"),
        ([ROWS, ROWS], {"lable": "x"}, ConfigError, "did you mean 'label'"),
        ([ROWS, ROWS], {"label": "lable"}, ConfigError, "column 'lable' is missing; did you mean"),
        ([ROWS, ROWS], {"lang": "xx"}, LanguageError, "neither a column nor a language"),
        ([ROWS, ROWS.rename({"label": "lable"})], {}, DataError,
         "'B': column 'label' is missing; did you mean 'lable'"),
        ([ROWS, ROWS.drop("id")], {}, DataError, "'B': column 'id' is missing"),
        ([ROWS, ROWS.clear()], {}, DataError, "'B': no rows"),
        ([ROWS, pl.concat([ROWS, ROWS[:1]])], {}, DataError, "row 5 of the predictions of 'B'"),
        ([ROWS, ROWS.with_columns(id=pl.lit(None, pl.String))], {}, DataError,
         "row 1 of the predictions of 'B': column 'id' is empty"),
        ([ROWS, ROWS.with_columns(id="x" + pl.col("id"))], {}, DataError,
         "no rows in common: 'A' has ids such as '1' and '2' in de, ja; 'B' has ids such as 'x1'"),
        ([ROWS, ROWS.with_columns(lang=pl.lit("fr"))], {}, DataError, "no rows in common"),
        ([ROWS, ROWS.with_columns(lang=pl.lit("jp"))], {}, LanguageError, "'jp' is not known"),
        ([ROWS, ROWS.with_columns(pl.col("label", "prediction").str.to_uppercase())], {}, DataError,
         "'A' and 'B' have other labels: a, b; and A, B"),
        ([ROWS, ROWS.with_columns(pl.col("prediction").str.to_uppercase())], {}, DataError,
         "'B' predicts other labels than its rows have: A, B; they have a, b"),
        ([ROWS, ROWS.with_columns(label=pl.Series(["b", "b", "a", "b"]))], {}, DataError,
         "row '1' (de) is labelled 'a' in 'A' and 'b' in 'B'; such rows: 1"),
        ([ROWS, ROWS.with_columns(prediction=pl.lit(None, pl.String))], {}, DataError,
         "'B' has no answers"),
        ([ROWS[:1], ROWS], {}, DataError, "in no language do the sides share two test items"),
        ([ROWS, ROWS.with_columns(model=pl.Series(["x", "y", "x", "y"]))], {}, DataError,
         "more than one model"),
        ([ROWS, pl.concat([ROWS.with_columns(seed=pl.lit(seed)) for seed in (1, 2)])], {},
         DataError, "no seed in common: 'A' none; 'B' 1, 2"),
        ([ROWS, ROWS.with_columns(seed=pl.Series([1, None, 1, 1]))], {}, DataError,
         "row 2 of the predictions of 'B': column 'seed' is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_by_name(sides, options, kind, said):
    with pytest.raises(kind) as error:
        compare(sides, **options)
    assert said in str(error.value)


def labelled(labels, predictions=None):
    """Four rows with other labels."""
    return ROWS.with_columns(label=pl.Series(labels), prediction=pl.Series(predictions or labels))


@pytest.mark.parametrize("form", ["frame", "declared"])
def test_sets_of_labels_that_differ_are_refused_where_they_show_another_task(form, tmp_path):
    def given(labels, declared, name):
        rows = labelled(labels)
        if form == "frame":
            return rows
        write(rows, tmp_path / name / "predictions.parquet")
        metrics = evaluate_predictions(rows, declared, ordinal=False)
        write_record(metrics, tmp_path / name / "metrics.json")
        return tmp_path / name

    two = given([*"abab"], ["a", "b"], "two")
    disjoint = given([*"cdcd"], ["c", "d"], "disjoint")
    with pytest.raises(DataError, match=r"have other labels: a, b; and c, d"):
        compare([two, disjoint])
    more = given([*"abab"], ["a", "b", "c"], "more")
    if form == "declared":
        # A model that knows more labels has another task, though none of its rows show it.
        for sides in ([two, more], [more, two]):
            with pytest.raises(DataError, match="have other labels: a, b"):
                compare(sides)
    else:
        assert compare([two, more]).labels == ("a", "b")
    # Labels that overlap: the same rows are labelled otherwise.
    with pytest.raises(DataError, match="'c'"):
        compare([two, given([*"acac"], ["a", "c"], "overlapping") if form == "frame"
                 else labelled([*"acac"])])  # fmt: skip


def run(folder, seed, table=ROWS, **settings):
    """A run's folder, as far as a comparison reads it."""
    write(table, folder / "predictions.parquet")
    (folder / "manifest.json").write_text("{}")
    (folder / "config.yaml").write_text(
        json.dumps({"otc": True, **settings, "seed": seed, "out": str(folder)})
    )
    write_record(evaluate_predictions(table, ["a", "b"], ordinal=False), folder / "metrics.json")


def test_a_folder_of_runs_is_one_side_with_their_seeds(tmp_path):
    better = ROWS.with_columns(prediction="label")
    for seed in (1, 2, 11):
        run(tmp_path / "old" / f"seed-{seed}", seed)
        run(tmp_path / "new" / f"seed-{seed}", seed, better)
    comparison = compare([tmp_path / "old", tmp_path / "new"])
    assert comparison.seeds == ("1", "2", "11")
    assert comparison.about == "trainings"
    assert [side.rows for side in comparison.sides] == [12, 12]
    assert [side.source for side in comparison.sides] == [
        str(tmp_path / "old"), str(tmp_path / "new"),
    ]  # fmt: skip
    frames = [
        pl.concat(rows.with_columns(seed=pl.lit(seed)) for seed in (1, 2, 11))
        for rows in (ROWS, better)
    ]
    assert comparison.contrasts == compare(frames, names=["old", "new"]).contrasts
    one = compare([tmp_path / "old" / "seed-2", tmp_path / "new"])
    assert (one.seeds, one.about) == (("2",), "weights")
    apart = compare([tmp_path / "old" / "seed-2", tmp_path / "new" / "seed-1"])
    assert (apart.seeds, apart.about) == ((), "weights")


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"seed": 1}, "were both trained with seed 1"),
        ({"seed": 2, "otc": False}, "differ in more than the seed: otc is True and False"),
        ({"seed": None}, "does not say what seed it was trained with"),
    ],
)
def test_runs_that_are_not_one_way_to_train_are_no_side(second, said, tmp_path):
    run(tmp_path / "side" / "a", 1)
    run(tmp_path / "side" / "b", **second)
    with pytest.raises((DataError, RunError)) as error:
        compare([ROWS, tmp_path / "side"])
    assert said in str(error.value)


def test_files_and_folders_that_hold_no_predictions_are_refused(tmp_path):
    good = write(ROWS, tmp_path / "good.csv")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "noise.parquet").write_bytes(bytes(range(256)))
    (tmp_path / "page.html").write_text("<p>")
    for folder in ("nothing", "unfinished", "study", "damaged"):
        (tmp_path / folder).mkdir()
    (tmp_path / "unfinished" / "manifest.json").write_text("{}")
    (tmp_path / "study" / "results.parquet").touch()
    write(ROWS, tmp_path / "damaged" / "predictions.parquet")
    (tmp_path / "damaged" / "metrics.json").write_text("[]")
    for name, said in {
        "nothing": "is no run",
        "unfinished": "is an unfinished run",
        "study": "is a study",
        "damaged": "metrics.json' is damaged",
        "missing.csv": "missing.csv",
        "missing": "missing",
        "empty.csv": "empty.csv",
        "noise.parquet": "noise.parquet",
        "page.html": "page.html",
    }.items():
        with pytest.raises((RunError, DataError)) as error:
            compare([good, tmp_path / name])
        assert said in str(error.value), name


def test_nested_values_in_place_of_words_are_refused(tmp_path):
    odd = tmp_path / "odd.jsonl"
    odd.write_text("\n".join(json.dumps({**row, "label": [1]}) for row in ROWS.to_dicts()))
    with pytest.raises(BabeliftError):
        compare([ROWS, odd])


def test_labels_that_one_side_never_saw_are_no_fault():
    rare = ROWS.with_columns(prediction=pl.Series(["c", "a", "a", "b"]))
    assert compare([ROWS, rare]).labels == ("a", "b", "c")
