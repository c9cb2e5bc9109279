"""`babelift demo`: the whole job on the sample that ships with Babelift."""

from pathlib import Path


def command(out: Path = Path("runs/demo"), *, force: bool = False) -> None:
    """Show the whole job on a sample that ships with Babelift; downloads nothing.

    Learns to give stars to reviews from 200 English ones, four times: from these alone; with what
    word lists make of them in five languages; with good translations instead; and with the OTC
    loss on top. It tests all four in six languages, and says what translating was worth. The
    encoder and the word lists are Babelift's own small ones, and the reviews are synthetic: it
    shows the job, not how good a real model is.

    Args:
        out: Folder for the four runs and the page that compares them.
        force: Start over in a new folder beside the old one, which is kept.
    """
    from babelift.cli.show import show_comparison, show_file
    from babelift.progress import terminal
    from babelift.run.demo import PAGE, run_demo

    folder, page = run_demo(out, force=force, progress=terminal())
    show_comparison(page)
    print()
    show_file("report", folder / PAGE)
