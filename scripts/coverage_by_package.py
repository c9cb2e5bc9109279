"""Prints which share of its lines the tests ran, for each package (after `make coverage`)."""

from collections import defaultdict
from pathlib import Path

from coverage import Coverage

SOURCE = Path("src/babelift").resolve()


def main() -> None:
    """Print one line for each package, and one for all."""
    coverage = Coverage()
    coverage.load()
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file in sorted(SOURCE.rglob("*.py")):
        _, statements, _, missing, _ = coverage.analysis2(str(file))
        inside = file.relative_to(SOURCE)
        for name in (inside.parts[0] if len(inside.parts) > 1 else "(root)", "all"):
            counts[name][0] += len(statements) - len(missing)
            counts[name][1] += len(statements)
    for name, (ran, lines) in counts.items():
        print(f"{name:<14}{ran:>7} of {lines:>6}{100 * ran / max(lines, 1):>7.1f} %")


if __name__ == "__main__":
    main()
