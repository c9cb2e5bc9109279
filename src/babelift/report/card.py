"""model/README.md: the model card, in the form that the Hugging Face hub reads."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from babelift.prediction.model import HUB_ID
from babelift.report import tables, words
from babelift.report.cautions import cautions
from babelift.report.folder import RunFiles, read_run
from babelift.report.render import environment
from babelift.run.manifest import Manifest
from babelift.store import write_text
from babelift.training.encoder import ENCODERS


def write_model_card(run_dir: str | Path) -> Path:
    """Write `model/README.md` into a run folder, from what stands in that folder.

    Returns:
        The file.

    Raises:
        RunError: A file of the run is missing or damaged, or the card cannot be written.
    """
    run = read_run(run_dir)
    return write_text(render_card(run), Path(run_dir) / "model" / "README.md")


def render_card(run: RunFiles) -> str:
    """The model card as Markdown."""
    templates = environment(autoescape=False)
    templates.filters["md"] = escaped
    manifest = run.manifest
    answers = [f.text for f in words.findings(manifest, run.metrics, run.log) if f.kind == "answer"]
    return templates.get_template("card.md.j2").render(
        front_matter=yaml.safe_dump(front_matter(manifest), sort_keys=False, allow_unicode=True),
        run=run,
        manifest=manifest,
        metrics=run.metrics,
        answers=answers,
        cautions=cautions(manifest, run.metrics),
        rows=tables.language_rows(manifest, run.metrics),
        trained_on=words.trained_on(manifest),
    )


def front_matter(manifest: Manifest) -> dict[str, Any]:
    """What the hub reads of a card: languages, licence, task, base model.

    >>> front_matter(Manifest.unknown(to=("de",)))["pipeline_tag"]
    'text-classification'
    """
    train = manifest.data.get("train", {})
    langs = list(dict.fromkeys([*manifest.from_, *(lang for lang in train if train[lang])]))
    fields: dict[str, Any] = {
        "language": langs or list(manifest.to),
        "license": card_license(manifest),
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "tags": ["babelift", "cross-lingual"],
    }
    base = base_model(manifest.training.encoder if manifest.training else "")
    return fields | ({"base_model": base} if base else {})


def base_model(encoder: str) -> str | None:
    """The hub id of an encoder; None for a folder, or one trained from scratch.

    >>> base_model("distilbert-multilingual")
    'distilbert/distilbert-base-multilingual-cased'
    >>> base_model("./my/model"), base_model("scratch"), base_model("intfloat/e5-small")
    (None, None, 'intfloat/e5-small')
    """
    if encoder in ENCODERS:
        return ENCODERS[encoder].hub_id
    owned = HUB_ID.fullmatch(encoder) and "/" in encoder
    return encoder if owned and not Path(encoder).exists() else None


def card_license(manifest: Manifest) -> str:
    """The licence id for the hub: the strictest that is known.

    A part that forbids commercial use decides, else the encoder's licence stands; `unknown` where
    there is none, as for an encoder trained from scratch, whose terms its maker sets.
    """
    barred: Sequence[str | None] = [entry.license for entry in manifest.barred()]
    encoder = manifest.training.license if manifest.training else None
    if barred:
        return (barred[0] or "other").lower()
    return (encoder or "unknown").lower()


def escaped(value: object) -> str:
    r"""Text that Markdown shows as it stands, on one line.

    >>> print(escaped("a|b <script>*x*"))
    a\|b \<script>\*x\*
    >>> print(escaped("1. [me](http://x)"), escaped("F1 .61 [.55, .67]"))
    1\. [me]\(http://x) F1 .61 [.55, .67]
    """
    line = " ".join(str(value).split())
    line = re.sub(r"([\\\\`*_<|~])", r"\\\1", line).replace("](", "]\\(")
    return re.sub(r"^(\d+)?([.)#+>-])", r"\1\\\2", line)
