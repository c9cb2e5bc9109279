"""Makes the benchmarks' modules importable, as they are when one is run as a script."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
