"""What `babelift demo` runs: three ways to learn from the sample's English reviews."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from babelift.config import FitConfig
from babelift.embedded import SAMPLE_LANGUAGES, sample_tables
from babelift.progress import Progress
from babelift.run.compared import run_compared

if TYPE_CHECKING:
    from babelift.evaluate.compare import Contrast
    from babelift.report.comparison import Compared

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
    from babelift.evaluate.compare import Contrast

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
