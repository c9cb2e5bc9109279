"""`babelift study`: a grid of trainings, its statistics and its report."""

from pathlib import Path
from typing import Literal


def command(
    spec: Path,
    *,
    size: str | None = None,
    data: Path = Path(),
    out: Path | None = None,
    store: Path | None = None,
    keep_terms: str | None = None,
    workers: int | None = None,
    on: Literal["local", "ray"] = "local",
    dry_run: bool = False,
    fresh: bool = False,
) -> None:
    """Run a study: does translating help, does OTC help, by how much, and is it sure.

    The same command goes on after whatever is finished; runs and translations are shared between
    studies.

    Args:
        spec: The study's YAML file.
        size: One of the sizes that the file knows, such as quick.
        data: Folder that the names of the study's tables start from.
        out: Folder for results and report; by default under runs/, named after the file.
        store: Folder of runs and translations that studies share; by default in the cache.
        keep_terms: File with a term on each line that stays as it is in translations; its name
            starts from the folder of --data, as the study's tables do.
        workers: Trainings at a time; by default one for each core, as far as memory goes.
        on: Where the trainings run: in processes of this machine, or on a Ray cluster.
        dry_run: Say what would be done and about how long it would take, and do nothing.
        fresh: Make the translations that the store lacks anew, and put them in the place of what
            the translation memory holds; another --store makes all of them.
    """
    from babelift.cli.show import show_study
    from babelift.errors import RunError
    from babelift.progress import terminal
    from babelift.report.numbers import counted
    from babelift.study.run import preview, run_study
    from babelift.study.runner import local, on_ray

    if dry_run:
        for line in preview(spec, size=size, data=data, store=store, keep_terms=keep_terms,
                            workers=workers):  # fmt: skip
            print(line)
        return
    execute = on_ray(workers) if on == "ray" else local(workers)
    folder = out or Path("runs") / "-".join(filter(None, (spec.stem, size)))
    study = run_study(
        spec, folder, size=size, data=data, store=store, fresh=fresh, keep_terms=keep_terms,
        execute=execute,
        progress=terminal(),
    )  # fmt: skip
    show_study(study)
    if study.failed:
        failed = f"{counted(len(study.failed), 'training')} failed, so that the report lacks:"
        raise RunError(
            "\n".join([failed, *study.lacking]),
            "The same command tries them again; what is finished is kept.",
        )
