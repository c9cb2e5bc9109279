"""What a run shows, in sentences made by rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from babelift.corpus.rows import PSEUDO
from babelift.evaluation.metrics import LanguageMetrics, Metrics
from babelift.report.cautions import apart, cautions
from babelift.report.numbers import (
    counted,
    language_name,
    listed,
    names,
    sentence,
    share,
    with_interval,
)
from babelift.run.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the summary.

    Attributes:
        kind: The `answer`, a `result` beside it, a `caution` to read both with, or a `note` on what
            became of the rows.
        text: Plain text.
    """

    kind: Literal["answer", "result", "caution", "note"]
    text: str


def findings(
    manifest: Manifest, metrics: Metrics, log: Sequence[Mapping[str, Any]] = ()
) -> list[Finding]:
    """The summary of a run, the answer first.

    Args:
        manifest: What was done.
        metrics: How well it went.
        log: Lines of `log.jsonl`; without them nothing is said of OTC.
    """
    return [
        *(Finding("answer", text) for text in answer(manifest, metrics)),
        *(Finding("result", text) for text in results(metrics, log)),
        *(Finding("caution", text) for text in cautions(manifest, metrics)),
        *(Finding("note", text) for text in notes(manifest)),
    ]


def notes(manifest: Manifest) -> list[str]:
    """What was guessed, left out or taken from earlier work, as it was said while it was done."""
    sentences = [sentence(note) for note in manifest.notes]
    tallies = [part.tally for part in (manifest.translation, manifest.translation_test) if part]
    remembered = sum(tally.from_memory for tally in tallies)
    if remembered:
        segments = sum(tally.segments for tally in tallies)
        sentences.append(
            f"{remembered:,} of {counted(segments, 'segment')} to translate came from the memory "
            "of earlier translations."
        )
    return sentences


def title(manifest: Manifest) -> str:
    """A headline: from which languages into which.

    >>> title(Manifest.unknown(from_=("en",), to=("de", "ja")))
    'From English into German and Japanese'
    """
    sources = names(manifest.from_ or list(manifest.data.get("train", {})))
    if not sources:
        return "A classifier and how well it works"
    learnt = any(manifest.trained_on(lang).keys() - {"original"} for lang in manifest.to)
    if manifest.to and (learnt or "train" not in manifest.data):
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
            text += f" and {counted(count, what + ' translation')} of them"
            text += f" into {names(into)}" if origin != "roundtrip" else ""
    labelled = {lang: n for lang in train if (n := train[lang].get(PSEUDO, 0))}
    if labelled:
        count = sum(labelled.values())
        text += (
            f" and {counted(count, 'row')} in {names(list(labelled))} that a first model labelled"
        )
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
        "F1-micro is the share of test rows given the right label; brackets hold 95 % intervals "
        "over test rows."
    )
    return sentences


def _groups(manifest: Manifest, metrics: Metrics) -> list[tuple[str, list[str]]]:
    originals: list[str] = []
    translations: list[str] = []
    pseudo: list[str] = []
    unseen: list[str] = []
    for lang in metrics.languages:
        seen = manifest.trained_on(lang)
        group = pseudo if PSEUDO in seen else translations if seen else unseen
        (originals if "original" in seen else group).append(lang)
    groups = [
        ("it saw in the original", originals),
        ("it saw only in translation", translations),
        ("it saw only with labels of a first model", pseudo),
        ("it did not see in training", unseen),
    ]
    return [(seen, langs) for seen, langs in groups if langs]


def _scores(metrics: Metrics, langs: list[str], seen: str) -> str:
    def score(lang: str) -> str:
        scores = metrics.languages[lang]
        return with_interval(scores.f1_micro, scores.f1_micro_interval)

    which = f", which {seen}" if seen else ""
    if len(langs) <= 2:
        each = listed([f"{score(lang)} in {language_name(lang)}" for lang in langs])
        return f"reaches F1-micro {each}{which}"
    ranked = sorted(langs, key=lambda lang: metrics.languages[lang].f1_micro)
    mean = sum(metrics.languages[lang].f1_micro for lang in langs) / len(langs)
    low, high = ranked[0], ranked[-1]
    where = f" {seen}" if seen else ""
    return (
        f"averages F1-micro {share(mean)} over the {len(langs)} languages{where}: from "
        f"{score(low)} in {language_name(low)} to {score(high)} in {language_name(high)}"
    )


FLAT = 0.05
"""A rise in in-batch retrieval@1 smaller than this counts as none."""


def results(metrics: Metrics, log: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every comparison that the files allow."""
    return [*chance(metrics), *baseline(metrics), *steps_off(metrics), *otc(log)]


def chance(metrics: Metrics) -> list[str]:
    """How the scores compare with always giving the most frequent test label."""
    below, unsure, clear = [], [], []
    for lang, scores in metrics.languages.items():
        level = scores.majority()
        both = f"{language_name(lang)} ({share(scores.f1_micro)} against {share(level)})"
        if scores.f1_micro <= level:
            below.append(both)
        elif scores.f1_micro_interval[0] <= level:
            unsure.append(both)
        else:
            clear.append(level)
    sentences = []
    if below:
        sentences.append(
            f"It does no better than always giving the most frequent test label in {listed(below)}."
        )
    if unsure:
        sentences.append(
            "It cannot be told from always giving the most frequent test label, whose score lies "
            f"inside the interval, in {listed(unsure)}."
        )
    if clear:
        where = (
            "in every language tested" if len(clear) > 1 else f"in {names(list(metrics.languages))}"
        )
        where = "in the other languages" if below or unsure else where
        span = " to ".join(sorted({share(min(clear)), share(max(clear))}))
        sentences.append(
            f"It does better than always giving the most frequent test label ({span}) {where}."
        )
    return sentences


def baseline(metrics: Metrics) -> list[str]:
    """How the encoder compares with the linear baseline."""
    both = {
        lang: (scores, metrics.linear[lang])
        for lang, scores in metrics.languages.items()
        if lang in metrics.linear
    }
    won, lost, won_clearly, lost_clearly = [], [], [], []
    for lang, (encoder, linear) in both.items():
        if encoder.f1_micro > linear.f1_micro:
            won.append(lang)
            won_clearly += [lang] if apart(encoder, linear) else []
        elif encoder.f1_micro < linear.f1_micro:
            lost.append(lang)
            lost_clearly += [lang] if apart(encoder, linear) else []
    if not both:
        return []
    if len(both) == 1:
        return [_one_baseline(*next(iter(both.items())))]
    every = len(both)
    text = f"It beats the linear baseline in {len(won)} of {every} languages"
    text += f" ({names(won)})" if 0 < len(won) < every else ""
    text += f", with intervals apart {_where(won_clearly, len(won))}." if won else "."
    if lost:
        text += f" The baseline is ahead in {names(lost)}"
        text += (
            f", with intervals apart {_where(lost_clearly, len(lost))}." if lost_clearly else "."
        )
    if not won_clearly and not lost_clearly:
        text += " No interval is apart from its rival's, so neither is shown to be better."
    return [text]


def _where(langs: list[str], of: int) -> str:
    if not langs:
        return "in none of them"
    return "in all of them" if len(langs) == of and of > 1 else f"in {names(langs)}"


def _one_baseline(lang: str, scores: tuple[LanguageMetrics, LanguageMetrics]) -> str:
    encoder, linear = scores
    score = with_interval(linear.f1_micro, linear.f1_micro_interval)
    verdict = "the intervals are apart" if apart(encoder, linear) else "the intervals overlap"
    return f"The linear baseline reaches {score} in {language_name(lang)}: {verdict}."


def steps_off(metrics: Metrics) -> list[str]:
    """For ordinal labels: how far off the predictions are."""
    errors = {
        lang: scores.mae for lang, scores in metrics.languages.items() if scores.mae is not None
    }
    if not metrics.ordinal or not errors:
        return []
    best, worst = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    if best == worst:
        return [f"Its labels are off by {share(errors[best])} on average (mean absolute error)."]
    return [
        f"Its labels are off by {share(errors[best])} ({language_name(best)}) to "
        f"{share(errors[worst])} ({language_name(worst)}) on average (mean absolute error)."
    ]


def otc(log: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whether OTC did anything in training: in-batch retrieval@1, first against last tenth."""
    steps = [
        entry
        for entry in log
        if entry.get("kind") == "step"
        and isinstance(entry.get("otc"), int | float)
        and isinstance(entry.get("retrieval_at_1"), int | float)
    ]
    values = [float(entry["retrieval_at_1"]) for entry in steps]
    if len(values) < 2:
        return []
    tenth = max(1, len(values) // 10)
    first, last = sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth
    change = f"{share(first)} at the start, {share(last)} at the end"
    if not any(entry["otc"] for entry in steps):
        return [
            "OTC had nothing to do: no batch had another pair to tell a pair from. Use a larger "
            "--batch-size."
        ]
    if all("ce" in entry and entry["ce"] == entry.get("loss") for entry in steps):
        return [f"OTC was switched off; in-batch retrieval was still watched ({change})."]
    if first >= 1 - FLAT and last >= 1 - FLAT:
        return [f"OTC had little to do: originals and translations already matched ({change})."]
    if abs(last - first) < FLAT:
        return [
            f"OTC had no visible effect in training: in-batch retrieval stayed flat ({change})."
        ]
    if last < first:
        return [f"OTC did not hold the pairs together: in-batch retrieval fell ({change})."]
    return [
        f"OTC drew originals and their translations together: in-batch retrieval rose ({change}). "
        "Whether that helped the scores only a run with --no-otc can tell."
    ]
