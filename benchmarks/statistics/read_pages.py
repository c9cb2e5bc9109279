"""Reads finished pages sentence by sentence against the predictions that they rest on.

    python benchmarks/statistics/read_pages.py FOLDER [FOLDER ...]

Each folder is that of a study (`report.html` beside `predictions.parquet`) or the `--out` of
`babelift compare`. The page's visible text is read; every sentence has to have a known form, and
every number, verb and language in it is worked out again from the predictions (`recompute.py`).
`report.json` and `comparison.json` say only which conditions and files a sentence speaks of.
Nothing of Babelift is imported. Ends with status 1 where anything is wrong.
"""

import sys
from pathlib import Path

from page_text import Findings
from read_comparison import ComparisonPage
from read_study import StudyPage


def read_page(folder: Path) -> Findings:
    """Read one page.

    Raises:
        FileNotFoundError: The folder holds no page.
    """
    if (folder / "comparison.json").is_file():
        return ComparisonPage(folder).findings
    return StudyPage(folder).findings


def told(name: str, found: Findings) -> str:
    """What became of a page, in lines."""
    lines = [
        f"{name}: {found.sentences} sentences and cells read, {found.confirmed} numbers confirmed, "
        f"{len(found.wrong)} faults, {sum(found.unchecked.values())} numbers not recomputed"
    ]
    lines += [f"  not recomputed: {n} ({kind})" for kind, n in found.unchecked.most_common() if n]
    return "\n".join([*lines, *(f"  WRONG {fault}" for fault in found.wrong)])


def main(folders: list[str]) -> int:
    """Read all pages and print what became of each; 1 where anything is wrong."""
    if not folders:
        print(__doc__)
        return 2
    wrong = 0
    for name in folders:
        found = read_page(Path(name))
        print(told(name, found), flush=True)
        wrong += len(found.wrong)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
