"""What a run shows, in sentences made by rules: effect and interval first, nothing exaggerated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from babelift.report.cautions import cautions
from babelift.report.numbers import (
    counted,
    language_name,
    listed,
    names,
    share,
    with_interval,
)
from babelift.report.records import Manifest, Metrics, check
from babelift.report.results import results


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the summary.

    Attributes:
        kind: The `answer`, a `result` beside it, or a `caution` to read both with.
        text: Plain text.
    """

    kind: Literal["answer", "result", "caution"]
    text: str


def summary_sentences(
    manifest: Mapping[str, Any] | Manifest,
    metrics: Mapping[str, Any] | Metrics,
    log: Sequence[Mapping[str, Any]] = (),
) -> list[str]:
    """The summary of a run as plain sentences, the answer first.

    Args:
        manifest: What `manifest.json` holds.
        metrics: What `metrics.json` holds.
        log: Lines of `log.jsonl`; without them nothing is said of OTC.

    Raises:
        RunError: Manifest or metrics lack something or hold the wrong kind of value.
    """
    return [finding.text for finding in findings(manifest, metrics, log)]


def findings(
    manifest: Mapping[str, Any] | Manifest,
    metrics: Mapping[str, Any] | Metrics,
    log: Sequence[Mapping[str, Any]] = (),
) -> list[Finding]:
    """As `summary_sentences`, each sentence with its kind.

    Raises:
        RunError: As `summary_sentences`.
    """
    run = check(Manifest, manifest, "manifest.json")
    scores = check(Metrics, metrics, "metrics.json")
    return [
        *(Finding("answer", text) for text in answer(run, scores)),
        *(Finding("result", text) for text in results(scores, log)),
        *(Finding("caution", text) for text in cautions(run, scores)),
    ]


def title(manifest: Manifest) -> str:
    """A headline: from which languages into which.

    >>> title(Manifest(**{"from": ["en"], "to": ["de", "ja"]}))
    'From English into German and Japanese'
    """
    sources = names(manifest.from_ or list(manifest.data.get("train", {})))
    if not sources:
        return "A classifier and how well it works"
    translated = any(manifest.trained_on(lang).keys() - {"original"} for lang in manifest.to)
    if manifest.to and (translated or "train" not in manifest.data):
        return f"From {sources} into {names(manifest.to)}"
    return f"Trained on {sources}, without translation"


def trained_on(manifest: Manifest) -> str:
    """What the classifier was trained on, in words; empty where the manifest does not say."""
    train = manifest.data.get("train", {})
    originals = {lang: n for lang in train if (n := train[lang].get("original", 0))}
    if not originals:
        return ""
    rows = sum(originals.values())
    if len(originals) == 1:
        text = f"{rows:,} {language_name(next(iter(originals)))} {'row' if rows == 1 else 'rows'}"
    else:
        text = f"{counted(rows, 'row')} in {names(list(originals))}"
    for origin, what in (
        ("machine", "machine"),
        ("reference", "reference"),
        ("roundtrip", "round-trip"),
    ):
        into = [lang for lang in train if train[lang].get(origin)]
        if into:
            count = sum(train[lang][origin] for lang in into)
            text += f" and {counted(count, what + ' translation')} of them into {names(into)}"
    return text


def answer(manifest: Manifest, metrics: Metrics) -> list[str]:
    """The scores: first where originals were seen, then translations only, then nothing."""
    seen = trained_on(manifest)
    opening = f"Trained on {seen}, the classifier" if seen else "The classifier"
    if not metrics.languages:
        return [f"{opening} was not tested: there were no test rows, so its quality is not known."]
    groups = _groups(manifest, metrics)
    sentences = []
    for number, (how, langs) in enumerate(groups):
        subject = opening if number == 0 else "It"
        sentences.append(f"{subject} {_scores(metrics, langs, how if seen else '')}.")
    sentences.append(
        "F1-micro is the share of test rows given the right label; brackets hold 95 % bootstrap "
        "intervals."
    )
    return sentences


def _groups(manifest: Manifest, metrics: Metrics) -> list[tuple[str, list[str]]]:
    originals: list[str] = []
    translations: list[str] = []
    unseen: list[str] = []
    for lang in metrics.languages:
        seen = manifest.trained_on(lang)
        (originals if "original" in seen else translations if seen else unseen).append(lang)
    groups = [
        ("it saw in the original", originals),
        ("it saw only in translation", translations),
        ("it did not see in training", unseen),
    ]
    return [(seen, langs) for seen, langs in groups if langs]


def _scores(metrics: Metrics, langs: list[str], seen: str) -> str:
    def one(lang: str) -> str:
        scores = metrics.languages[lang]
        return with_interval(scores.f1_micro, scores.f1_micro_interval)

    which = f", which {seen}" if seen else ""
    if len(langs) <= 2:
        each = listed([f"{one(lang)} in {language_name(lang)}" for lang in langs])
        return f"reaches F1-micro {each}{which}"
    known = [lang for lang in langs if metrics.languages[lang].f1_micro is not None]
    if not known:
        return f"has no known F1-micro in {names(langs)}{which}"
    ranked = sorted(known, key=lambda lang: metrics.languages[lang].f1_micro or 0.0)
    mean = sum(metrics.languages[lang].f1_micro or 0.0 for lang in known) / len(known)
    low, high = ranked[0], ranked[-1]
    where = f" {seen}" if seen else ""
    return (
        f"averages F1-micro {share(mean)} over the {len(known)} languages{where}: from {one(low)} "
        f"in {language_name(low)} to {one(high)} in {language_name(high)}"
    )
