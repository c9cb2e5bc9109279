"""Measures translators, and keeps what was measured of the one that ships."""

import argparse
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from babelift.embedded import shipped_folder
from babelift.errors import MissingDependencyError
from babelift.evaluation.translation_quality import Quality, text_quality
from babelift.translation.registry import load_translator
from models.data import LANGUAGES
from models.measuring import translating
from models.measuring.results import Result, command_line, keep, print_table
from models.measuring.translating import Pair, named

EMBEDDED: Final = {"mini": "lexicon"}
"""The package's own translators, and the folders their figures are kept in."""

PAIRS: Final = (*translating.WITH_ENGLISH, *translating.WITHOUT_ENGLISH)
SIB: Final = "SIB-200, 204 test sentences"
TATOEBA: Final = "Tatoeba test, 1,000 sentences"

Scores = dict[str, dict[str, dict[str, Quality]]]
"""By set, system and pair."""


def main(words: Sequence[str] | None = None) -> None:
    """Measure translators on both sets, print tables, and keep what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--translator", nargs="+", default=[*EMBEDDED], metavar="NAME")
    parser.add_argument("--pairs", nargs="+", type=_pair, metavar="SOURCE>TARGET")
    arguments = parser.parse_args(words)
    pairs = tuple(arguments.pairs or PAIRS)
    scores: Scores = {SIB: {}, TATOEBA: {}}
    speeds: dict[str, dict[str, float]] = {}
    for spec in arguments.translator:
        speeds[spec] = {}
        try:
            _run(spec, pairs, arguments.data, scores, speeds[spec])
        except MissingDependencyError as error:
            print(f"{spec} is left out: {error}")
    for system, texts in sorted(translating.stored(arguments.data).items()):
        scores[SIB][system] = _stored(texts, pairs, arguments.data)
    _print(scores, speeds, pairs)
    for spec in arguments.translator:
        if spec in EMBEDDED and not arguments.pairs:
            results = _results(spec, scores, speeds[spec])
            keep(shipped_folder(EMBEDDED[spec]), results)


def _run(
    spec: str, pairs: Sequence[Pair], data: Path, scores: Scores, speeds: dict[str, float]
) -> None:
    """Translate both sets with one translator, pair by pair."""
    with closing(load_translator(spec)) as translator:
        possible = translator.pairs()
        for pair in pairs:
            if possible is not None and pair not in possible:
                continue
            sets = {SIB: translating.sib200(data, pair)}
            if "en" in pair:
                sets[TATOEBA] = translating.tatoeba(data, pair)
            for name, items in sets.items():
                output = translating.translated(translator, items.texts, pair)
                found = text_quality(output.texts, items.references, pair[1])
                scores[name].setdefault(spec, {})[named(pair)] = found
                rate = len(items.texts) / output.seconds
                if name == SIB:
                    speeds[named(pair)] = rate
                print(
                    f"{spec} {named(pair)}, {name}: chrF {found.chrf:.1f}, BLEU {found.bleu:.1f}, "
                    f"{rate:.0f} sentences/s, {output.truncated} cut, {output.missing} missing",
                    flush=True,
                )


def _stored(
    texts: dict[Pair, dict[str, str]], pairs: Sequence[Pair], data: Path
) -> dict[str, Quality]:
    found = {}
    for pair in pairs:
        if pair in texts:
            items = translating.sib200(data, pair)
            made = [texts[pair][name] for name in items.ids]
            found[named(pair)] = text_quality(made, items.references, pair[1])
    return found


def _print(scores: Scores, speeds: dict[str, dict[str, float]], pairs: Sequence[Pair]) -> None:
    print(
        "\nBLEU's tokens are sacrebleu's: zh into Chinese, single characters (char) into Japanese, "
        "13a else.\nStored outputs are scored as they are; those of google and microsoft are a "
        "scale alone."
    )
    for name, systems in scores.items():
        measured = [
            named(pair) for pair in pairs if any(named(pair) in s for s in systems.values())
        ]
        for metric in Quality._fields:
            rows = {
                pair: [
                    f"{getattr(found[pair], metric):.1f}" if pair in found else ""
                    for found in systems.values()
                ]
                for pair in measured
            }
            print_table(f"{name}: {'chrF' if metric == 'chrf' else 'BLEU'}", list(systems), rows)
    rows = {
        named(pair): [
            f"{found[named(pair)]:.0f}" if named(pair) in found else "" for found in speeds.values()
        ]
        for pair in pairs
    }
    print_table(f"{SIB}: sentences per second, without loading", list(speeds), rows)


def _results(spec: str, scores: Scores, speeds: dict[str, float]) -> list[Result]:
    command = command_line("measure_translators", translator=spec)
    results = [
        Result(
            f"{name}: {label}",
            unit,
            command,
            {pair: getattr(found, metric) for pair, found in scores[name][spec].items()},
        )
        for name in (SIB, TATOEBA)
        for metric, label, unit in (("chrf", "chrF", "0 to 100"), ("bleu", "BLEU", "0 to 100"))
    ]
    return [*results, Result(f"{SIB}: speed", "sentences per second", command, speeds)]


def _pair(text: str) -> Pair:
    source, _, target = text.partition(">")
    if source == target or not {source, target} <= {"en", *LANGUAGES}:
        raise argparse.ArgumentTypeError(f"'{text}' is not a pair such as en>de")
    return source, target


if __name__ == "__main__":
    main()
