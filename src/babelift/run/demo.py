"""What `babelift demo` runs: several arms, each an ordinary run, and their comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babelift.config import FitConfig
from babelift.embedded import SAMPLE_LANGUAGES, sample_tables
from babelift.progress import Progress, quiet
from babelift.run.fit import run_fit
from babelift.run.folder import fresh_folder
from babelift.store import claim_folder

if TYPE_CHECKING:
    from babelift.evaluation.comparison import Contrast
    from babelift.report.pages.comparison import Compared


def run_compared(
    out: Path,
    arms: Mapping[str, FitConfig],
    contrasts: Sequence["Contrast"],
    *,
    title: str,
    notes: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, "Compared"]:
    """Run every arm, or what is missing of it, and compare them.

    Finished translations are shared through the memory, so what one arm has translated the next
    one finds.

    Args:
        out: Folder; each arm's run is in the folder of its name.
        arms: The settings of each arm; their `out` is not used.
        contrasts: Which arm is measured against which, the main question first.
        title: The page's headline.
        notes: What a reader must know of the data, as sentences.
        force: Start over in a new folder beside one that exists.
        progress: Where progress is shown; None for nowhere.

    Returns:
        The folder that was used, and the comparison whose page is `report.html` in it.

    Raises:
        RunError: The folder holds something else.
        BabeliftError: Whatever stops an arm; what was finished stays.
    """
    from babelift.report.pages.comparison import NUMBERS, PAGE, write_comparison

    progress = progress or quiet()
    out = fresh_folder(out) if force else out
    with claim_folder(out, {*arms, NUMBERS, PAGE}):
        runs = {}
        for number, (name, config) in enumerate(arms.items(), start=1):
            progress.say(f"arm {number} of {len(arms)}: {name}")
            run = run_fit(config.model_copy(update={"out": out / name}), progress=progress)
            runs[name] = run.folder
        return out, write_comparison(out, runs, contrasts, title=title, notes=notes)


TITLE: Final = "Does translating the English reviews help in other languages?"
NOTES: Final = (
    "The reviews are synthetic: written for Babelift, not collected from customers. This page "
    "shows how the job is done and judged; no claim about translating in general rests on it.",
)


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


def demo_contrasts() -> Sequence["Contrast"]:
    """What the demo asks: whether translating helps, and whether OTC adds to it."""
    from babelift.evaluation.comparison import Contrast

    return (
        Contrast("translated", "zero-shot", "Translating", rival="zero-shot"),
        Contrast("translated-otc", "translated", "OTC"),
    )


def run_demo(
    out: Path, *, force: bool = False, progress: Progress | None = None, **changes: Any
) -> tuple[Path, "Compared"]:
    """Do the demo, or what is missing of it.

    Args:
        out: Folder for the three runs and the page that compares them.
        force: Start over in a new folder beside one that exists.
        progress: Where progress is shown; None for nowhere.
        **changes: Settings for all arms, in place of the demo's own.

    Returns:
        The folder that was used, and the comparison.

    Raises:
        BabeliftError: Whatever stops the job; what was finished stays.
    """
    return run_compared(
        out,
        demo_arms(**changes),
        demo_contrasts(),
        title=TITLE,
        notes=NOTES,
        force=force,
        progress=progress,
    )
