"""The job behind `babelift export`: a run in, a folder out that runs without torch."""

import shutil
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

import polars as pl

from babelift import __version__
from babelift.config import ExportConfig
from babelift.corpus import read_corpus, report_rejects
from babelift.deploy.graph import quantize, write_graph
from babelift.deploy.parity import fallen, measure_parity
from babelift.errors import ConfigError, ModelError, ParityError, RunError, require
from babelift.hub import most_positions
from babelift.prediction.model import EXPORT, OpenModel, find_model, model_identity, open_classifier
from babelift.prediction.onnx import GRAPH, TOKENS, Export, OnnxPredictor, Parity
from babelift.prediction.predictor import Predictor
from babelift.prediction.views import VIEW
from babelift.progress import Progress, quiet
from babelift.report.numbers import language_name, share
from babelift.store import (
    claim_folder,
    file_hash,
    read_record,
    read_table,
    replace_folder,
    write_record,
)

_PACKAGES: Final = ("torch", "transformers", "onnx", "onnxruntime", "onnxscript")


def export(
    model: str | Path,
    out: str | Path,
    *,
    precision: Literal["float32", "int8"] = "float32",
    data: str | Path | tuple[str | Path, ...] = (),
    parity: float = 0.995,
    force: bool = False,
    progress: Progress | None = None,
    **table: Any,
) -> Export:
    """Write a classifier as an ONNX graph, and hold it to the labels that it gave.

    Args:
        model: Run folder, model folder or hub id.
        out: Folder to write. One that holds this very export already is left as it is.
        precision: `float32`, or `int8`: smaller, and seldom at parity.
        data: Tables that both are compared on; a run's test rows if absent.
        parity: Share of rows of each language that must get the same label, level ones apart.
        force: Write it also where a language has fallen below, and mark it so.
        progress: Where progress is shown.
        **table: What the tables' columns are called, as in `config.Table`.

    Returns:
        What was written, with the comparison.

    Raises:
        ParityError: A language has fallen below `parity`; nothing is written.
        ConfigError: There is nothing to compare on, or a setting is not allowed.
        MissingDependencyError: The extra `export` is not installed.
        ModelError: The model cannot be opened or exported.
        RunError: The folder holds something else.
    """
    files = (data,) if isinstance(data, str | Path) else data
    values = {
        "model": str(model), "out": str(out), "precision": precision, "parity": parity,
        "force": force, "input": tuple(map(str, files)), **table,
    }  # fmt: skip
    return run_export(ExportConfig.from_mapping(values, where="export"), progress)


def run_export(config: ExportConfig, progress: Progress | None = None) -> Export:
    """Do the job of `export`.

    Raises:
        BabeliftError: As `export`.
    """
    progress = progress or quiet()
    if not config.model:
        raise ConfigError("no model was given.", "Name a run folder, a model folder or a hub id.")
    if config.out is None:
        raise ConfigError("no folder to write was given.", "Name one: --out exports/reviews")
    require("an export", "export", "onnx", "onnxruntime", "onnxscript")
    out = config.out
    with claim_folder(out, (), marker=EXPORT, inputs=[*config.input, config.model]):
        of = model_identity(config.model)
        if (out / EXPORT).is_file():
            return _there(out, of, config, progress)
        rows, tested = _rows(config, progress)
        opened = open_classifier(config.model)
        with TemporaryDirectory() as temporary:
            place = Path(temporary) / "export"
            place.mkdir()
            graph = place / GRAPH
            progress.say("writing the graph")
            write_graph(opened, graph)
            if config.precision == "int8":
                progress.say("rounding it to 8 bits")
                whole = graph.rename(graph.with_name("float32.onnx"))
                quantize(whole, graph)
                whole.unlink()
            _write_tokens(opened, place / TOKENS)
            written = Export(
                babelift=__version__,
                to="onnx",
                precision=config.precision,
                labels=tuple(opened.labels),
                max_length=opened.max_length,
                most=most_positions(opened.model),
                pad=opened.tokenizer.pad_token_id,
                padding_side=opened.tokenizer.padding_side,
                at_parity=True,
                parity=config.parity,
                languages=(),
                tested=tested,
                of=of,
                sha256=file_hash(graph),
                versions={name: version(name) for name in _PACKAGES},
            )
            original, exported = Predictor(opened), OnnxPredictor(place, written)
            texts = rows["text"].to_list()
            before = original.predict_proba(texts, progress=progress)
            after = exported.predict_proba(texts, progress=progress)
            languages = measure_parity(rows, opened.labels, before, after)
            below = fallen(languages, config.parity)
            if below and not config.force:
                raise _refused(below, config)
            written = written.model_copy(
                update={"languages": tuple(languages), "at_parity": not below}
            )
            write_record(written, place / EXPORT)
            judged = find_model(config.model) / VIEW
            if judged.is_file():
                shutil.copyfile(judged, place / VIEW)
            (place / "README.md").write_text(readme(written), encoding="utf-8")
            replace_folder(out, lambda partial: shutil.copytree(place, partial))
    return written


def _write_tokens(opened: OpenModel, file: Path) -> None:
    fast = getattr(opened.tokenizer, "backend_tokenizer", None)
    if fast is None:
        raise ModelError(
            f"the tokenizer of model '{opened.name}' is not one of the library 'tokenizers'.",
            "Only those run without transformers; named encoders have one.",
        )
    fast.save(str(file))


def _there(out: Path, of: str, config: ExportConfig, progress: Progress) -> Export:
    """The export that is there already, where it is the one that is asked for.

    Raises:
        RunError: It is another.
    """
    known = read_record(out / EXPORT, Export)
    if (known.of, known.to, known.precision) != (of, config.to, config.precision):
        raise RunError(
            f"'{out}' holds another export: {known.precision}, of "
            f"{'this' if known.of == of else 'another'} model.",
            "Choose another --out.",
        )
    if fallen(known.languages, config.parity) and not config.force:
        raise _refused(fallen(known.languages, config.parity), config)
    progress.say(f"{out} is complete already; nothing was changed.")
    return known


def _rows(config: ExportConfig, progress: Progress) -> tuple[pl.DataFrame, str]:
    """The rows that both are compared on, and where they are from."""
    if config.input:
        read = read_corpus(config.input, config, labelled=False)
        report_rejects(read, None, config.max_rejects, progress)
        return read.rows, ", ".join(Path(name).name for name in config.input)
    table = Path(config.model).expanduser() / "data" / "test.parquet"
    if not table.is_file():
        raise ConfigError(
            f"'{config.model}' has no test rows to compare the export on.",
            "Name a table of texts like those that it will label: --input new.csv",
        )
    return read_table(table), "the run's test rows"


def _refused(below: list[Parity], config: ExportConfig) -> ParityError:
    listed = "; ".join(
        f"{language_name(one.lang)} {one.equal:,} of {one.rows - one.level:,} rows "
        f"({one.share:.2%})"
        for one in below
    )
    instead = (
        "Take --precision float32, a lower --parity"
        if config.precision == "int8"
        else "Take a lower --parity"
    )
    return ParityError(
        f"the export gives other labels than its original. The same label got: {listed}; asked "
        f"for were {config.parity:.2%}.",
        f"{instead}, or --force, which writes it and marks it as not at parity. Nothing was "
        "written.",
    )


def parity_lines(written: Export) -> list[str]:
    """The comparison as a table in Markdown."""
    lines = [
        "| Language | Rows | Level | Same label | 95 % interval | Largest change of a probability "
        "| Accuracy before | after |",
        "|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for one in written.languages:
        low, high = one.interval
        accuracy = ["–" if value is None else share(value, 3) for value in (one.before, one.after)]
        lines.append(
            f"| {language_name(one.lang)} | {one.rows:,} | {one.level:,} | {one.share:.2%} "
            f"| {low:.2%} to {high:.2%} | {share(one.change, 4)} | {' | '.join(accuracy)} |"
        )
    return lines


_SNIPPET: Final = """import json

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder = "path/to/this/folder"
export = json.load(open(f"{folder}/export.json", encoding="utf-8"))
tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.enable_padding()
if export["max_length"]:
    tokenizer.enable_truncation(export["max_length"])
session = onnxruntime.InferenceSession(f"{folder}/model.onnx")


def classify(texts):
    encoded = tokenizer.encode_batch(texts)
    ids = np.array([text.ids for text in encoded], dtype=np.int64)
    mask = np.array([text.attention_mask for text in encoded], dtype=np.int64)
    [logits] = session.run(None, {"input_ids": ids, "attention_mask": mask})
    return [export["labels"][best] for best in logits.argmax(axis=1)]


print(classify(["Sehr gut!"]))"""


def readme(written: Export) -> str:
    """The README of an export: what it is, how to use it, how it agrees with its original."""
    verdict = (
        f"Each language gives the label of the original for at least {written.parity:.1%} of the "
        "rows."
        if written.at_parity
        else f"**It is not at parity**: in some languages fewer than {written.parity:.1%} of the "
        "rows get the label of the original."
    )
    made_by = ", ".join(f"{name} {number}" for name, number in written.versions.items())
    return "\n".join(
        [
            "# A text classifier as an ONNX graph",
            "",
            f"Labels: {', '.join(written.labels)}. Precision: {written.precision}. Made with "
            f"Babelift {written.babelift} ({made_by}).",
            "",
            "## Use",
            "",
            "    babelift predict path/to/this/folder new.csv --out labelled.csv",
            "",
            "Without Babelift and torch, with `pip install onnxruntime tokenizers numpy`:",
            "",
            "```python",
            _SNIPPET,
            "```",
            "",
            f"## Parity, on {written.tested}",
            "",
            verdict,
            "",
            *parity_lines(written),
            "",
            "Rows whose two best labels lay within rounding in the original are level, and counted "
            "apart.",
            "",
        ]
    )
