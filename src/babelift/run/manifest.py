"""What a run's manifest says about the machine, the versions, the files and the energy."""

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = (
    "babelift", "torch", "transformers", "tokenizers", "accelerate", "ctranslate2",
    "polars", "numpy", "scikit-learn", "sentencex",
)  # fmt: skip

_RAPL = Path("/sys/class/powercap")


def versions() -> dict[str, str]:
    """Installed versions of the packages that shape a result."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Processor, cores, memory (GiB), Python and operating system."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": memory_gib(),
        "python": platform.python_version(),
        "os": f"{platform.system()} {platform.release()}",
    }


def file_fact(path: str, role: str) -> dict[str, Any]:
    """Path, role, size and SHA-256 of one input file; hub data sets have no hash."""
    file = Path(path)
    if not file.is_file():
        return {"path": path, "role": role, "sha256": None}
    with file.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return {"path": path, "role": role, "sha256": digest, "bytes": file.stat().st_size}


def energy_joules() -> float | None:
    """Energy the processor packages have used so far (joules), None where it cannot be read.

    Two readings give a difference; a counter that wrapped in between makes it negative.
    """
    total = 0
    try:
        counters = [zone / "energy_uj" for zone in _RAPL.glob("intel-rapl:?")]
        if not counters:
            return None
        for counter in counters:
            total += int(counter.read_text())
    except (OSError, ValueError):
        return None
    return total / 1e6


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def memory_gib() -> float | None:
    """Memory of the machine in GiB; None where that cannot be told."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    return round(total / 2**30, 1)
