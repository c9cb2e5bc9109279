"""Freed memory stays with the process, where the C library can be told so."""

import subprocess
import sys

import pytest

from models.masked.memory import keep_freed_memory

PROGRAM = """
import resource, sys
import numpy as np
from models.masked.memory import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(2**24)  # 128 MiB, freed at once
before = faults()
for _ in range(5):
    np.ones(2**24)
print(faults() - before)
"""


def faults(way):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not keep_freed_memory(), reason="the C library is not glibc")
def test_pages_of_freed_memory_are_not_filled_in_again():
    assert faults("keep") < faults("leave") / 10


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
