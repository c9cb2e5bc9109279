"""The table on the terminal."""

from typing import Any

from rich.console import Console

from babelift.evaluation.metrics import Metrics
from babelift.report.tables import metrics_table
from tests.report.conftest import manifest_of, metrics_of, scores


def printed(metrics: dict[str, Any], manifest: dict[str, Any], width: int = 80) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(metrics_table(Metrics.model_validate(metrics), manifest_of(**manifest)))
    console.file.close()
    return console.export_text()


def test_scores_stand_whole_in_eighty_columns(
    metrics: dict[str, Any], manifest: dict[str, Any]
) -> None:
    text = printed(metrics, manifest)
    assert max(len(line) for line in text.splitlines()) <= 80
    german = next(line for line in text.splitlines() if "German" in line)
    assert german.split() == [
        "German", ".66", "[.57,", ".74]", ".65", ".60", "[.51,", ".69]", ".47", ".82", "120",
        "native",
    ]  # fmt: skip


def test_perfect_scores_on_translated_text_stand_whole_too(metrics: dict[str, Any]) -> None:
    for part in ("languages", "linear"):
        for lang in metrics[part].values():
            lang |= {"f1_micro": 1.0, "f1_micro_interval": [1.0, 1.0], "origin": "machine"}
    lines = printed(metrics, {}).splitlines()
    japanese = next(line for line in lines if "Japanese" in line)
    assert japanese.count("1.00 [1.00, 1.00]") == 2
    assert japanese.rstrip().endswith("machine")
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= 80


def test_sources_come_first_and_the_mean_last(
    metrics: dict[str, Any], manifest: dict[str, Any]
) -> None:
    metrics["languages"] = dict(reversed(metrics["languages"].items()))
    first = [line.split()[0] for line in printed(metrics, manifest).splitlines() if line.split()]
    names = ["English", "German", "Spanish", "French", "Japanese", "Chinese", "Mean"]
    assert [word for word in first if word in names] == names


def test_without_baseline_and_order_their_columns_are_gone(metrics: dict[str, Any]) -> None:
    text = printed(metrics | {"linear": {}, "ordinal": False}, {})
    assert "Linear" not in text
    assert "QWK" not in text


def test_names_are_shown_as_they_are() -> None:
    odd = metrics_of({"[red]x[/red]": scores()}).model_dump()
    assert "[red]x[/red]" in printed(odd, {}, width=120)
