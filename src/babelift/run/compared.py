"""Several arms, each an ordinary run in a folder of its own, and their comparison."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from babelift.config import FitConfig
from babelift.errors import RunError
from babelift.files import is_partial
from babelift.progress import Progress, quiet
from babelift.run.fit import run_fit
from babelift.run.folder import fresh_folder

if TYPE_CHECKING:
    from babelift.evaluate.compare import Contrast
    from babelift.report.comparison import Compared


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
    from babelift.report.comparison import NUMBERS, PAGE, write_comparison

    progress = progress or quiet()
    out = fresh_folder(out) if force else out
    _check_place(out, {*arms, NUMBERS, PAGE})
    runs = {}
    for number, (name, config) in enumerate(arms.items(), start=1):
        progress.say(f"arm {number} of {len(arms)}: {name}")
        run = run_fit(config.model_copy(update={"out": out / name}), progress=progress)
        runs[name] = run.path
    return out, write_comparison(out, runs, contrasts, title=title, notes=notes)


def _check_place(out: Path, own: set[str]) -> None:
    if out.exists() and not out.is_dir():
        raise RunError(f"'{out}' is a file.", "--out must name a folder.")
    if not out.is_dir():
        return
    strange = sorted(
        path.name for path in out.iterdir() if path.name not in own and not is_partial(path)
    )
    if strange:
        raise RunError(
            f"'{out}' holds something else: {', '.join(strange[:3])}.",
            "Choose another --out, or --force for a new folder beside it; nothing there was "
            "touched.",
        )
