"""A job that is killed in the middle is priced before and sends nothing twice but what was lost."""

from pathlib import Path

import pytest

from scripts.service_job import UNDER_WAY, run
from tests.support.service import wait_until

pytestmark = pytest.mark.slow


def test_nothing_is_sent_twice_but_the_requests_under_way(tmp_path: Path) -> None:
    figures = run(30_000, tmp_path)
    assert figures.characters == 30_000
    assert figures.asked_by_dry_run == 0
    assert "30,000 characters" in figures.priced
    assert f"{figures.before + figures.after - UNDER_WAY:,} requests" in figures.priced
    assert figures.lost == 0
    assert 0 < figures.twice <= figures.unstored
    assert figures.before > UNDER_WAY


def test_waiting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        wait_until(lambda: False, 0)
