import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch

from babelift.errors import ConfigError, DataError, NonFiniteLossError, RunError
from babelift.training.learner import schedule
from babelift.training.log import TrainResult
from babelift.training.trainer import train_classifier


def log_of(folder: Path, kind: str = "step") -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


@pytest.fixture
def train(tmp_path, rows_of, labels, quick) -> Callable[..., TrainResult]:
    def run(*, rows=None, validation=None, pairs=None, folder=tmp_path, **changes) -> TrainResult:
        return train_classifier(
            rows_of(24) if rows is None else rows,
            validation,
            quick(**changes),
            labels=labels,
            run_dir=folder,
            pairs=pairs,
        )

    return run


def test_transformers_opens_the_result_without_babelift_and_it_has_learnt(train, rows_of, tmp_path):
    from transformers import pipeline

    result = train(rows=rows_of(60), epochs=10, otc=False)
    classify = pipeline("text-classification", model=str(tmp_path / "model"))
    held_out = rows_of(12, first=100)
    found = [answer["label"] for answer in classify(held_out["text"].to_list())]
    right = sum(one == two for one, two in zip(found, held_out["label"], strict=True))
    assert right / held_out.height > 0.9
    assert set(found) == {"bad", "good"}
    assert (result.originals, result.translations, result.unpaired) == (60, 120, 0)
    assert (result.batch_originals, result.batch_translations) == (4, 4)
    assert (result.steps, result.epochs, result.best_step) == (150, 10.0, 150)
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_table_of_few_rows_is_read_until_the_updates_are_enough(train, rows_of):
    result = train(rows=rows_of(8), epochs=None)
    assert (result.steps, result.epochs) == (80, 40.0)


def test_every_update_is_logged(train, tmp_path):
    result = train()
    steps = log_of(tmp_path)
    assert [line["step"] for line in steps] == list(range(1, result.steps + 1))
    assert [line["epoch"] for line in steps] == [1] * 6 + [2] * 6
    for line in steps:
        assert line["loss"] == pytest.approx(line["ce"] + 0.4 * line["otc"], rel=1e-5)
        assert -1 <= line["positive_cosine"] <= 1
        assert 0 <= line["retrieval_at_1"] <= 1
        assert line["rows_per_second"] > 0
        assert line["gradient_norm"] > 0
    assert result.tokens > 0


def test_otc_brings_translations_to_their_originals(train, tmp_path):
    train(folder=tmp_path / "with", epochs=15)
    train(folder=tmp_path / "without", epochs=15, otc=False)
    frames = {
        name: pl.read_parquet(tmp_path / name / "data" / "vectors.parquet")
        for name in ("with", "without")
    }
    last = {name: log_of(tmp_path / name)[-6:] for name in frames}
    rate = {
        name: sum(line["retrieval_at_1"] for line in lines) / len(lines)
        for name, lines in last.items()
    }
    assert rate["with"] > rate["without"]
    for frame in frames.values():
        assert frame.group_by("stage", "lang").len()["len"].to_list() == [24] * 4
        lengths = frame["original"].list.eval(pl.element() ** 2).list.sum()
        assert ((lengths - 1).abs() < 1e-4).all()
    before = [frame.filter(pl.col("stage") == "before") for frame in frames.values()]
    assert before[0].equals(before[1])


def test_the_best_validated_weights_are_kept(train, rows_of, tmp_path):
    result = train(validation=rows_of(12, first=50), epochs=6)
    validations = log_of(tmp_path, "validation")
    assert [line["step"] for line in validations] == [6, 12, 18, 24, 30, 36]
    best = max(validations, key=lambda line: line["mean"])
    assert result.best_step == best["step"]
    assert result.validation == best["mean"]
    assert set(best["f1_micro"]) == {"en", "de", "ja"}
    assert best["mean"] == pytest.approx(sum(best["f1_micro"].values()) / 3)
    running = 0.0
    for line in validations:
        assert line["best"] == (line["mean"] > running)
        running = max(running, line["mean"])


def test_patience_stops_early(train, rows_of, tmp_path):
    result = train(validation=rows_of(12, first=50), epochs=40, patience=2, learning_rate=1e-8)
    assert result.stopped_early
    assert result.best_step == 6
    assert result.steps == 18
    assert len(log_of(tmp_path, "validation")) == 3


def test_arms_without_translations_make_the_same_number_of_updates(train, rows_of, tmp_path):
    paired = train(folder=tmp_path / "paired")
    alone = train(folder=tmp_path / "alone", rows=rows_of(24, to=()))
    assert alone.steps == paired.steps
    assert (alone.translations, alone.unpaired, alone.batch_translations) == (0, 0, 0)
    assert all(line["otc"] is None for line in log_of(tmp_path / "alone"))
    assert not (tmp_path / "alone" / "data" / "vectors.parquet").exists()


def test_pairs_for_the_picture_can_be_given_apart(train, rows_of, tmp_path):
    train(rows=rows_of(24, to=()), pairs=rows_of(10, to=("de",)))
    frame = pl.read_parquet(tmp_path / "data" / "vectors.parquet")
    assert frame.group_by("stage", maintain_order=True).len().rows() == [
        ("before", 10),
        ("after", 10),
    ]


def test_a_finished_training_returns_at_once(train, tmp_path):
    first = train()
    stamp = (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns
    assert train() == first
    assert (tmp_path / "model" / "model.safetensors").stat().st_mtime_ns == stamp
    assert len(log_of(tmp_path)) == first.steps


def test_other_settings_or_rows_in_the_same_folder_are_refused(train, rows_of, tmp_path):
    train()
    with pytest.raises(RunError, match=r"another training \(seed: 0 there, 1 now\)"):
        train(seed=1)
    with pytest.raises(RunError, match="other rows"):
        train(rows=rows_of(25))


def test_the_same_call_gives_the_same_weights(train, tmp_path):
    weights = []
    for name in ("one", "two"):
        train(folder=tmp_path / name)
        weights.append((tmp_path / name / "model" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"ratio": "1:2"},
        {"ratio": "2:1"},
        {"precision": "bf16"},
        {"pooling": "mean"},
        {"otc_form": "cosine"},
        {"otc_form": "mse"},
        {"otc_form": "kl", "otc_weight": 1.0},
        {"otc_pairs": "shuffled"},
        {"otc_pairs": "dropout"},
        {"otc_form": "kl", "otc_pairs": "dropout"},
        {"same_label": "positives"},
        {"otc_form": "supcon"},
        {"otc_form": "supcon", "otc_pairs": "dropout"},
        {"otc_projection": 8, "learn_temperature": True, "otc_warmup": 0.5},
        {"class_weights": True, "label_smoothing": 0.1},
        {"warmup": 0.0},
    ],
)
def test_every_option_trains(train, tmp_path, changes):
    result = train(steps=4, **changes)
    assert result.steps == 4
    assert all(line["loss"] > 0 for line in log_of(tmp_path))


def test_updates_without_a_pair_train_and_are_counted(train, rows_of, tmp_path):
    rows = rows_of(5, to=("de",)).filter(pl.col("id") != "r4@de")
    result = train(rows=rows, batch_size=2, epochs=2, steps=None)
    assert (result.unpaired, result.unpaired_steps, result.steps) == (1, 2, 10)
    assert [line["otc"] for line in log_of(tmp_path)].count(None) == 2


def test_a_class_without_rows_stays_possible(tmp_path, rows_of, quick):
    result = train_classifier(
        rows_of(12),
        None,
        quick(class_weights=True, label_smoothing=0.1),
        labels=["bad", "good", "never seen"],
        run_dir=tmp_path,
    )
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["id2label"]["2"] == "never seen"
    assert result.steps == 6


def test_long_texts_are_cut_and_counted(train, rows_of):
    long = rows_of(8).with_columns(
        pl.when(pl.col("id") == "r3")
        .then(pl.lit("number " * 15_000))
        .otherwise("text")
        .alias("text")
    )
    assert train(rows=long, steps=1).truncated == 1


def test_a_loss_that_is_not_finite_names_the_batch_and_keeps_the_checkpoint(
    train, rows_of, tmp_path, monkeypatch
):
    from babelift.training import learner

    whole = learner.Objective.forward
    calls = []

    def spoilt(self, *args, **named):
        calls.append(1)
        terms = whole(self, *args, **named)
        if len(calls) == 5:
            terms = terms._replace(loss=terms.loss * torch.nan)
        return terms

    monkeypatch.setattr(learner.Objective, "forward", spoilt)
    with pytest.raises(NonFiniteLossError) as caught:
        train(checkpoint_every=2)
    message = str(caught.value)
    assert "update 5 (epoch 1): the loss is not finite" in message
    assert "checkpoint of update 4 is kept" in message
    named = message.split("Rows of the batch: ")[1].split(".")[0].split(", ")
    assert len(named) == 8
    assert set(named) <= set(rows_of(24)["id"])
    assert (tmp_path / "checkpoints" / "step-000000004" / "state.json").is_file()
    monkeypatch.setattr(learner.Objective, "forward", whole)
    assert train(checkpoint_every=2).resumed_from == 4


def test_the_callers_random_numbers_are_left_alone(train):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train(steps=2)
    assert torch.equal(torch.rand(2), expected)


def test_hostile_rows_are_refused(train, rows_of, labels, quick, tmp_path):
    rows = rows_of(4)
    with pytest.raises(DataError, match=r"training rows: label 'ugly' is not one of 'bad', 'good'"):
        train(rows=rows.with_columns(pl.lit("ugly").alias("label")), folder=tmp_path / "1")
    with pytest.raises(DataError, match="validation rows: label None"):
        train(
            validation=rows.with_columns(pl.lit(None, dtype=pl.String).alias("label")),
            folder=tmp_path / "2",
        )
    with pytest.raises(DataError, match="has no text"):
        train(
            rows=rows.with_columns(pl.lit(None, dtype=pl.String).alias("text")),
            folder=tmp_path / "3",
        )
    with pytest.raises(DataError, match="no original"):
        train(rows=rows.clear(), folder=tmp_path / "4")
    with pytest.raises(ConfigError, match="at least two labels"):
        train_classifier(rows, None, quick(), labels=["bad"], run_dir=tmp_path / "5")
    with pytest.raises(ConfigError, match="learnt temperature"):
        train(learn_temperature=True, otc_form="mse", folder=tmp_path / "6")


def test_scratch_needs_no_encoder(train, tmp_path):
    result = train(encoder="scratch", learning_rate=None, epochs=None, steps=3)
    assert result.encoder == "scratch"
    assert result.learning_rate == 1e-3
    assert (tmp_path / "model" / "tokenizer.json").is_file()


def test_the_learning_rate_rises_then_falls_to_nothing():
    rates = [schedule(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1
    assert rates[-1] == pytest.approx(1 / 90)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert schedule(0, 1, 0.1) == 1
    assert [schedule(step, 2, 1.0) for step in (0, 1)] == [0.5, 1]
