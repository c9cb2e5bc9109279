"""`babelift translate`: a labelled table in, its translations out."""

from babelift.cli.settings import DRY_RUN, FRESH, settings_command
from babelift.config import TranslateConfig


def translate(config: TranslateConfig, fresh: bool = False, dry_run: bool = False) -> None:
    """Translate a labelled table: restartable, checked.

    Example: babelift translate reviews.csv --to de ja --out reviews-translated.parquet

    Finished segments are kept in the translation memory: after Ctrl-C or a crash the same command
    goes on where it stopped.
    """
    from babelift.progress import terminal
    from babelift.translation.job import preview, run_translate

    if dry_run:
        for line in preview(config, terminal(), fresh=fresh):
            print(line)
        return
    report = run_translate(config, terminal(), fresh=fresh).to_dict()
    for pair, counts in report["pairs"].items():
        flags = ", ".join(f"{name} {number}" for name, number in counts["flags"].items() if number)
        print(f"{pair}: {counts['kept']} of {counts['rows']} rows{'; ' + flags if flags else ''}")
    print(
        f"{report['segments']} segments: {report['translated']} translated, "
        f"{report['from_memory']} from memory, {report['duplicates']} duplicates, "
        f"{report['truncated']} truncated, {report['missing']} missing, {report['failed']} failed"
    )
    print(f"written to {config.out}")


command = settings_command(
    TranslateConfig,
    translate,
    positional=("input",),
    extra={"fresh": FRESH, "dry_run": DRY_RUN},
)
