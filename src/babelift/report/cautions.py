"""What to read a run's scores with: the doubts that its files give reason for, in sentences."""

from babelift.evaluation.metrics import Metrics
from babelift.report.numbers import counted, language_name, listed, names, pair_name, percent, share
from babelift.run.manifest import Manifest

WIDE = 0.1
"""An interval that reaches further than this on one side is called wide."""

MISCALIBRATED = 0.1
"""Calibration error from which probabilities are said not to be chances."""

FAULTY = 0.1
"""Share of a pair's translations with a fault from which a warning is given."""


def cautions(manifest: Manifest, metrics: Metrics) -> list[str]:
    """Every doubt that applies, the gravest first."""
    return [
        *leakage(manifest),
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
    """Languages whose test set is too small for a narrow interval."""
    wide: dict[str, float] = {}
    for lang, scores in metrics.languages.items():
        low, high = scores.f1_micro_interval
        reach = max(scores.f1_micro - low, high - scores.f1_micro)
        if reach > WIDE:
            wide[lang] = reach
    if not wide:
        return []
    sets = listed(
        [f"{language_name(lang)} ({metrics.languages[lang].rows:,} rows)" for lang in wide]
    )
    return [
        f"Small test sets: {sets}. The intervals reach up to {share(max(wide.values()))} to one "
        "side; smaller differences cannot be seen."
    ]


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
    """Originals that training used without a translation."""
    training = manifest.training
    if training is None or not training.unpaired or not training.translations:
        return []
    rows = f"{counted(training.unpaired, 'row')} of {training.originals:,}"
    return [f"{rows} had no partner in the other language and so no part in OTC."]


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
