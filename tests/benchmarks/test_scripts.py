"""The scripts whose smallest size takes seconds; the others start processes of their own."""

from importlib import import_module

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("translate", "--smoke"),
        ("restricted", "--smoke"),
        ("predict", "--smoke"),
        ("hardware", "--smoke"),
        ("gpu", "--toy"),
    ],
)
def test_a_script_runs_to_its_end(name, flag, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("sys.argv", [name, flag])
    import_module(name).main()
    assert "s in all" in capsys.readouterr().out
