"""What `babelift demo` runs: several arms, each an ordinary run, and their comparison."""

from pathlib import Path
from typing import Any, Final

from babelift.config import FitConfig
from babelift.embedded import SAMPLE_LANGUAGES, sample_references, sample_tables
from babelift.evaluation.comparison import compare
from babelift.progress import Progress, quiet
from babelift.report.comparison import Wording
from babelift.report.pages.comparison import (
    NUMBERS,
    ComparisonPage,
    comparison_page,
    write_comparison,
)
from babelift.run.fit import run_fit
from babelift.run.folder import fresh_folder
from babelift.store import claim_folder

PAGE: Final = "report.html"
TITLE: Final = "What is translating the English reviews worth in other languages?"
NOTES: Final = (
    "The reviews are synthetic: written for Babelift, not collected from customers. This page "
    "shows how the job is done and judged; no claim about translating in general rests on it.",
    "The good translations were written for Babelift too, like the reviews and by the same author: "
    "they stand for what translating can be at best, and the word lists for its low end.",
)
NAMES: Final = {
    "zero-shot": "zero-shot",
    "word-lists": "word lists",
    "good-translations": "good translations",
    "good-translations-otc": "good translations with OTC",
}
"""What the arms are called on the page, by their folders."""
CONTRASTS: Final = {
    ("word lists", "zero-shot"): Wording("Word lists", rival="zero-shot"),
    ("good translations", "zero-shot"): Wording("Good translations", rival="zero-shot"),
    ("good translations", "word lists"): Wording("Good translations", rival="word lists"),
    ("good translations with OTC", "good translations"): Wording("OTC"),
}
"""What the demo asks: what word lists and good translations are worth, and what OTC adds."""


def demo_arms(**changes: Any) -> dict[str, FitConfig]:
    """The settings of the demo's arms: alike but for what they are trained on.

    Args:
        **changes: Settings for all of them, in place of the demo's own.

    >>> {name: (config.arm, config.translator[:5], config.otc)
    ...  for name, config in demo_arms().items()}
    {'zero-shot': ('zero-shot', 'mini', False), 'word-lists': ('translated', 'mini', False), \
'good-translations': ('translated', 'table', False), \
'good-translations-otc': ('translated', 'table', True)}
    """
    shared = {
        "train": sample_tables(),
        "from_": SAMPLE_LANGUAGES[:1],
        "to": SAMPLE_LANGUAGES[1:],
        "label": "stars",
        "encoder": "mini",
        "translator": "mini",
        "otc": False,
        "epochs": 4,  # 52 updates, fewer than by default, so that it ends within minutes
        **changes,
    }
    good = {**shared, "translator": sample_references()}
    return {
        "zero-shot": FitConfig(**shared, arm="zero-shot"),
        "word-lists": FitConfig(**shared, arm="translated"),
        "good-translations": FitConfig(**good, arm="translated"),
        "good-translations-otc": FitConfig(**good | {"otc": True}, arm="translated"),
    }


def run_demo(
    out: Path, *, force: bool = False, progress: Progress | None = None, **changes: Any
) -> tuple[Path, ComparisonPage]:
    """Do the demo, or what is missing of it.

    Finished translations are shared through the memory, so what one arm has translated the next
    one finds.

    Args:
        out: Folder for the runs, each in one of its arm's name, and the page that compares them.
        force: Start over in a new folder beside one that exists.
        progress: Where progress is shown; None for nowhere.
        **changes: Settings for all arms, in place of the demo's own.

    Returns:
        The folder that was used, and what its page `report.html` shows.

    Raises:
        RunError: The folder holds something else.
        BabeliftError: Whatever stops the job; what was finished stays.
    """
    progress = progress or quiet()
    arms = demo_arms(**changes)
    out = fresh_folder(out) if force else out
    with claim_folder(out, {*arms, NUMBERS, PAGE}):
        for number, (name, config) in enumerate(arms.items(), start=1):
            progress.say(f"arm {number} of {len(arms)}: {name}")
            # What word lists are worth is what the demo shows: it needs no warning.
            config = config.model_copy(update={"out": out / name})
            run_fit(config, advise=False, progress=progress)
        page = demo_page(out)
        write_comparison(page, out, PAGE)
    return out, page


def demo_page(out: Path) -> ComparisonPage:
    """The comparison of the demo's finished runs, on average over the target languages."""
    comparison = compare(
        [out / name for name in NAMES],
        names=list(NAMES.values()),
        contrasts=list(CONTRASTS),
        over=SAMPLE_LANGUAGES[1:],
    )
    return comparison_page(comparison, words=list(CONTRASTS.values()), title=TITLE, notes=NOTES)
