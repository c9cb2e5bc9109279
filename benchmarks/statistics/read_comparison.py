"""A comparison's page, held to the files of predictions that it names."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from page_text import Findings, N, P, Piece, effect, language, listed, pieces
from recompute import LEVEL, Estimate, estimate, held_to, holm, score, seen

_P: Final = rf"(?P<p>{P})(?: after Holm over (?P<tests>\d+) tests)?"
_WHERE: Final = r"(?:in (?P<lang>[^:,;]+?)|on average over (?P<many>\d+) languages)"
_BY: Final = effect("by").replace(" ", " accuracy ", 1)
VERDICTS: Final = [
    r"(?P<arm>.+) and (?P<base>.+) are right and wrong on the very same rows in (?P<same>.+): no "
    r"difference\.",
    rf"These weights of (?P<arm>.+) (?P<weights>gave more|gave fewer) test rows the right label "
    rf"than those of (?P<base>.+) {_WHERE}: {_BY}(?:, (?P<way>ahead|behind) in (?P<ahead>\d+) of "
    rf"them)?; {_P}\.",
    rf"These weights of (?P<arm>.+) and those of (?P<base>.+) (?P<weights>cannot be told apart) by "
    rf"these test rows {_WHERE}: {_BY}(?:, (?P<way>ahead|behind) in (?P<ahead>\d+) of them)?; "
    rf"{_P}(?P<alone>, so that it is not sure, although its interval alone holds no zero)?\.",
    rf"(?P<arm>.+) (?P<verb>beat|did worse than) (?P<base>.+) {_WHERE}: {_BY}(?:, (?P<way>ahead|"
    rf"behind) in (?P<ahead>\d+) of them)?; {_P}\.",
    rf"(?P<arm>.+) and (?P<base>.+) (?P<verb>cannot be told apart) {_WHERE}: {_BY}(?:, "
    rf"(?P<way>ahead|behind) in (?P<ahead>\d+) of them)?; {_P}(?P<alone>, so that it is not sure, "
    r"although its interval alone holds no zero)?\.",
]
_INTERVAL: Final = rf"the (?P<ninety>90) % interval is \[(?P<low>{N}), (?P<high>{N})\]"
_END: Final = rf": {_INTERVAL}; {_P}\.(?P<more>.*)"
MARGINS: Final = [
    rf"That difference is not shown to be smaller than (?P<margin>{N}): {_INTERVAL}\.",
    rf"(?:[Tt]hese weights of )?(?P<arm>.+) (?:is|are) (?P<found>better|worse) than (?:those of )?"
    rf"(?P<base>.+) by less than (?P<margin>{N}) {_WHERE}{_END}",
    rf"(?:[Tt]hese weights of )?(?P<arm>.+) and (?:those of )?(?P<base>.+) are "
    rf"(?P<within>the same|not shown to be the same) within (?P<margin>{N}) {_WHERE}{_END}",
    rf"(?:[Tt]hese weights of )?(?P<arm>.+) (?:is|are) at most (?P<margin>{N}) (?P<side>below|"
    rf"above) (?:those of )?(?P<base>.+) {_WHERE}{_END}",
]
OTHERS: Final = [
    r"Each side is one training(?: \(seed (?P<seed>[^ )]+) is all they share\))?, which does not "
    r"say which way to train is better: take five seeds of each before you conclude "
    r"on that .* What "
    r"follows is about these very weights\.",
    r"Accuracy is the share of test rows given the right label; brackets hold (?P<ninety_five>95) "
    r"% intervals for the luck of test rows (?P<luck>alone, not of trainings|and of trainings)\.",
    rf"With (?P<fewest>{N})(?: to (?P<most>{N}))? test rows(?: in a language)?(?: and "
    rf"(?P<seeds>\d+) seeds)?, (?:a true difference of|weights that truly differ by) (?P<smallest>"
    rf".+?)(?: on average)? would be (?:seen four times in five; a smaller one may be there and "
    r"not show|told apart four times in five)\.(?: What trainings can show is not "
    r"known from one\.)?"
    rf"(?: From so few seeds as (?P<few>\d+) this number is itself uncertain: (?P<ranges>.+)\.)?",
    rf"With (?P<fewest>{N})(?: to (?P<most>{N}))? test rows(?: in a language)?(?: and "
    r"(?P<seeds>\d+) seeds)?, (?P<unseen>no difference)(?: on average)?, however large, would be "
    r"seen four times in five\.",
    r"Seeds (?P<copies>.+) of (?P<copied>.+) answer every shared row alike\. Is one a copy of "
    r"another\? .*",
    r"Left out, for they are not on every side: (?P<unpaired>.+)\.",
    r"Left out, for want of a label or a prediction: (?P<unanswered>.+)\.",
    r"Left out, for fewer than two shared test items: (?P<too_few>.+)\.",
    r"Babelift comparison · (?P<sides>\d+) sides.*",
    r"Accuracy, the share of test rows given the right label, with 95 % intervals\..*",
    r"Each test row is answered by both sides, .* is so after Holm over all (?P<tests>\d+) "
    r"differences together(?:, of which an average weighs as much as its languages)?\.(?: Broken "
    rf"lines stand at ±(?P<margin>{N})\.)?",
    r"Made by Babelift .* from the predictions alone\. .*",
]


class ComparisonPage:
    """Reads a comparison's page; `findings` say what came of it."""

    def __init__(self, folder: Path) -> None:
        self.findings = Findings()
        self.record: dict[str, Any] = json.loads((folder / "comparison.json").read_text("utf-8"))
        self.names = [side["name"] for side in self.record["sides"]]
        self.tables = {side["name"]: _read(side["source"], folder) for side in self.record["sides"]}
        self._pair()
        self._judge()
        for piece in pieces((folder / "comparison.html").read_text("utf-8")):
            if piece.tag == "loose":
                self.findings.fault("the page", f"has words in no paragraph: {piece.text}")
            elif piece.tag == "table":
                self._table(piece)
            elif piece.tag == "plot":
                self._plot(piece)
            elif piece.tag in ("p", "li") and "legend" not in piece.under.split():
                self._sentence(piece.text)

    def _pair(self) -> None:
        """The rows that all sides have, for every common seed."""
        seeds = [set(table["seed"]) - {""} for table in self.tables.values()]
        self.seeds = sorted(set.intersection(*seeds)) if any(len(own) > 1 for own in seeds) else []
        answered = {
            name: table.filter((pl.col("label") != "") & (pl.col("prediction") != ""))
            for name, table in self.tables.items()
        }
        self.unanswered = {
            name: self.tables[name].height - own.height for name, own in answered.items()
        }
        kept = {
            name: own.filter(pl.col("seed").is_in(self.seeds)) if self.seeds else own
            for name, own in answered.items()
        }
        many = len(kept) * max(1, len(self.seeds))
        shared = (
            pl.concat([own.select("lang", "id", "group_id") for own in kept.values()])
            .group_by("lang", "id")
            .agg(
                pl.len(),
                group=pl.col("group_id").filter(pl.col("group_id") != pl.col("id")).first(),
            )
            .filter(pl.col("len") == many)
            .select("lang", "id", group=pl.coalesce("group", "id"))
        )
        counts = shared.group_by("lang").agg(pl.col("group").n_unique())
        self.too_few = sorted(counts.filter(pl.col("group") < 2)["lang"])
        shared = shared.filter(~pl.col("lang").is_in(self.too_few)).sort("lang", "id")
        self.langs, self.items = shared["lang"].to_numpy(), shared["group"].to_numpy()
        self.rows = dict(Counter(self.langs.tolist()))
        self.right, self.unpaired = {}, {}
        for name, own in kept.items():
            left = own.join(shared, on=["lang", "id"], how="semi").sort("seed", "lang", "id")
            right = (left["label"] == left["prediction"]).cast(pl.Float64).to_numpy()
            self.right[name] = right.reshape(-1, len(self.langs))
            gone = Counter(answered[name]["lang"]) - Counter(left["lang"])
            self.unpaired[name] = dict(sorted(gone.items()))

    def _judge(self) -> None:
        """All differences with their p after Holm, and against the margin."""
        over, margin = self.record["over"], self.record["margin"]
        self.over = [lang for lang in self.rows if lang in over]
        counted = np.isin(self.langs, self.over)
        self.contrasts = [(own["arm"], own["base"]) for own in self.record["contrasts"]]
        self.found: dict[tuple[int, str], Estimate] = {}
        tests, self.held = [], {}
        for number, (arm, base) in enumerate(self.contrasts):
            difference = self.right[arm] - self.right[base]
            places = {lang: self.langs == lang for lang in sorted(self.rows)}
            if len(self.over) > 1:
                places[""] = counted
            for place, own in places.items():
                found = estimate(difference[:, own], self.langs[own], self.items[own])
                self.found[number, place] = found
                values = [found.p]
                if margin is not None:
                    self.held[number, place] = held_to(found, margin, found.freedom)
                    values += self.held[number, place][2:]
                mean = place == ("" if len(self.over) > 1 else self.over[0])
                tests.append((values, (len(places) - 1 or 1) if mean else 1.0))
        adjusted = holm(tests)
        self.tests = len(tests)
        self.p = dict(zip(self.found, adjusted, strict=True))
        total = sum(weight for _, weight in tests)
        each = len(tests) // len(self.contrasts)
        self.seen = [
            seen(self._mean(number), LEVEL * (each - 1 or 1) / total)
            for number in range(len(self.contrasts))
        ]

    @property
    def place(self) -> str:
        """Where the mean stands."""
        return "" if len(self.over) > 1 else self.over[0]

    def _mean(self, number: int) -> Estimate:
        return self.found[number, self.place]

    def _verdict(self, number: int, place: str) -> int:
        """1 or -1 where it is sure to lie above or below zero."""
        sure = self.p[number, place][0] <= LEVEL
        return int(np.sign(self.found[number, place].delta)) if sure else 0

    def _within(self, number: int, place: str) -> str:
        below, above = (p <= LEVEL for p in self.p[number, place][1:])
        if below and above:
            return "same"
        return "at most below" if below else "at most above" if above else "not shown"

    def _sentence(self, text: str) -> None:
        for form, read in ((VERDICTS, self._contrast), (MARGINS, self._margin)):
            for pattern in form:
                match = re.fullmatch(pattern, text)
                if match and match.groupdict().get("arm", self.contrasts[0][0]) in (
                    arm for arm, _ in self.contrasts
                ):
                    read(text, match)
                    return
        if " by language: from " in text:
            self._extremes(text)
        elif text.startswith("Held to "):
            self._margins(text)
        elif text.startswith("In ") and "which no average counts" in text:
            self._uncounted(text)
        else:
            self._other(text)

    def _number(self, match: re.Match[str], text: str) -> int | None:
        said = match.groupdict()
        pair = said.get("arm"), said.get("base")
        if pair in self.contrasts:
            self.last = self.contrasts.index(pair)
            return self.last
        if pair == (None, None):  # "That difference is not shown ..." follows its contrast
            return self.last
        self.findings.fault("contrasts", f"{pair} were not asked: {text}")
        return None

    def _contrast(self, text: str, match: re.Match[str]) -> None:
        number = self._number(match, text)
        if number is None:
            return
        found, side = self._mean(number), self._verdict(number, self.place)
        weights = len(self.seeds) < 2
        gains = [self.found[number, lang].delta for lang in self.over]
        alike = not found.delta and not found.error
        true = {
            "verb": {1: "beat", -1: "did worse than", 0: "cannot be told apart"}[side],
            "weights": {1: "gave more", -1: "gave fewer", 0: "cannot be told apart"}[side],
            "by": found.delta, "by_low": found.low, "by_high": found.high,
            "p": self.p[number, self.place][0], "tests": self.tests, "many": len(self.over),
            "lang": listed([language(lang) for lang in self.over]),
            "way": "behind" if side < 0 else "ahead",
            "ahead": sum(gain < 0 if side < 0 else gain > 0 for gain in gains),
            "same": listed([language(lang) for lang in self.over]) if alike else "not so",
        }  # fmt: skip
        said = self.findings.read("contrasts", text, VERDICTS, **true)
        if said and alike != ("same" in said.groupdict()):
            self.findings.fault("contrasts", f"rows are{'' if alike else ' not'} the same: {text}")
        if said and not alike and weights != ("weights" in said.groupdict()):
            self.findings.fault("contrasts", f"of {len(self.seeds)} seeds: {text}")
        alone = not side and (found.low > 0 or found.high < 0)
        if said and bool(said.groupdict().get("alone")) != alone:
            self.findings.fault("contrasts", f"alone it is {'' if alone else 'not '}sure: {text}")

    def _margin(self, text: str, match: re.Match[str]) -> None:
        number = self._number(match, text)
        if number is None:
            return
        place, margin = self.place, self.record["margin"]
        low, high, *_ = self.held[number, place]
        _, below, above = self.p[number, place]
        within, side = self._within(number, place), self._verdict(number, place)
        p = max(below, above)
        if within.startswith("at most") and not side:
            p = below if within == "at most below" else above
        said = self.findings.read(
            "margins", text, MARGINS, margin=margin, low=low, high=high, ninety=90, p=p,
            tests=self.tests, many=len(self.over), side=within.rpartition(" ")[2],
            lang=listed([language(lang) for lang in self.over]),
            found={1: "better", -1: "worse"}.get(side), within="the same" if within == "same"
            else "not shown to be the same",
        )  # fmt: skip
        if said is None:
            return
        parts = said.groupdict()
        form = (
            "found" if side and within == "same" else "none" if side
            else "side" if within.startswith("at most") else "within"
        )  # fmt: skip
        if form not in (
            [name for name in ("found", "side", "within") if name in parts] or ["none"]
        ):
            self.findings.fault("margins", f"should be {within}, {side}: {text}")
        more = (parts.get("more") or "").strip()
        inside = max(-low, high) < margin and not side and within == "not shown"
        expected = ""
        if form == "side":
            expected = f"That they are the same within {parts['margin']} is not shown."
        elif form == "within" and inside:
            expected = "The interval alone lies within; beside so many tests that is not sure."
        if more != expected:
            self.findings.fault("margins", f"should end with {expected!r}: {text}")

    def _extremes(self, text: str) -> None:
        form = (
            rf"(?P<what>.+) by language: from {effect('least')} in (?P<in>.+?) to {effect('most')} "
            r"in (?P<at>[^;]+); (?:no single language is sure|these weights surely differ in "
            r"(?P<differ>.+?)(?:, after Holm too)?|(?P<sure>.+) (?:is|are) sure, after Holm too)\."
        )
        match = re.fullmatch(form, text)
        number = next(
            (n for n, (arm, base) in enumerate(self.contrasts)
             if match and match["what"] in (arm, f"{arm} − {base}")), None
        )  # fmt: skip
        if match is None or number is None:
            self.findings.fault("by language", f"has no known form: {text}")
            return
        gains = {lang: self.found[number, lang] for lang in self.over}
        least = min(gains, key=lambda lang: gains[lang].delta)
        most = max(gains, key=lambda lang: gains[lang].delta)
        sure = [language(lang) for lang in self.over if self._verdict(number, lang)]
        names = listed(sure) if len(sure) < 8 else f"{len(sure)} languages"
        self.findings.read(
            "by language", text, [form],
            **{"in": language(least), "at": language(most), "sure": names,
               "differ": names or "no single language"},
            **{f"{name}{end}": value for name, lang in (("least", least), ("most", most))
               for end, value in (("", gains[lang].delta), ("_low", gains[lang].low),
                                  ("_high", gains[lang].high))},
        )  # fmt: skip
        if bool(match["sure"]) != bool(sure) and len(self.seeds) > 1:
            self.findings.fault("by language", f"sure is {names or 'none'}: {text}")

    def _margins(self, text: str) -> None:
        form = (
            rf"Held to (?P<margin>{N}) in each language, (?:these weights of )?(?P<arm>.+) against "
            r"(?P<base>.+): (?P<said>.+) \(after Holm\)\."
        )
        match = re.fullmatch(form, text)
        pair = (match["arm"], match["base"]) if match else None
        if match is None or pair not in self.contrasts:
            self.findings.fault("margins", f"has no known form: {text}")
            return
        number = self.contrasts.index(pair)
        groups: dict[str, list[str]] = {}
        for lang in sorted(self.rows):
            within, side = self._within(number, lang), self._verdict(number, lang)
            words = {
                "same": f"the same within {match['margin']}", "not shown": "not shown",
                "at most below": f"at most {match['margin']} below",
                "at most above": f"at most {match['margin']} above",
            }[within]  # fmt: skip
            if side:
                words = "better" if side > 0 else "worse"
                words += f", by less than {match['margin']}" if within == "same" else ""
            groups.setdefault(words, []).append(language(lang))
        said = "; ".join(
            f"{words} in {listed(own) if len(own) < 8 else f'{len(own)} languages'}"
            for words, own in groups.items()
        )
        self.findings.read("margins", text, [form], margin=self.record["margin"], said=said)

    def _uncounted(self, text: str) -> None:
        form = r"In (?P<lang>.+), which no average counts: (?P<said>.+)\."
        match = self.findings.read("by language", text, [form])
        lang = next((lang for lang in self.rows if match and language(lang) == match["lang"]), None)
        if match is None or lang is None or lang in self.over:
            self.findings.fault("by language", f"counts or is not known: {text}")
            return
        numbers = re.findall(effect("by"), match["said"])
        self.findings.unchecked["by language"] -= 3 * len(numbers)
        for number, printed in enumerate(numbers):
            found = self.found[number, lang]
            for own, true in zip(printed, (found.delta, found.low, found.high), strict=True):
                self.findings.number(text, own, true)

    def _other(self, text: str) -> None:
        rows = sorted(self.rows[lang] for lang in self.over)

        def of(counts: Mapping[str, Any]) -> str:
            return listed([
                f"{sum(own.values()):,} row{'s' * (sum(own.values()) != 1)} of {name} "
                f"({listed([language(lang) for lang in own])})"
                for name, own in counts.items() if own
            ])  # fmt: skip

        def copies(name: str) -> str:
            alike: dict[bytes, list[str]] = {}
            for seed, right in zip(self.seeds, self.right[name], strict=True):
                alike.setdefault(right.tobytes(), []).append(seed)
            return " or ".join(listed(own) for own in alike.values() if len(own) > 1)

        true: dict[str, Any] = {
            "ninety_five": 95, "luck": "and of trainings" if len(self.seeds) > 1
            else "alone, not of trainings", "fewest": rows[0], "most": rows[-1],
            "seeds": len(self.seeds), "few": len(self.seeds), "unpaired": of(self.unpaired),
            "unanswered": listed([f"{many:,} row{'s' * (many != 1)} of {name}"
                                  for name, many in self.unanswered.items() if many]),
            "too_few": listed([language(lang) for lang in self.too_few]), "tests": self.tests,
            "sides": len(self.names), "margin": self.record["margin"],
            "seed": self.seeds[0] if self.seeds else None,
        }  # fmt: skip
        match = self.findings.read("what else it shows", text, OTHERS, **true)
        if match is None:
            return
        said = match.groupdict()
        if said.get("copied") and said["copies"] != copies(said["copied"]):
            self.findings.fault("copies", f"are {copies(said['copied']) or 'none'}: {text}")
        if said.get("smallest"):
            effects = [own for own, _, _ in self.seen]
            self._each(said["smallest"], [(own,) for own in effects if own], text)
        if said.get("unseen") and any(own < 1 for own, *_ in self.seen):
            self.findings.fault("smallest effects", f"are below 1: {text}")
        if said.get("ranges"):
            self._each(said["ranges"], [own[1:] for own in self.seen], text)

    def _each(self, said: str, true: Sequence[tuple[float, ...]], text: str) -> None:
        """Numbers of each contrast, or one where all print alike."""
        parts = re.findall(rf"({N})(?: to ({N}))?(?: \((.+?)\))?", said)
        own = [
            true[[arm for arm, _ in self.contrasts].index(name) if name else 0]
            if not name or name in [arm for arm, _ in self.contrasts] else true[place]
            for place, (*_, name) in enumerate(parts)
        ]  # fmt: skip
        for printed, numbers in zip(parts, own, strict=True):
            for each, value in zip(printed, numbers, strict=False):
                self.findings.number(text, each, value)
                self.findings.unchecked["what else it shows"] -= 1

    def _strips(self, number: int, rows: list[list[str]]) -> None:
        for name, said in rows:
            place = "" if name == "Mean" else next(
                (lang for lang in self.rows if language(lang) == name), None
            )  # fmt: skip
            if place is None:
                self.findings.fault("plots", f"has no language {name}")
                continue
            found = self.found[number, place]
            self.findings.read(
                "plots", said, [effect("by")], by=found.delta, by_low=found.low,
                by_high=found.high,
            )  # fmt: skip

    def _plot(self, piece: Piece) -> None:
        for number, (arm, base) in enumerate(self.contrasts):
            if piece.text.startswith(f"{arm} − {base}: "):
                self._strips(number, piece.rows)
                return
        self.findings.fault("plots", f"of what was not asked: {piece.text}")

    def _table(self, piece: Piece) -> None:
        self.findings.sentences += sum(map(len, piece.rows))
        if piece.text == "Differences per language":
            self._differences(piece.rows[1:])
        elif piece.text == "Scores per language and side":
            self._scores(piece.rows)
        else:
            for row in piece.rows[1:]:
                self.findings.leave(piece.text.lower(), " ".join(row[1:]))

    def _scores(self, rows: list[list[str]]) -> None:
        for name, *cells in rows[1:]:
            if not cells or (name not in map(language, self.rows) and name != "Mean"):
                continue
            own = np.isin(self.langs, self.over)
            if name != "Mean":
                lang = next(lang for lang in self.rows if language(lang) == name)
                own = self.langs == lang
                self.findings.number(f"scores, {name}", cells[-1], self.rows[lang])
            for side, cell in zip(self.names, cells, strict=False):
                true = score(self.right[side][:, own], self.langs[own], self.items[own])
                self.findings.numbers(f"scores, {name}, {side}", cell, *true)
            for cell in cells[len(self.names) : -1]:
                self.findings.leave("linear baselines", cell)

    def _differences(self, rows: list[list[str]]) -> None:
        wide = 4 if self.record["margin"] is not None else 2
        for name, *cells in rows:
            place = "" if name == "Mean" else next(
                (lang for lang in self.rows if language(lang) == name), ""
            )  # fmt: skip
            for number in range(len(self.contrasts)):
                said, p, *more = cells[wide * number : wide * (number + 1)]
                where = f"table of differences, {name}"
                self._strips(number, [[name, said]])
                self.findings.number(where, p, self.p[number, place][0])
                if more:
                    self.findings.numbers(where, more[0], *self.held[number, place][:2])
                    self.findings.number(where, more[1], self._within(number, place))


def _read(source: str | None, folder: Path) -> pl.DataFrame:
    """Predictions as strings: `lang, id, group_id, label, prediction, seed`."""
    if source is None:
        raise FileNotFoundError("a side was a frame, so that its predictions are not at hand")
    path = next((own for own in (Path(source), folder / source) if own.exists()), Path(source))
    if path.is_dir() and not (path / "predictions.parquet").is_file():
        runs = sorted(own.parent for own in path.glob("*/predictions.parquet"))
        seeds = [
            re.search(r"^seed: *(\d+)", (run / "config.yaml").read_text("utf-8"), re.M)
            for run in runs
        ]
        return pl.concat([
            _read(str(run), folder).with_columns(seed=pl.lit(seed[1] if seed else ""))
            for run, seed in zip(runs, seeds, strict=True)
        ])  # fmt: skip
    path = path / "predictions.parquet" if path.is_dir() else path
    readers = {".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}
    if path.suffix in readers:
        table = readers[path.suffix](path)
    else:
        separator = "\t" if path.suffix == ".tsv" else ","
        table = pl.read_csv(path, infer_schema=False, separator=separator)
    if "model" in table.columns:
        table = table.filter(pl.col("model") != "linear")
    for name, otherwise in (("group_id", pl.col("id")), ("seed", pl.lit(""))):
        if name not in table.columns:
            table = table.with_columns(otherwise.alias(name))
    columns = ("lang", "id", "group_id", "label", "prediction", "seed")
    return table.select(pl.col(*columns).cast(pl.String).fill_null(""))
