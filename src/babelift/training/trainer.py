"""Train one classifier on originals and their translations."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from babelift.cluster.launched import make_accelerator
from babelift.config import Training
from babelift.errors import ConfigError
from babelift.hub import quietly
from babelift.precision import choose_precision
from babelift.progress import Progress, quiet
from babelift.redaction import identified, shown
from babelift.store import replace_folder, write_rows
from babelift.training import data
from babelift.training.checkpoint import Checkpoints, State
from babelift.training.cuts import Cut, count_cuts, cut_sentences
from babelift.training.data import TokenCache, ids_digest, weights_digest
from babelift.training.encoder import NO_LIMIT, Encoder, default_epochs, load_encoder
from babelift.training.learner import Learner, Plan
from babelift.training.log import (
    Encode,
    Log,
    TrainResult,
    read_vectors,
    sample_pairs,
    vectors_frame,
)
from babelift.training.loop import Loop
from babelift.training.objective import Objective, class_weights
from babelift.training.pooling import Reads, chosen_pooling
from babelift.training.sampler import PairSampler, parse_ratio, shuffled_pairs
from babelift.training.vocabulary import (
    narrow,
    plain_embedding,
    trim_model,
    trim_tokenizer,
    widen,
)

WINDOW: Final = 16
"""Batches among which texts of like length are put together."""

SHARED_WINDOW: Final = 8
"""The same, of batches that arms share."""


def train_classifier(
    rows: pl.DataFrame,
    validation: pl.DataFrame | None,
    settings: Training,
    *,
    labels: Sequence[str],
    run_dir: Path,
    progress: Progress | None = None,
    pairs: pl.DataFrame | None = None,
    keep_texts: Sequence[str] = (),
    say: Callable[[str], object] | None = None,
    shared_batches: bool = False,
) -> TrainResult:
    """Fine-tune an encoder with a classification head; goes on where it was interrupted.

    Writes into `run_dir`: `model/`, a folder that transformers opens by itself; `checkpoints/`;
    `log.jsonl`, to which it appends; and `data/vectors.parquet`, vectors of some pairs before and
    after. Called again with the same arguments it goes on from the last checkpoint and ends with
    the same weights, bit by bit on a CPU; a finished training returns at once.

    With validation rows the weights with the best mean F1-micro over their languages are kept,
    else the last.

    Args:
        rows: Originals and translations (columns as in `corpus.rows.SCHEMA`); a translation's
            `original_id` is the `id` of its original.
        validation: Rows to choose the weights by, or None.
        settings: How to train.
        labels: Label names, in the order of their ids.
        run_dir: The run's folder; made if missing.
        progress: Where progress is shown.
        pairs: Originals and translations for vectors.parquet, for arms that train on originals
            alone; by default those of `rows`. Where there are none the file is not written.
        keep_texts: Texts beside `rows` and `validation` whose tokens a trimmed vocabulary keeps.
        say: Is called before training with each sentence that a user must know; the progress's
            own if absent.
        shared_batches: Whether the originals of a batch must be the same whatever translations
            there are, as for arms that are compared; else batches pad less.

    Raises:
        ConfigError: Settings that do not go together.
        DataError: Rows that cannot be used.
        ModelError: The encoder cannot be found or opened.
        RunError: `run_dir` holds another training.
        NonFiniteLossError: The loss is NaN or infinite.
        TrainingError: A file cannot be written, or not even one text fits into memory.
        KeyboardInterrupt: Ctrl-C, after a checkpoint was written.
    """
    if len(labels) < 2:
        raise ConfigError(f"a classifier needs at least two labels. Got {list(labels)}.")
    frames = {"training": rows}
    if validation is not None and validation.height:
        frames["validation"] = validation
    for what, frame in frames.items():
        data.require_texts(frame, what)
    plain = settings.model_dump(mode="json", include=set(Training.model_fields))
    identity = {
        "settings": {name: identified(value) for name, value in plain.items()},
        "labels": list(labels),
        "data": data.digest(rows, frames.get("validation")),
        "kept texts": ids_digest(keep_texts),
    }
    checkpoints = Checkpoints(run_dir / "checkpoints", identity)
    if checkpoints.result is not None and (run_dir / "model" / "config.json").is_file():
        return TrainResult.of(checkpoints.result)
    looked_at = rows if pairs is None else pairs
    if settings.otc_pairs == "shuffled":
        frames["training"] = shuffled_pairs(rows, seed=settings.seed)
    progress = progress or quiet()
    # The caller's random numbers stay as they were.
    devices: list[Any] = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        return _train(
            frames,
            settings,
            labels,
            run_dir,
            checkpoints,
            progress,
            sample_pairs(looked_at, seed=settings.seed),
            keep_texts,
            say or progress.say,
            shared_batches,
        )


def _train(
    frames: dict[str, pl.DataFrame],
    settings: Training,
    labels: Sequence[str],
    run_dir: Path,
    checkpoints: Checkpoints,
    progress: Progress,
    pairs: pl.DataFrame,
    keep_texts: Sequence[str],
    say: Callable[[str], object],
    shared_batches: bool,
) -> TrainResult:
    accelerator, rows = make_accelerator(), frames["training"]
    with accelerator.main_process_first():
        encoder = load_encoder(
            settings.encoder,
            labels,
            seed=settings.seed,
            texts=rows["text"].to_list(),
            documents=data.numbers(rows["group_id"]),
            tokenizer_folder=checkpoints.tokenizer,
        )
    pooling, note = chosen_pooling(settings.pooling, encoder.pooling, otc=settings.otc)
    if note and accelerator.is_main_process:
        say(note)
    if accelerator.device.type == "cpu":
        # Fused attention's backward pass is slow there: with it, six layers of 384 units take
        # 1.7 times as long to fine-tune.
        with quietly():  # it warns of DeBERTa, which has no other
            encoder.model.set_attn_implementation("eager")
    initial = weights_digest(encoder.model)
    tokenizer = encoder.tokenizer
    longest = int(tokenizer.model_max_length)
    max_length, most = min(settings.max_length, longest), longest if longest < NO_LIMIT else None
    prepared: dict[str, data.Rows] = {}
    cuts: tuple[Cut, ...] = ()
    for what, frame in frames.items():
        part = data.prepare(frame, labels, tokenizer, max_length=max_length, what=what)
        prepared[what] = part
        split = {"training": "train"}.get(what, what)
        cuts += count_cuts(frame, part.tokens.lost, limit=max_length, most=most, split=split)
    train, valid = prepared["training"], prepared.get("validation")
    lengths = None if shared_batches else train.tokens.lengths
    sampler = make_sampler(rows, settings, accelerator.num_processes, lengths)
    if accelerator.is_main_process:
        for sentence in cut_sentences(cuts):
            say(sentence)
    trimmed = None
    if settings.trim_vocabulary:
        # Before training, so that what cannot be trimmed ends the run.
        plain_embedding(encoder.model)
        texts = [text for frame in frames.values() for text in frame["text"]]
        trimmed = trim_tokenizer(tokenizer, [*texts, *keep_texts])
    narrow(encoder.model, train.tokens.used)
    plan = _plan(encoder, settings, sampler.steps_per_epoch, accelerator.device, pooling)
    objective = _objective(encoder, settings, train.labels, len(labels))
    learner = Learner(accelerator, encoder.model, objective, train, settings, plan)
    loop = Loop(accelerator, learner, sampler, train, valid, settings, plan.steps, checkpoints)

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return learner.vectors(TokenCache(tokenizer, texts, max_length))

    main = accelerator.is_main_process
    picture = run_dir / "data" / "vectors.parquet"
    saved = checkpoints.latest()
    before = _picture_before(picture, pairs, encode, resumed=saved is not None) if main else None
    if saved is not None:
        loop.resume(*saved)
        progress.say(f"Going on from the checkpoint of update {saved[0].step} of {plan.steps}.")
    state, resumed_from = loop.state, saved and saved[0].step
    log_file = run_dir / "log.jsonl"
    with (
        Log(log_file, step=state.step, validated=state.validated) if main else nullcontext()
    ) as log:
        loop.run(log, progress)
    if state.best_step not in (0, state.step):
        learner.load_weights(checkpoints.best(state.best_step))
    after = vectors_frame(pairs, "after", encode) if main else None
    widen(encoder.model)
    if trimmed is not None:
        trim_model(encoder.model, trimmed.kept)
        encoder = replace(encoder, tokenizer=trimmed.tokenizer)
    result = _result(encoder, initial, sampler, train, plan, state, resumed_from, cuts)
    if before is not None and after is not None:
        if pairs.height:
            write_rows(pl.concat([before, after]), picture)
        _save_model(encoder, run_dir / "model", max_length)
        checkpoints.finish(result.to_dict())
    accelerator.wait_for_everyone()
    return result


def _result(
    encoder: Encoder,
    initial: str,
    sampler: PairSampler,
    rows: data.Rows,
    plan: Plan,
    state: State,
    resumed_from: int | None,
    cuts: tuple[Cut, ...],
) -> TrainResult:
    return TrainResult(
        encoder=shown(encoder.name),
        license=encoder.license,
        parameters=sum(weight.numel() for weight in encoder.model.parameters()),
        vocabulary=len(encoder.tokenizer),
        steps=state.step,
        epochs=round(state.step / sampler.steps_per_epoch, 2),
        best_step=state.best_step or state.step,
        originals=len(sampler.originals),
        translations=len(rows.ids) - len(sampler.originals),
        unpaired=sampler.unpaired,
        recycled=state.recycled,
        unpaired_steps=state.unpaired_steps,
        precision="bf16" if plan.bf16 else "fp32",
        seconds=round(state.seconds, 3),
        resumed_from=resumed_from,
        batch_originals=sampler.batch_originals,
        batch_translations=sampler.batch_translations,
        learning_rate=plan.learning_rate,
        stopped_early=state.stopped_early,
        tokens=state.tokens,
        truncated=rows.tokens.truncated,
        cuts=cuts,
        initial_weights=initial,
        order=ids_digest([rows.ids[row] for row in sampler.first_order().tolist()]),
        validation=state.best_score if state.best_step else None,
        parts=state.parts,
        pooling=plan.pooling,
    )


def make_sampler(
    rows: pl.DataFrame, settings: Training, processes: int, lengths: NDArray[np.int64] | None
) -> PairSampler:
    """The batches of a training.

    Args:
        rows: Originals and translations.
        settings: How to train.
        processes: How many train together.
        lengths: `(rows,)` tokens of each text; None for batches that all arms share.

    Raises:
        ConfigError: A batch has fewer originals than there are processes.
    """
    sampler = PairSampler.from_rows(
        rows,
        ratio=parse_ratio(settings.ratio),
        batch_size=settings.batch_size,
        seed=settings.seed,
        window=SHARED_WINDOW if lengths is None else WINDOW,
        lengths=lengths,
    )
    if sampler.least_originals < processes:
        raise ConfigError(
            f"a batch of {sampler.least_originals} originals cannot be shared by {processes} "
            "processes.",
            "Use a larger --batch-size or fewer processes.",
        )
    return sampler


def _plan(
    encoder: Encoder, settings: Training, per_epoch: int, device: torch.device, pooling: Reads
) -> Plan:
    epochs = settings.epochs or default_epochs([settings.encoder], per_epoch)
    return Plan(
        steps=settings.steps or epochs * per_epoch,
        learning_rate=settings.learning_rate or encoder.learning_rate,
        bf16=choose_precision(settings.precision, device) == "bf16",
        pooling=pooling,
    )


def _objective(
    encoder: Encoder, settings: Training, labels: torch.Tensor, classes: int
) -> Objective:
    weights = class_weights(labels.tolist(), classes) if settings.class_weights else None
    torch.manual_seed(settings.seed)
    return Objective(settings, encoder.model.config.hidden_size, weights)


def _picture_before(
    path: Path, pairs: pl.DataFrame, encode: Encode, *, resumed: bool
) -> pl.DataFrame:
    """The pairs' vectors with the initial weights; where training is resumed, those of before."""
    known = read_vectors(path) if resumed else None
    if known is not None:
        known = known.filter(pl.col("stage") == "before")
        if known.select("original_id", "lang").equals(pairs.select("original_id", "lang")):
            return known
    before = vectors_frame(pairs, "before", encode)
    if pairs.height:
        write_rows(before, path)
    return before


def _save_model(encoder: Encoder, folder: Path, max_length: int) -> None:
    """Write the folder that transformers opens; a kill leaves none or a whole one.

    What is longer than any text that was learnt from is cut in use too, here and by transformers.
    """
    encoder.tokenizer.model_max_length = max_length

    def write(partial: Path) -> None:
        with quietly():
            encoder.model.save_pretrained(partial)
            encoder.tokenizer.save_pretrained(partial)

    replace_folder(folder, write)
