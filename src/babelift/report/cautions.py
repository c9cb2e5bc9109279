"""What to read a run's scores with: the doubts that its files give reason for, in sentences."""

from babelift.evaluation.intervals import smallest_difference
from babelift.evaluation.metrics import LanguageMetrics, Metrics
from babelift.report.numbers import counted, language_name, listed, names, pair_name, percent, share
from babelift.run.manifest import Manifest
from babelift.training.cuts import cut_sentences
from babelift.translation.coverage import gap_sentences

FEW = 100
"""A test set of fewer rows is called small: at an accuracy of .5 its interval reaches .1 to a side,
and two models that are told apart on it differ by .2."""

MISCALIBRATED = 0.1
"""Calibration error from which probabilities are said not to be chances."""

FAULTY = 0.1
"""Share of a pair's translations with a fault from which a warning is given."""

_MOST_NAMED = 5


def cautions(manifest: Manifest, metrics: Metrics) -> list[str]:
    """Every doubt that applies, the gravest first."""
    return [
        *leakage(manifest),
        *doubted_labels(manifest),
        *rejected(metrics),
        *beaten(metrics),
        *cuts(manifest, metrics),
        *gap_sentences(manifest.label_gaps),
        *labels_tested(metrics),
        *test_origins(metrics),
        *small_tests(metrics),
        *calibration(metrics),
        *translation_quality(manifest),
        *unpaired(manifest),
        *licences(manifest),
        *one_seed(manifest, metrics),
    ]


def leakage(manifest: Manifest) -> list[str]:
    """Test rows that training saw too and that were left in."""
    audit = manifest.leakage
    repeated = audit.repeated.get("test", 0) if audit and audit.policy == "warn" else 0
    if not repeated:
        return []
    also = "also occurs" if repeated == 1 else "also occur"
    return [
        f"{counted(repeated, 'test row')} {also} in training or validation: the scores are likely "
        "too high."
    ]


def doubted_labels(manifest: Manifest) -> list[str]:
    """Training labels that look wrong, or why that was not looked for."""
    check = manifest.label_check
    if check is None:
        return []
    if check.doubted is None:
        return [
            f"{counted(check.rows, 'labelled row')} are too few to tell which labels look wrong."
        ]
    if not check.doubted:
        return []
    look = "looks" if check.doubted == 1 else "look"
    return [
        f"{check.doubted:,} of {counted(check.rows, 'training label')} {look} wrong beside the "
        "other rows; label_errors.csv has them, the likeliest errors first. Look at the first "
        "ones, mend what is wrong and train again."
    ]


def apart(one: LanguageMetrics, other: LanguageMetrics) -> bool:
    """Whether the F1-micro intervals of two models do not overlap."""
    (low, high), (other_low, other_high) = one.f1_micro_interval, other.f1_micro_interval
    return low > other_high or other_low > high


def beaten(metrics: Metrics) -> list[str]:
    """Languages in which the linear baseline does better by more than chance explains."""
    by = {
        lang: metrics.linear[lang].f1_micro - scores.f1_micro
        for lang, scores in metrics.languages.items()
        if lang in metrics.linear and apart(scores, metrics.linear[lang])
    }
    behind = {lang: gap for lang, gap in by.items() if gap > 0}
    if not behind:
        return []
    worst = sorted(behind, key=lambda lang: -behind[lang])
    shown = [f"{share(behind[lang])} in {language_name(lang)}" for lang in worst[:_MOST_NAMED]]
    more = len(worst) - _MOST_NAMED
    where = listed([*shown, f"less in {more} more"] if more > 0 else shown)
    return [
        f"A bag of words, the linear baseline, does better than this model by {where}. Look at the "
        "training before you use it: at texts that are cut, at the loss (log.jsonl), at --epochs "
        "and --learning-rate."
    ]


def labels_tested(metrics: Metrics) -> list[str]:
    """Languages whose test rows lack labels, and what that does to their scores."""
    sentences = []
    for lang in (lang for lang, scores in metrics.languages.items() if scores.one_class):
        confusion = metrics.languages[lang].confusion
        only = next(label for label, row in zip(metrics.labels, confusion, strict=True) if any(row))
        lost = (
            "F1-macro and QWK say nothing there and are"
            if metrics.ordinal
            else ("F1-macro says nothing there and is")
        )
        sentences.append(
            f"{language_name(lang)} has test rows of one label alone ({only}): {lost} left out of "
            f"the means, and F1-micro is the share of {only} that is recognised."
        )
    lacking = [
        f"{language_name(lang)} {len(metrics.labels) - scores.labels_tested} of "
        f"{len(metrics.labels)}"
        for lang, scores in metrics.languages.items()
        if 1 < scores.labels_tested < len(metrics.labels)
    ]
    if lacking:
        if (more := len(lacking) - _MOST_NAMED) > 0:
            lacking[_MOST_NAMED:] = [f"{counted(more, 'language')} more"]
        sentences.append(
            f"Some labels have no test row: {listed(lacking)}. F1-macro is over the labels that "
            "occur, so that languages with other labels do not compare."
        )
    return sentences


def rejected(metrics: Metrics) -> list[str]:
    """Test rows that could not be used, of a model measured by itself."""
    count = metrics.rejected
    were = "was" if count == 1 else "were"
    return [f"{counted(count, 'row')} {were} rejected and not tested on."] if count else []


def cuts(manifest: Manifest, metrics: Metrics) -> list[str]:
    """Texts that were longer than the model reads, in training and in the test."""
    learnt = manifest.training.cuts if manifest.training else ()
    return cut_sentences([*learnt, *metrics.cuts])


def test_origins(metrics: Metrics) -> list[str]:
    """Languages whose test text is not native."""
    sentences = []
    for origin, what in (
        ("machine", "tested on machine-translated text"),
        ("mixed", "tested partly on translated text"),
        ("roundtrip", "tested on text translated there and back"),
    ):
        langs = [lang for lang, scores in metrics.languages.items() if scores.origin == origin]
        if langs:
            sentences.append(f"{names(langs)}: {what}, which says little about native text.")
    langs = [lang for lang, scores in metrics.languages.items() if scores.origin == "reference"]
    if langs:
        sentences.append(
            f"{names(langs)}: tested on trusted translations, not on text written in the language."
        )
    return sentences


def small_tests(metrics: Metrics) -> list[str]:
    """Languages with few test rows, however well they went, and what such a test can show."""
    few = {lang: scores for lang, scores in metrics.languages.items() if _known(scores) < FEW}
    if not few:
        return []
    sets = listed([f"{language_name(lang)} ({_counted_rows(few[lang])})" for lang in few])
    needed = [smallest_difference(scores.f1_micro, _known(scores)) for scores in few.values()]
    seen = [difference for difference in needed if difference is not None]
    by = f"{'' if len(seen) == 1 else 'up to '}{share(max(seen, default=None))}"
    return [
        f"Small test sets: {sets}. Two models, each tested on so many rows of its own, "
        + (
            f"must differ by {by} to be told apart four times in five"
            if len(seen) == len(needed)
            else "cannot be told apart four times in five, however they differ"
        )
        + "; on the same rows somewhat less will do (see babelift compare)."
    ]


def _known(scores: LanguageMetrics) -> float:
    """Independent test rows; those of one item are worth fewer than they are."""
    return scores.rows if scores.effective_rows is None else scores.effective_rows


def _counted_rows(scores: LanguageMetrics) -> str:
    rows, known = counted(scores.rows, "row"), round(_known(scores))
    return rows if known == scores.rows else f"{rows}, which know as much as {known:,} of their own"


def calibration(metrics: Metrics) -> list[str]:
    """Languages whose probabilities should not be read as chances."""
    errors = {
        lang: scores.calibration_error
        for lang, scores in metrics.languages.items()
        if scores.calibration_error is not None and scores.calibration_error > MISCALIBRATED
    }
    if not errors:
        return []
    worst = max(errors, key=errors.__getitem__)
    every = len(errors) == len(metrics.languages) > 1
    where = "in any language tested" if every else f"in {names(list(errors))}"
    return [
        f"Its probabilities cannot be read as chances {where}: on average they miss the share of "
        f"right labels by up to {share(errors[worst])} ({language_name(worst)})."
    ]


def translation_quality(manifest: Manifest) -> list[str]:
    """Faults, drops, cuts and gaps among the translations."""
    report = manifest.translation
    if report is None:
        return []
    sentences = []
    faulty = {}
    for pair, counts in report.pairs.items():
        if counts.rows and counts.faulty / counts.rows > FAULTY:
            faulty[pair] = f"{pair_name(pair)} {counts.faulty:,} in {counts.rows:,}"
    if faulty:
        sentences.append(
            f"The checks found many faults in the translations: {'; '.join(faulty.values())}."
        )
    rows, dropped, cut, missing = map(report.total, ("rows", "dropped", "truncated", "missing"))
    if dropped:
        sentences.append(
            f"{counted(dropped, 'translation')} of {rows:,} ({percent(dropped, rows)}) failed a "
            f"check and {'was' if dropped == 1 else 'were'} left out."
        )
    if cut:
        sentences.append(
            f"{counted(cut, 'translation')} {'was' if cut == 1 else 'were'} cut short: the text "
            "was too long."
        )
    if missing:
        sentences.append(f"For {counted(missing, 'text')} there was no translation.")
    return sentences


def unpaired(manifest: Manifest) -> list[str]:
    """Originals that training used without a translation, and what that did to the batches."""
    training = manifest.training
    if training is None or not training.unpaired or not training.translations:
        return []
    rows = f"{counted(training.unpaired, 'row')} of {training.originals:,}"
    text = f"{rows} had no partner in the other language and so no part in OTC."
    if training.recycled:
        text += f" To keep the ratio, rows were taken again {counted(training.recycled, 'time')}."
    if training.unpaired_steps:
        text += (
            f" {counted(training.unpaired_steps, 'update')} of {training.steps:,} had no pair and "
            "learnt from originals alone; with a larger --batch-size each has one."
        )
    return [text]


def licences(manifest: Manifest) -> list[str]:
    """Terms that forbid commercial use, and terms that are not known."""
    barred = manifest.barred()
    if not barred:
        return []
    parts = listed([f"{entry.what} {entry.name} ({entry.license})" for entry in barred])
    return [f"Non-commercial use only: {parts}. Treat the classifier as bound by this."]


def one_seed(manifest: Manifest, metrics: Metrics) -> list[str]:
    """What the intervals do not cover."""
    if not metrics.languages:
        return []
    seed = "" if manifest.seed is None else f" (seed {manifest.seed})"
    return [
        f"This is one training{seed}. The intervals cover the choice of test rows only; another "
        "seed gives other numbers."
    ]
