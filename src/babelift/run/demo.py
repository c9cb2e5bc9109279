"""What `babelift demo` runs: several arms, each an ordinary run, and their comparison."""

from pathlib import Path
from typing import Any, Final

from babelift.config import FitConfig
from babelift.embedded import SAMPLE_LANGUAGES, sample_tables
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
TITLE: Final = "Does translating the English reviews help in other languages?"
NOTES: Final = (
    "The reviews are synthetic: written for Babelift, not collected from customers. This page "
    "shows how the job is done and judged; no claim about translating in general rests on it.",
)
CONTRASTS: Final = {
    ("translated", "zero-shot"): Wording("Translating", rival="zero-shot"),
    ("translated-otc", "translated"): Wording("OTC"),
}
"""What the demo asks: whether translating helps, and whether OTC adds to it."""


def demo_arms(**changes: Any) -> dict[str, FitConfig]:
    """The settings of the demo's arms: alike but for what they are trained on.

    Args:
        **changes: Settings for all of them, in place of the demo's own.

    >>> {name: (config.arm, config.otc) for name, config in demo_arms().items()}
    {'zero-shot': ('zero-shot', False), 'translated': ('translated', False), \
'translated-otc': ('translated', True)}
    """
    shared = {
        "train": sample_tables(),
        "from_": SAMPLE_LANGUAGES[:1],
        "to": SAMPLE_LANGUAGES[1:],
        "label": "stars",
        "encoder": "mini",
        "translator": "mini",
        **changes,
    }
    return {
        "zero-shot": FitConfig(**shared, arm="zero-shot", otc=False),
        "translated": FitConfig(**shared, arm="translated", otc=False),
        "translated-otc": FitConfig(**shared, arm="translated", otc=True),
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
            run_fit(config.model_copy(update={"out": out / name}), progress=progress)
        page = demo_page(out)
        write_comparison(page, out, PAGE)
    return out, page


def demo_page(out: Path) -> ComparisonPage:
    """The comparison of the demo's finished runs, on average over the target languages."""
    comparison = compare(
        [out / name for name in demo_arms()], contrasts=list(CONTRASTS), over=SAMPLE_LANGUAGES[1:]
    )
    return comparison_page(comparison, words=list(CONTRASTS.values()), title=TITLE, notes=NOTES)
