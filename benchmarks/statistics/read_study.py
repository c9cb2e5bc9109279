"""A study's page, held to its predictions."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from scipy import stats

from page_text import (
    SEEN,
    Findings,
    N,
    P,
    Piece,
    effect,
    fold,
    language,
    listed,
    pieces,
    seen_parts,
    value,
)  # fmt: skip
from recompute import (
    AXES,
    LEVEL,
    Estimate,
    Fit,
    Pair,
    Study,
    chance_spread,
    elsewhere,
    estimate,
    holm,
    least_squares,
    levels_of,
    over_sources,
    restricted_likelihood,
    seen,
    slope,
)

Values = Mapping[str, Any]

ARMS: Final = {
    "zero-shot": "zero-shot",
    "translated": "training on translations",
    "original": "training on native rows",
    "original+translated": "native rows with translations",
    "translate-test": "translating the test text",
    "reference": "training on trusted translations",
}
_BY: Final = rf"{effect('by').replace(' ', ' F1-micro(?P<average> on average)? ', 1)}"
_AHEAD: Final = r"(?:, ahead in (?P<ahead>\d+) of (?P<langs>\d+) languages| in (?P<lang>[^:;]+))"
_WHERE: Final = r" in (?:(?P<ahead>\d+) of (?P<langs>\d+) languages|(?P<lang>[^:;]+))"
_YET: Final = (
    rf"(?:{SEEN}|(?P<lone>by itself that would be sure, beside all else that this page asks it "
    rf"is not) \((?P<holm>{P}) after Holm\))"
)
ANSWERS: Final = [
    rf"(?P<arm>.+) (?P<verb>beats|does worse than) (?P<base>.+?){_WHERE}: {_BY}\.",
    rf"(?P<arm>.+) and (?P<base>.+) (?P<verb>cannot be told apart){_AHEAD}: {_BY}; {_YET}\.",
    rf"(?P<arm>.+) adds {_BY}{_AHEAD}: (?P<verb>no effect (?:seen|that is sure)); {_YET}\.",
    rf"(?P<arm>.+) (?P<verb>adds|costs) {_BY}{_WHERE}\.",
    rf"(?P<arm>.+) (?P<verb>gave (?:more|fewer|as many) right labels (?:than|as)) (?P<base>.+), "
    rf"each trained once: {_BY}, over another choice of test rows; that is no claim about another "
    r"training\.",
    r"(?P<arm>.+) and (?P<base>.+) (?P<verb>are right and wrong on the very same rows)\.",
]
OPENING: Final = [
    r"Each condition was trained once, and another training gives other scores: take five seeds "
    r"\(seeds: (?P<advised>5)\) before you conclude which way of training is better\.",
    rf"The interval covers another choice of seeds and of test rows(?:, in these (?P<langs>\d+) "
    rf"languages)?; (?P<p>{P})\.",
    r"Would it stand in other languages like these too\? (?:(?P<yes>It would)|That cannot be told "
    rf"from (?P<langs2>\d+)): {effect('by')} with languages drawn as well; (?P<p2>{P})\.",
    r"The contrast that the study states in advance cannot be judged, for runs that it needs have "
    r"failed\.",
]
REGRESSION: Final = [
    rf"Regression, OTC (?P<name>.+): coefficient (?P<coefficient>{N}) \(standard error "
    rf"(?P<error>{N}) with a term for the training, (?P<holm>{P}) after Holm\): "
    rf"(?P<verb>an effect|no effect seen); the paper's form, which takes the scores "
    rf"of one training "
    rf"for independent and so claims too often: standard error (?P<plain>{N}), "
    rf"(?P<plain_p>{P})\.",
    rf"Regression, OTC (?P<name>.+): coefficient (?P<coefficient>{N}); with one training "
    rf"each nothing can be said of it \(the paper's form, which takes the scores of one training "
    rf"for independent and so claims too often: standard error (?P<plain>{N}), "
    rf"(?P<plain_p>{P})\)\.",
]
TREND: Final = [
    r"(?:(?P<verb>No effect of the translations' quality seen|Better translations gave (?:better|"
    rf"worse) classifiers): |With one training each, )ten points of chrF go with (?P<by>{N}) "
    rf"F1-micro \[(?P<by_low>{N}), (?P<by_high>{N})\](?: on average, the same way in (?P<same>\d+) "
    r"of (?P<pairs>\d+) (?:languages|pairs)| in (?P<lang>[^,]+)), among (?P<translators>\d+) "
    r"translators(?P<spoilt>, those spoilt on purpose included)?(?:: no claim|; "
    rf"(?P<holm>{P}) after Holm)\.",
]
_COURSE: Final = (
    rf"retrieval@1 (?:(?P<before>{N}) before training, )?(?:(?P<without>{N}) without OTC, )?"
    rf"(?P<after>{N}) with OTC"
)
_SPREAD: Final = (
    rf"(?P<spread>{N}) over seeds \(standard deviation\), where decisions that turn by chance on "
    rf"these (?P<items>{N}) test items explain (?P<chance>{N})"
)
FOUND: Final = [
    rf"In (?P<lang>\w+), (?P<arm>.+) does worse than zero-shot: {effect('by')}\. (?P<quality>.+)",
    rf"In (?P<lang>\w+), OTC adds {effect('by')} to (?P<arm>.+): no effect seen, and "
    rf"(?P<why>the pairs were aligned already|the pairs never aligned) \({_COURSE}\)\.",
    rf"In (?P<lang>\w+), (?P<arm>.+) spreads by {_SPREAD}; one run collapsed: seed (?P<seed>\d+) "
    rf"scores (?P<lowest>{N}), the others (?P<others>{N}) on average\.",
    rf"In (?P<lang>\w+), (?P<arm>.+) spreads by {_SPREAD}; no single run accounts for it, they "
    rf"reach from (?P<lowest>{N}) to (?P<highest>{N})\.",
    rf"Over all languages, (?P<arm>.+) does (?P<does>better than|as well as) with true pairs where "
    rf"OTC's pairs are shuffled \(true over shuffled {effect('true')}, shuffled over no OTC "
    rf"{effect('off')}\): OTC is regularising, not aligning\.",
]
REASONS: Final = [
    rf"(?P<worse>){effect('by')} over zero-shot is not clearly below zero",
    rf"(?P<has>)OTC has an effect: {effect('by')}",
    r"(?P<few>)retrieval among (?P<pairs>\d+) pairs says nothing of alignment",
    rf"(?P<none>)OTC adds {effect('by')}; retrieval@1 (?:with OTC|before training or without OTC) "
    r"is not known",
    rf"(?P<unsure>)OTC adds {effect('by')}, which is not sure beside all else that the page asks",
    rf"(?P<moved>)OTC adds {effect('by')}, but the vectors do not say why: {_COURSE}",
    rf"seeds spread by (?P<spread>{N}) \(standard deviation\), decisions that turn by chance "
    rf"explain (?P<chance>{N}); trainings that differ by (?P<visible>{N}) would be seen four times "
    r"in five",
    r"(?P<seeds>\d) of at least (?P<least>3) seeds are known",
    rf"(?P<better>)true pairs do better than shuffled ones: {effect('true')}",
    r"neither true nor shuffled pairs are seen to help, so nothing can be told \(true over "
    rf"shuffled {effect('true')}, shuffled over no OTC {effect('off')}\)",
    rf"OTC on true pairs helps \({effect('on')}\), but shuffled ones are neither clearly worse "
    rf"than true ones nor clearly better than none \(true over shuffled {effect('true')}, shuffled "
    rf"over no OTC {effect('off')}\)",
    r"the control is incomplete: (?:true and shuffled pairs|shuffled pairs) were not compared",
    r"no arm was (?:compared with zero-shot|run with and without OTC|run with several seeds)",
    r"no control with shuffled pairs was run",
    r"each condition was trained once, and another training gives other scores",
    r"the difference that OTC makes is not known",
]
NOTES: Final = [
    r"Each is measured on the seeds and test rows that both sides share; brackets hold 95 % "
    r"intervals over (?P<luck>seeds and test rows|test rows alone)\.(?: Holm's p counts all "
    r"(?P<tests>\d+) tests of this page together, those of single languages, of regressions and of "
    r"the diagnosis too; a difference on average weighs as much as its languages together\. At or "
    r"below \.05 it stands although so much was looked at\.)?",
    r"F1-micro, the share of test rows given the right label: mean over seeds(?: and sources)?, ± "
    rf"their standard deviation over seeds\. The stronger the colour, the higher: from "
    rf"(?P<low>{N}) to (?P<high>{N})\.(?: There is a mean only for what was tried in every "
    r"language\.)?",
    r"(?P<metric>Mean of the labels' F1|Distance from the true label; lower is better|1 is "
    r"perfect, 0 is chance|How far stated probabilities are from the share of right labels; lower "
    rf"is better)\. The stronger the colour, the higher: from (?P<low>{N}) to (?P<high>{N})\.",
    r"Each condition was trained once: the intervals are over test rows alone, and another "
    r"training gives other differences\.",
    r"F1-micro\. Could have seen: the smallest true effect .*",
    r"F1-micro, mean over seeds ± standard deviation\. Rows: .*",
    r"Means: (?P<blocks>.+)\.",
    r"F1-micro by the (?:ratio|number) of .*",
    r"Each point is a translator; up: F1-micro .*",
    r"(?:chrF|BLEU|Similarity): (?:against the trusted translations, 0 to 100|mean cosine of a "
    r"translation and its original, by the untrained encoder)\.",
    r"chrF and BLEU \(sacrebleu\) against the trusted translations; .*",
    r"Pairs of an original and its translation that were not trained on .*",
    r"What OTC adds to F1-micro over the scores of all languages, sources and seeds\. .*",
    r"Means of a training, on the machine named below\.",
    r"No known failure was found\.|Nothing could be judged\.|What to try:",
    r"Babelift study · \d{4}-\d\d-\d\d",
    r"Made by Babelift .* from the study's files alone\. .*",
    r"Not for commercial use: .*",
]
METRICS: Final = {
    "F1-micro": "f1_micro", "F1-macro": "f1_macro", "Mean absolute error": "mae",
    "Quadratic weighted kappa": "qwk", "Calibration error": "calibration_error",
}  # fmt: skip


def key(condition: Values) -> tuple[Any, ...]:
    """A condition over its sources, fit to look things up by."""
    return tuple(condition[axis] for axis in AXES if axis != "source")


@dataclass
class Answer:
    """A contrast worked out again."""

    record: Values
    arm: Values
    base: Values
    kind: str
    primary: bool
    pair: Pair
    mean: Estimate
    langs: dict[str, Estimate]
    p: float = 1.0
    p_langs: dict[str, float] | None = None
    seen: tuple[float, float, float] | None = None

    @property
    def sure(self) -> int:
        """1 or -1 where it is claimed to be above or below zero."""
        claimed = self.mean.seeds > 1 and self.p <= LEVEL
        return int(np.sign(self.mean.delta)) if claimed else 0


class StudyPage:
    """Reads a study's page; `findings` say what came of it."""

    def __init__(self, folder: Path) -> None:
        self.findings = Findings()
        self.folder = folder
        self.record: dict[str, Any] = json.loads((folder / "report.json").read_text("utf-8"))
        self.runs: dict[str, Any] = json.loads((folder / "runs.json").read_text("utf-8"))
        self.settings: dict[str, Any] = self.record["settings"]
        predictions = pl.read_parquet(folder / "predictions.parquet")
        self.predictions = predictions
        self.results = pl.read_parquet(folder / "results.parquet")
        added = self.results.filter(pl.col("arm").is_in(list(self.settings.get("added") or {})))
        self.places = [
            *self.runs["places"],
            *added.group_by(*AXES, "run", "seed", maintain_order=True)
            .agg(langs=pl.col("lang").unique())
            .to_dicts(),
        ]
        done = set(predictions["run"].unique())
        self.places = [place for place in self.places if place["run"] in done]
        self.study = Study.of(self.places, predictions)
        self.measured = self.study.metrics(self.runs["labels"], self._ordinal())
        self.encoder = next(iter(self.settings["encoders"]))
        self.pieces = pieces((folder / "report.html").read_text("utf-8"))
        self.answers = [self._answer(record) for record in self.record["answers"]]
        self.regressions = dict(self._regressions())
        self.trend = self._trend()
        self._family()
        self._whole()
        for piece in self.pieces:
            self._piece(piece)

    def _ordinal(self) -> bool:
        return bool(set(self.results["metric"]) & {"mae", "qwk"}) or False

    # Working things out again.

    def _answer(self, record: Values) -> Answer:
        question = record["question"]
        pair = self.study.pair(question["arm"], question["base"])
        langs = {
            str(lang): estimate(*_single(pair.of(str(lang)))) for lang in np.unique(pair.langs)
        }
        mean = estimate(pair.difference, pair.strata, pair.items)
        return Answer(
            record, question["arm"], question["base"], question["kind"], record["primary"],
            pair, mean, langs,
        )  # fmt: skip

    def _regressions(self) -> Iterator[tuple[str, tuple[Fit, Fit, Answer]]]:
        """By name: the model with a term for the training, the plain one, and their answer."""
        waiting = [answer for answer in self.answers if answer.kind == "otc"]
        for name, record in self.record["regressions"].items():
            while waiting:
                answer = waiting.pop(0)
                if re.fullmatch(
                    re.escape(f"{answer.arm['otc']}, {answer.arm['arm']}") + r"(?: \(.*\))?", name
                ):
                    break
            else:
                self.findings.fault("regression", f"of {name} has no contrast")
                return
            sides = [
                self.study.condition(side)
                .group_by("source", "seed", "lang", "run")
                .agg(pl.col("right").mean())
                .with_columns(otc=pl.lit(number))
                for number, side in enumerate((answer.base, answer.arm))
            ]
            on = ["source", "seed", "lang"]
            table = pl.concat(
                [sides[0].join(sides[1], on=on, how="semi"),
                 sides[1].join(sides[0], on=on, how="semi")]
            ).sort("otc", "source", "seed", "lang")  # fmt: skip
            yield name, (*_regression(table, record), answer)

    def _trend(self) -> dict[str, Any] | None:
        if not self.record["trend"]:
            return None
        specs = self.settings["translators"]
        first = {
            "arm": "translated", "otc": "off", "ratio": self.settings["ratios"][0],
            "encoder": self.encoder, "source": None, "rows": self.settings["rows"][0],
        }  # fmt: skip
        tables = {name: self.study.condition({**first, "translator": name}) for name in specs}
        shared = set.intersection(
            *(set(part["seed"]) for table in tables.values()
              for _, part in table.group_by("source", "lang"))
        )  # fmt: skip
        points: dict[tuple[str, str], list[tuple[str, float, float]]] = {}
        for quality in self.runs["quality"]:
            name, where = quality["translator"], (quality["source"], quality["lang"])
            if name not in tables or quality.get("chrf") is None:
                continue
            rows = tables[name].filter(
                pl.col("source") == where[0], pl.col("lang") == where[1],
                pl.col("seed").is_in(list(shared)),
            )  # fmt: skip
            if rows.height:
                mean = float(rows["right"].to_numpy().mean())
                points.setdefault(where, []).append((name, quality["chrf"], mean))
        pairs = {where: own for where, own in points.items() if len(own) >= 4}
        delta, low, high, p = slope({str(where): own for where, own in pairs.items()})
        each = [slope({"": own})[0] for own in pairs.values()]
        return {
            "by": delta, "by_low": low, "by_high": high, "p": p, "pairs": len(pairs),
            "same": sum(own * delta > 0 for own in each),
            "translators": max(map(len, pairs.values())), "seeds": len(shared),
            "lang": language(next(iter(pairs))[1]) if len(pairs) == 1 else None,
            "spoilt": any(str(text).startswith("degraded:") for text in specs.values()),
        }  # fmt: skip

    def _family(self) -> None:
        """Holm over all that the page claims; the primary contrast has a test of its own."""
        tests: list[tuple[list[float], float]] = []
        for answer in self.answers:
            if not answer.primary:
                tests.append(([answer.mean.p], len(answer.langs)))
            tests += [([own.p], 1.0) for own in answer.langs.values()]
        most = max((len(answer.langs) for answer in self.answers), default=1)
        tests += [([max(fit.p, own.mean.p)], most) for fit, _, own in self.regressions.values()]
        if self.trend:
            tests.append(([self.trend["p"]], self.trend["pairs"]))
        adjusted = iter([p for (p,) in holm(tests)])
        total = sum(weight for _, weight in tests)
        for answer in self.answers:
            answer.p = answer.mean.p if answer.primary else next(adjusted)
            answer.p_langs = {lang: next(adjusted) for lang in answer.langs}
            level = LEVEL if answer.primary else LEVEL * len(answer.langs) / total
            answer.seen = seen(answer.mean, level) if answer.mean.seeds > 1 else None
        self.p_regressions = {name: next(adjusted) for name in self.regressions}
        if self.trend:
            self.trend["holm"] = next(adjusted)
        self.tests = len(tests)

    def _whole(self) -> None:
        """Every sentence that the record holds stands on the page, and its table is right."""
        text = " ".join(piece.text for piece in self.pieces)
        diagnosis = self.record["diagnosis"]
        sentences = [
            *self.record["opening"],
            *(answer[name] for answer in self.record["answers"]
              for name in ("sentence", "by_language_sentence")
              if not (answer["primary"] and name.startswith("by"))),
            *(found["sentence"] for found in self.record["regressions"].values()),
            (self.record["trend"] or {}).get("sentence", ""),
            *(found["sentence"] for found in diagnosis["findings"]),
            *(case["reason"] for kind in ("absent", "not_judged") for case in diagnosis[kind]),
            *(own["sentence"] for own in self.record["budget"]),
            *self.record["cautions"],
        ]  # fmt: skip
        for sentence in sentences:
            if fold(sentence) not in text:
                self.findings.fault("the page", f"lacks a sentence of the record: {sentence}")
        names = [(own.record["arm"], own.record["base"]) for own in self.answers]
        for name in {name for name in names if names.count(name) > 1}:
            self.findings.fault("the page", f"has one name for two contrasts: {' − '.join(name)}")
        on = [*AXES, "run", "lang", "metric"]
        ours = self.measured.select(*on, ours="value").unique()
        both = self.results.join(ours, on=on, how="left", nulls_equal=True)
        known = both.filter(pl.col("ours").is_not_null())
        for row in known.filter((pl.col("ours") - pl.col("value")).abs() > 1e-9).to_dicts():
            self.findings.fault("results.parquet", f"{row}")
        self.findings.confirmed += known.height
        self.findings.unchecked["results.parquet"] += both.height - known.height

    # Reading the page.

    def _piece(self, piece: Piece) -> None:
        if piece.tag == "loose":
            self.findings.fault("the page", f"has words that are in no paragraph: {piece.text}")
        elif piece.tag == "table":
            self._table(piece)
        elif piece.tag == "plot":
            self._plot(piece)
        elif piece.tag in ("p", "li", "div"):
            self._sentence(piece)

    def _sentence(self, piece: Piece) -> None:
        readers: dict[str, Callable[[Piece], bool]] = {
            "": self._head, "decision": self._decision, "answers": self._answers,
            "diagnosis": self._diagnosis, "budget": self._budget, "quality": self._quality,
            "flips": self._flips, "regression": self._regression_part,
        }  # fmt: skip
        if "legend" in piece.under.split() and piece.tag == "li":
            return
        if piece.section in readers and readers[piece.section](piece):
            return
        if piece.section == "provenance" and piece.tag == "li":
            self._as_recorded("what was checked", piece.text, self.record["shared"])
            return
        self._note(piece)

    def _as_recorded(self, kind: str, text: str, texts: Sequence[str]) -> bool:
        """A sentence about the rows or the run, which no prediction tells."""
        plain = [fold(own).rstrip(".").lower() for own in texts]
        if text.rstrip(".").lower() in plain:
            self.findings.sentences += 1
            self.findings.leave(kind, text)
            return True
        return False

    def _note(self, piece: Piece) -> None:
        ends = None
        for name, metric in METRICS.items():
            if piece.heading == name or (metric == "f1_micro" and piece.text.startswith(name)):
                ends = metric
        means = over_sources(self.measured).filter(metric=ends or "f1_micro")["mean"]
        low, high = (None, None) if not len(means) else (means.min(), means.max())
        self.findings.read(
            "notes", piece.text, NOTES, tests=self.tests, low=low, high=high,
            luck="seeds and test rows" if any(own.mean.seeds > 1 for own in self.answers)
            else "test rows alone",
        )  # fmt: skip

    def _head(self, piece: Piece) -> bool:
        if piece.text == fold(self.record["question"]):
            return True
        if piece.text in map(fold, self.record["opening"]):
            answer = next((own for own in self.answers if own.primary), None)
            if answer and piece.text == fold(answer.record["sentence"]):
                self._contrast(answer, piece.text)
                return True
            true: dict[str, Any] = {"advised": 5}
            if answer:
                true |= {"langs": len(answer.langs), "langs2": len(answer.langs),
                         "p": answer.mean.p, "by": answer.mean.delta}  # fmt: skip
                if len(answer.langs) > 1 and answer.mean.seeds > 1:
                    low, high, p = elsewhere(answer.pair)
                    held = bool(answer.sure) and p <= LEVEL
                    true |= {"by_low": low, "by_high": high, "p2": p,
                             "yes": "It would" if held else "not to be said"}  # fmt: skip
            self.findings.read("opening", piece.text, OPENING, **true)
            return True
        about = [*self.record["cautions"], *self.record["failed"], *self.record["notes"]]
        return self._as_recorded("cautions and notes", piece.text, about)

    def _contrast(self, answer: Answer, text: str) -> None:
        """A sentence about one contrast: its numbers, its verb and its names."""
        mean, langs = answer.mean, [own.delta for own in answer.langs.values()]
        rival, claimed = answer.kind != "otc", mean.seeds > 1
        if not claimed:
            verb = {1: "gave more right labels than", -1: "gave fewer right labels than"}.get(
                int(np.sign(mean.delta)), "gave as many right labels as"
            )
        elif not mean.delta and not mean.error:
            verb = "are right and wrong on the very same rows"
        elif not answer.sure:
            unseen = "no effect that is sure" if mean.p <= LEVEL else "no effect seen"
            verb = "cannot be told apart" if rival else unseen
        elif rival:
            verb = "beats" if answer.sure > 0 else "does worse than"
        else:
            verb = "adds" if answer.sure > 0 else "costs"
        side = -1 if verb == "costs" else 1
        ends = sorted((side * mean.low, side * mean.high))
        going = np.sign(mean.delta) if answer.sure else 1
        lone = mean.p <= LEVEL and not answer.sure
        match = self.findings.read(
            "contrasts", text, ANSWERS, verb=verb, by=side * mean.delta, by_low=ends[0],
            by_high=ends[1], average=" on average", langs=len(langs),
            ahead=sum(delta * going > 0 for delta in langs),
            lang=language(next(iter(answer.langs))),
            holm=answer.p, **seen_parts(answer.seen, mean.seeds),
        )  # fmt: skip
        if not match:
            return
        said = match.groupdict()
        if claimed and not answer.sure and mean.delta and bool(said.get("lone")) != lone:
            self.findings.fault("contrasts", f"alone it is {'' if lone else 'not '}sure: {text}")
        if bool(said.get("average")) != (len(langs) > 1) and "average" in said and said.get("by"):
            self.findings.fault("contrasts", f"of {len(langs)} languages: {text}")
        self._named(said["arm"], answer.arm, text, answer.kind)
        if said.get("base"):
            self._named(said["base"], answer.base, text)

    def _named(self, name: str, condition: Values, text: str, kind: str = "arm") -> None:
        """A condition goes by its own name, and what is in brackets is its own."""
        arm = ARMS.get(condition["arm"], condition["arm"])
        otc = {"off": "", "on": " with OTC"}.get(
            condition["otc"], f" with OTC ({condition['otc']})"
        )
        start = arm + otc
        if kind == "otc" and name.startswith("OTC"):
            start = "OTC" if condition["otc"] == "on" else f"OTC ({condition['otc']})"
            name = name.replace(f", beside {arm}", "").removesuffix(",")
        elif kind == "ratio":
            start = f"a ratio of {condition['ratio']}"
        rows = "all rows" if condition["rows"] is None else f"{condition['rows']:,} rows"
        own = {condition["ratio"], condition["translator"], condition["encoder"], rows}
        rest = name[len(start) :]
        more = re.fullmatch(r"(?: \((.*)\))?", rest)
        same = name.lower().startswith(start.lower()) and more is not None
        if not same or not set(filter(None, (more[1] or "").split(", "))) <= own:
            self.findings.fault("names", f"{name!r} is not {condition}: {text}")

    def _answers(self, piece: Piece) -> bool:
        for answer in self.answers:
            sentence = fold(answer.record["sentence"])
            if not answer.primary and piece.tag == "li" and piece.text.startswith(sentence):
                break
        else:
            return False
        self._contrast(answer, sentence)
        rest = piece.text[len(sentence) :].strip()
        more = fold(answer.record["by_language_sentence"])
        if more and rest.startswith(more):
            rest = rest[len(more) :].strip()
            self._by_language(answer, more)
        # One training has no p, and a sentence that gives it is not followed by it again.
        if answer.mean.seeds > 1 and "after Holm" not in sentence:
            self.findings.read("contrasts", rest, [rf"(?P<holm>{P}) after Holm\."], holm=answer.p)
        elif rest:
            self.findings.fault("contrasts", f"is too much: {rest}")
        return True

    def _by_language(self, answer: Answer, text: str) -> None:
        gains = {lang: own.delta for lang, own in answer.langs.items()}
        least, most = min(gains.values()), max(gains.values())
        sure = []
        for did, side in (("gain", 1), ("lose", -1)):
            own = [
                lang for lang, gain in answer.langs.items()
                if gain.seeds > 1 and gain.delta * side > 0 and answer.p_langs
                and answer.p_langs[lang] <= LEVEL
            ]  # fmt: skip
            if own:
                names = listed([language(lang) for lang in own])
                sure.append(f"{names} truly {did}{'' if len(own) > 1 else 's'}")
        form = (
            rf"From (?P<least>{N}) in (?P<in>.+?) to (?P<most>{N}) in (?P<at>[^;]+?)"
            r"(?:; (?P<sure>.+))?\."
        )
        match = self.findings.read(
            "by language", text, [form], least=least, most=most, sure=listed(sure)
        )
        if match is None:
            return
        if bool(match["sure"]) != bool(sure):
            self.findings.fault("by language", f"sure is {listed(sure) or 'none'}: {text}")
        for name, end in ((match["in"], least), (match["at"], most)):
            # Of languages with one and the same difference any may be named.
            if name not in {
                language(lang) for lang, gain in gains.items() if abs(gain - end) < 1e-9
            }:
                self.findings.fault("by language", f"{name} is not at that end: {text}")

    def _regression_part(self, piece: Piece) -> bool:
        for name, (fit, plain, _) in self.regressions.items():
            if piece.text.startswith(f"Regression, OTC {name}: "):
                sure = self.p_regressions[name] <= LEVEL
                self.findings.read(
                    "regression", piece.text, REGRESSION, name=name,
                    coefficient=fit.coefficient, error=fit.error, holm=self.p_regressions[name],
                    verb="an effect" if sure else "no effect seen", plain=plain.error,
                    plain_p=plain.p,
                )  # fmt: skip
                return True
            notes = " ".join(self.record["regressions"][name]["notes"])
            if piece.text == fold(f"{name}: {notes}"):
                return self._as_recorded("notes on regressions", piece.text, [piece.text])
        return False

    def _quality(self, piece: Piece) -> bool:
        if not self.trend or piece.text != fold(self.record["trend"]["sentence"]):
            return False
        trend = self.trend
        verb = None
        if trend["seeds"] > 1:
            verb = "No effect of the translations' quality seen"
            if trend["holm"] <= LEVEL:
                better = "better" if trend["by"] > 0 else "worse"
                verb = f"Better translations gave {better} classifiers"
        true = {name: trend[name] for name in trend if name not in ("p", "seeds", "spoilt")}
        match = self.findings.read("quality", piece.text, TREND, **true, verb=verb)
        if match and bool(match["spoilt"]) != trend["spoilt"]:
            self.findings.fault("quality", f"spoilt translators: {piece.text}")
        return True

    # The diagnosis.

    def _of(self, arm: Values, base: Values) -> Answer | None:
        wanted = key(arm), key(base)
        return next((own for own in self.answers if (key(own.arm), key(own.base)) == wanted), None)

    def _diagnosis(self, piece: Piece) -> bool:
        diagnosis = self.record["diagnosis"]
        for found in diagnosis["findings"]:
            if piece.text == fold(found["sentence"]):
                true = self._evidence(found)
                lang = found["where"]["lang"]
                match = self.findings.read(
                    "diagnosis", piece.text, FOUND, **true, lang=lang and language(lang)
                )
                if match and "arm" in match.groupdict():
                    arm = found["where"]["condition"]
                    if found["name"] == "otc-without-effect":
                        arm = {**arm, "otc": "off"}
                        name = re.sub(r" \((?!.*\d:\d)[\w-]+\)$", "", match["arm"])
                    else:
                        name = re.sub(r" from .*", "", match["arm"])
                    self._named(name, arm, piece.text)
                if not true.get("holds", True):
                    self.findings.fault("diagnosis", f"is not so: {piece.text}")
                return True
            if piece.text.rstrip(".") in [fold(own).rstrip(".") for own in found["advice"]]:
                self.findings.sentences += 1
                self.findings.leave("advice", piece.text)
                return True
        for kind in ("absent", "not_judged"):
            for case in diagnosis[kind]:
                where = ""
                if case["where"]:
                    lang = case["where"]["lang"]
                    where = (
                        f"{language(lang) if lang else 'All languages'}, {case['where']['arm']}: "
                    )
                if piece.text == fold(where + case["reason"]):
                    true = self._evidence(case) if case["where"] else {}
                    match = self.findings.read("diagnosis", fold(case["reason"]), REASONS, **true)
                    if match and kind == "absent" and true.get("holds", False):
                        self.findings.fault("diagnosis", f"was found all the same: {piece.text}")
                    return True
        return False

    def _evidence(self, case: Values) -> dict[str, Any]:
        """All that a verdict says, worked out again; `holds` where its signature is there."""
        where = case["where"]
        arm, lang, name = where["condition"], where["lang"], case["name"]
        if name == "worse-than-zero-shot":
            answer = next(
                own for own in self.answers
                if own.base["arm"] == "zero-shot" and own.kind == "arm"
                and key(own.arm) == key(arm) and lang in own.langs
            )  # fmt: skip
            return self._worse(answer, lang, arm)
        if name == "otc-without-effect":
            return self._otc(self._of(arm, {**arm, "otc": "off"}), lang, arm)
        if name == "unstable-across-seeds":
            return self._seeds(arm, lang)
        return self._control(arm)

    def _worse(self, answer: Answer, lang: str, arm: Values) -> dict[str, Any]:
        own, p = answer.langs[lang], (answer.p_langs or {})[lang]
        rows = [
            row for row in self.runs["quality"]
            if (row["translator"], row["lang"]) == (arm["translator"], lang)
        ]  # fmt: skip
        chrf = [row["chrf"] for row in rows if row.get("chrf") is not None]
        flagged = [row["flagged"] for row in rows if row.get("flagged") is not None]
        parts, poor = [], []
        if chrf:
            parts.append(f"their chrF is {np.mean(chrf):.0f}")
            poor += parts[-1:] if np.mean(chrf) < (22 if lang in ("ja", "zh") else 50) else []
        if flagged:
            share = 100 * float(np.mean(flagged))
            text = "under 0.1" if 0 < share < 0.1 else f"{share:.1f}".removesuffix(".0")
            parts.append(f"{text} % of them have a fault")
        quality = "How good the translations are was not measured."
        if parts and not poor:
            quality = f"What was measured of the translations does not explain it: {listed(parts)}."
        said = re.search(r"The translations are poor: .*", case_sentence(self.record, arm, lang))
        if said:  # which share of faults is many is the checks' own rule
            quality = f"The translations are poor: {listed(poor or parts[-1:])}."
            if flagged and poor and "fault" in said.group():
                quality = f"The translations are poor: {listed([*poor, parts[-1]])}."
        return {
            "by": own.delta, "by_low": own.low, "by_high": own.high, "quality": quality,
            "holds": p <= LEVEL and own.high < 0, "delta": own.delta, "low": own.low,
            "high": own.high, "chrf": float(np.mean(chrf)) if chrf else None,
            "flagged": float(np.mean(flagged)) if flagged else None,
        }  # fmt: skip

    @cache  # noqa: B019
    def _alignment(self, arm: tuple[Any, ...], lang: str, stage: str, what: str) -> float | None:
        values = [
            row[what]
            for place in self.runs["places"]
            if key(place) == arm and lang in place["langs"] and place["run"] in self.runs["runs"]
            for row in self.runs["runs"][place["run"]]["alignment"]
            if row["lang"] == lang and row["stage"] == stage
            and row["source"] in place["source"].split("+")
        ]  # fmt: skip
        return float(np.mean(values)) if values else None

    def _otc(self, answer: Answer | None, lang: str, arm: Values) -> dict[str, Any]:
        if answer is None:
            self.findings.fault("diagnosis", f"of a contrast that the page has not: {arm}")
            return {}
        own = answer.langs[lang]
        on, off = key(arm), key({**arm, "otc": "off"})
        stages = {"before": (on, "before"), "without": (off, "after"), "with": (on, "after")}
        points = {
            f"{what}_{name}": self._alignment(condition, lang, stage, what)
            for what in ("retrieval", "cosine")
            for name, (condition, stage) in stages.items()
        }
        before, without, after = (points[f"retrieval_{name}"] for name in stages)
        known = [point for point in (before, without) if point is not None]
        why = None
        if known and after is not None:
            rise, moved = after - max(known), max(*known, after) - min(*known, after)
            if after >= 0.5 and rise >= -0.05 - 1e-9 and (max(known) >= 0.9 or rise <= 0.05 + 1e-9):
                why = "the pairs were aligned already"
            elif max(*known, after) < 0.5 and moved <= 0.05 + 1e-9:
                why = "the pairs never aligned"
        pairs = self._alignment(on, lang, "after", "pairs")
        seen_effect = own.low > 0 or own.high < 0  # sure or not, it is not "none"
        return {
            "by": own.delta, "by_low": own.low, "by_high": own.high, "before": before,
            "without": without, "after": after, "why": why, "holds": not seen_effect and bool(why),
            "pairs": pairs, "delta": own.delta, "low": own.low, "high": own.high,
            "chance": 1 / pairs if pairs else None, **points,
        }  # fmt: skip

    def _seeds(self, arm: Values, lang: str) -> dict[str, Any]:
        rows = self.study.condition(arm).filter(lang=lang)
        many = rows["seed"].n_unique()
        rows = rows.filter(pl.len().over("id") == many).sort("id", "seed")
        right = rows["right"].to_numpy().reshape(-1, many)
        items = rows["group_id"].to_numpy()[::many]
        scores, names = right.mean(axis=0), sorted(rows["seed"].unique())
        if many < 3:
            return {"seeds": many, "least": 3}
        chance, spread = chance_spread(right.T, items), float(scores.std(ddof=1))
        main = next(own for own in self.answers if own.primary)
        sides = [key(main.arm), key(main.base)]
        looked = self.study.table.filter(pl.col("lang").is_in(list(main.langs)))
        looked_at = sum(
            key(dict(zip([*AXES, "lang"], values, strict=True))) in sides
            for values, _ in looked.group_by([*AXES, "lang"])
        )

        def steady(values: Any) -> bool:
            wide, freedom = float(np.std(values, ddof=1)), len(values) - 1
            p = (
                float(stats.chi2.sf(freedom * (wide / chance) ** 2, freedom))
                if chance
                else float(not wide)
            )
            luck = max(0.0, wide**2 - chance**2) ** 0.5
            return luck < 0.01 or p >= LEVEL / looked_at

        ratio = stats.chi2.isf(LEVEL / looked_at, many - 1) / stats.chi2.ppf(0.2, many - 1)
        lowest = int(scores.argmin())
        others = np.delete(scores, lowest)
        return {
            "spread": spread, "chance": chance, "seeds": many, "items": len(set(items)),
            "visible": max(0.01, chance * float(ratio - 1) ** 0.5), "lowest": float(scores.min()),
            "others": float(others.mean()), "highest": float(scores.max()), "seed": names[lowest],
            "holds": not steady(scores), "deviation": spread, "lowest_seed": names[lowest],
            "luck": max(0.0, spread**2 - chance**2) ** 0.5,
            "p": float(stats.chi2.sf((many - 1) * (spread / chance) ** 2, many - 1))
            if chance else 0.0,
        }  # fmt: skip

    def _control(self, arm: Values) -> dict[str, Any]:
        on, off = {**arm, "otc": "on"}, {**arm, "otc": "off"}
        true: dict[str, Any] = {}
        sides: dict[str, int] = {}
        for name, long, contrast in (
            ("true", "true_over_shuffled", (on, arm)),
            ("off", "shuffled_over_off", (arm, off)),
            ("on", "true_over_off", (on, off)),
        ):
            if answer := self._of(*contrast):
                mean = answer.mean
                true |= {name: mean.delta, f"{name}_low": mean.low, f"{name}_high": mean.high}
                true |= {long: mean.delta, f"{long}_low": mean.low, f"{long}_high": mean.high}
                sides[name] = (
                    int(np.sign(mean.delta))
                    if answer.p <= LEVEL and mean.low * mean.high > 0
                    else 0
                )
        true["holds"] = sides.get("off", 0) > 0 and sides.get("true", 0) <= 0
        true["does"] = "better than" if sides.get("true", 0) < 0 else "as well as"
        return true

    # What else stands in sentences.

    def _flips(self, piece: Piece) -> bool:
        if piece.tag == "div":  # a test row, with its text
            self.findings.sentences += 1
            self.findings.leave("test rows shown", piece.text)
            return True
        flips = self.record["flips"]
        form = (
            rf"Of (?P<rows>{N}) test rows?, (?:most of the (?P<on>\d+) trainings with .+ have|the "
            rf"training with .+ has) (?P<gained>{N}) right that (?:most of the (?P<off>\d+) "
            rf"without have|the one without has) wrong, and (?P<lost>{N}) the other way about "
            rf"\(arm: "
            r"(?P<arm>[^)]+)\)\.(?P<one> With one training of a side this says nothing of OTC: any "
            rf"two trainings differ on some rows\.)?(?: (?P<undecided>{N}) more are right in just "
            rf"half of the trainings of a side, so that no majority turned: (?P<better>{N}) are "
            rf"right in a larger share of the trainings with .+, (?P<worse>{N}) in a smaller\.)?"
        )
        arm = {
            "arm": flips["arm"], "otc": flips["otc"], "ratio": self.settings["ratios"][0],
            "translator": "reference" if flips["arm"] == "reference"
            else self.settings["primary"].get("translator")
            or next(iter(self.settings["translators"])),
            "encoder": self.encoder, "source": None, "rows": self.settings["rows"][0],
        }  # fmt: skip
        shares = [
            self.study.condition(side).group_by("lang", "id").agg(
                pl.col("right").mean(), many=pl.len()
            )
            for side in (arm, {**arm, "otc": "off"})
        ]  # fmt: skip
        both = shares[0].join(shares[1], on=["lang", "id"])
        on, off = both["right"].to_numpy(), both["right_right"].to_numpy()
        half = (on == 0.5) | (off == 0.5)
        return bool(self.findings.read(
            "flipped rows", piece.text, [form], rows=len(on), arm=flips["arm"],
            on=int(both["many"].to_numpy().max()), off=int(both["many_right"].to_numpy().max()),
            gained=int(((on > 0.5) & (off < 0.5)).sum()),
            lost=int(((on < 0.5) & (off > 0.5)).sum()), undecided=int(half.sum()),
            better=int((half & (on > off)).sum()), worse=int((half & (on < off)).sum()),
        )) or True  # fmt: skip

    def _budget(self, piece: Piece) -> bool:
        from read_decision import budget_part

        return budget_part(self, piece)

    def _decision(self, piece: Piece) -> bool:
        from read_decision import decision_part

        return decision_part(self, piece)

    # Tables and plots.

    def _plot(self, piece: Piece) -> None:
        if piece.section != "differences":
            for row in piece.rows:
                if len(row) > 1 and re.search(r"\d", row[1]):
                    self.findings.fault("plots", f"has words that are not read: {row}")
            return
        named = {
            _capital(f"{own.record['arm']} − {own.record['base']}"): own for own in self.answers
        }
        answer = named.get(piece.text)
        for name, said, *_ in piece.rows:
            found = None
            if answer is None:  # at a glance: one row for each contrast, by its distinct side
                title = piece.text.partition(": ")[2] or piece.text
                found = next(
                    (own.mean for own in self.answers if (not own.primary
                     and {name.lower(), title.removeprefix("over ").removesuffix(" over").lower()}
                     == {own.record["arm"].lower(), own.record["base"].lower()})
                     or (title == "added to" and name.lower() == own.record["base"].lower()
                         and own.kind == "otc" and self._said(own, said))),
                    None,
                )  # fmt: skip
            elif name == "Mean":
                found = answer.mean
            elif " → " in name:
                tags = {language(tag): tag for tag in np.unique(answer.pair.langs)}
                of = {f"{_source(s.split('>')[0])} → {language(s.split('>')[1])}": s
                      for s in np.unique(answer.pair.strata) if ">" in s}  # fmt: skip
                own = answer.pair.strata == of.get(name, tags.get(name))
                pair = Pair(*(part[..., own] for part in answer.pair))
                found = estimate(pair.difference, pair.strata, pair.items)
            else:
                found = next(
                    (own for lang, own in answer.langs.items() if language(lang) == name), None
                )
            if found is None:
                self.findings.fault("plots", f"{piece.text}: {name} is not known")
                continue
            self.findings.read(
                "plots", said, [effect("by")], by=found.delta, by_low=found.low, by_high=found.high
            )

    def _said(self, answer: Answer, said: str) -> bool:
        match = re.fullmatch(effect("by"), said)
        return match is not None and abs(value(match["by"]) - answer.mean.delta) <= 0.0051

    def _table(self, piece: Piece) -> None:
        name, rows = piece.text, piece.rows
        self.findings.sentences += sum(map(len, rows))
        if name.endswith(" per language and condition"):
            self._scores(METRICS[name.removesuffix(" per language and condition")], rows)
        elif name == "All differences in numbers":
            self._differences(rows[1:])
        elif name == "Regression":
            self._regression_table(rows[1:])
        elif name == "Quality of translations":
            self._quality_table(rows[1:])
        elif name.startswith("Alignment: "):
            self._alignment_table(name.removeprefix("Alignment: "), rows[2:])
        elif name.startswith("Evidence: "):
            self._evidence_table(rows)
        elif name.startswith("Sources by test languages: "):
            self._matrix(name.removeprefix("Sources by test languages: "), rows)
        elif name in ("What to do in each language", "All ways that were tried"):
            from read_decision import decision_table

            decision_table(self, rows)
        elif name.startswith("Cost of ") or name == "Translators":
            for row in rows[1:]:
                self.findings.leave(name.lower(), " ".join(row[1:]))
        else:
            self.findings.fault("tables", f"of unknown name: {name}")

    def _scores(self, metric: str, rows: list[list[str]]) -> None:
        """Means and spreads by language; the columns stand as the study's conditions do."""
        means = over_sources(self.measured).filter(metric=metric)
        order = list(dict.fromkeys(
            key(row) for row in self.record["means"] if row["metric"] == metric
        ))  # fmt: skip
        arms = list(dict.fromkeys(condition[0] for condition in order))
        order.sort(key=lambda condition: arms.index(condition[0]))
        by = {(key({**row, "source": None}), row["lang"]): row for row in means.to_dicts()}
        langs = {lang for _, lang in by if lang}
        most = max((row["seeds"] for row in by.values()), default=1)
        body = [row for row in rows if row and (row[0] == "Mean" or row[0] in map(language, langs))]
        if len(body) != len(langs) + (len(langs) > 1):
            self.findings.fault("scores", f"{metric} has {len(body)} rows for {langs}")
        for name, *cells in body:
            lang = next((lang for lang in langs if language(lang) == name), None)
            for condition, cell in zip(order, cells, strict=True):
                row = by.get((condition, lang))
                where = f"scores, {metric}, {name}, {condition[0]} (OTC {condition[1]})"
                if row is None or (lang is None and row["langs"] < len(langs)):
                    if cell != "–":
                        self.findings.fault(where, f"says {cell} where there is nothing")
                    continue
                spread = [row["spread"]] if row["seeds"] > 1 else []
                fewer = [row["seeds"], most] if row["seeds"] < most else []
                self.findings.numbers(where, cell, row["mean"], *spread, *fewer)

    def _differences(self, rows: list[list[str]]) -> None:
        for answer, row in zip(self.answers, rows, strict=True):
            name, mean, interval, p, adjusted, could, ahead, sizes = row
            own = answer.mean
            where = f"all differences, {name}"
            if name != fold(f"{answer.record['arm']} − {answer.record['base']}"):
                self.findings.fault(where, "is out of its place")
            self._named(name.partition(" − ")[0], answer.arm, name)
            self._named(name.partition(" − ")[2], answer.base, name)
            self.findings.number(where, mean, own.delta)
            self.findings.numbers(where, interval, own.low, own.high)
            self.findings.number(where, p, own.p)
            self.findings.number(where, adjusted, None if answer.primary else answer.p)
            self.findings.number(where, could, answer.seen[0] if answer.seen else None)
            gains = [each.delta for each in answer.langs.values()]
            self.findings.numbers(where, ahead, sum(gain > 0 for gain in gains), len(gains))
            self.findings.numbers(where, sizes, own.seeds, own.items)

    def _regression_table(self, rows: list[list[str]]) -> None:
        fits = [(name, fit) for name, both in self.regressions.items() for fit in both[:2]]
        for (name, fit), row in zip(fits, rows, strict=True):
            coefficient, error, p, interval, scores = row[-5:]
            where = f"table of regressions, {name}"
            self.findings.number(where, coefficient, fit.coefficient)
            if fit.freedom < 1:
                self.findings.numbers(where, f"{error} {p} {interval}")
            else:
                reach = fit.error * stats.t.isf(0.025, fit.freedom)
                self.findings.number(where, error, fit.error)
                self.findings.number(where, p, fit.p)
                ends = fit.coefficient - reach, fit.coefficient + reach
                self.findings.numbers(where, interval, *ends)
            self.findings.leave("scores of a regression", scores)

    def _quality_table(self, rows: list[list[str]]) -> None:
        means = self.measured.filter(metric="f1_micro", otc="off", encoder=self.encoder)
        means = means.filter(
            pl.col("rows").eq_missing(pl.lit(self.settings["rows"][0], pl.Int64)),
            pl.col("ratio") == self.settings["ratios"][0],
        )
        for quality, row in zip(self.runs["quality"], rows, strict=True):
            name, pair, many, chrf, bleu, similar, _, f1 = row
            where = f"quality, {name}, {pair}"
            words = f"{_source(quality['source'])} → {language(quality['lang'])}"
            if pair != words:
                self.findings.fault(where, f"is {words}")
            self.findings.number(where, many, quality["rows"])
            for said, what in ((chrf, "chrf"), (bleu, "bleu"), (similar, "similarity")):
                self.findings.number(where, said, quality.get(what))
            arm = "reference" if quality["translator"] == "reference" else "translated"
            own = means.filter(
                arm=arm, translator=quality["translator"], lang=quality["lang"],
                source=quality["source"],
            )["value"].to_numpy()  # fmt: skip
            true = [float(own.mean())] if len(own) else []
            true += [float(own.std(ddof=1))] if len(own) > 1 else []
            self.findings.numbers(where, f1, *true)

    def _alignment_table(self, name: str, rows: list[list[str]]) -> None:
        otc = re.search(r"OTC: ([^,)]+)", name)
        variant, arm = otc[1] if otc else "on", re.split(r", | \(", name)[0]
        wide = [place for place in self.runs["places"] if place["arm"] == arm]
        fitting = {
            key(place) for place in wide if place["otc"] == variant
            and all(len({other[axis] for other in wide}) == 1 or word in name
                    for axis, word in (
                        ("translator", place["translator"]), ("encoder", place["encoder"]),
                        ("ratio", place["ratio"]),
                        ("rows", f"{place['rows']} rows" if place["rows"] else "all rows"),
                    ))
        }  # fmt: skip
        if len(fitting) != 1:
            self.findings.fault("alignment", f"of {name} is of {len(fitting)} conditions")
            return
        on = next(iter(fitting))
        off = (on[0], "off", *on[2:])
        measures = ("retrieval", "cosine", "cka", "uniformity")
        for row in rows:
            tag = next((tag for tag in self.settings["targets"] if language(tag) == row[0]), "")
            where = f"alignment, {name}, {row[0]}"
            self.findings.number(where, row[1], self._alignment(on, tag, "after", "pairs"))
            true = [
                self._alignment(condition, tag, stage, what)
                for what in measures
                for condition, stage in ((off, "before"), (off, "after"), (on, "after"))
            ]
            for cell, own in zip(row[2:], true, strict=True):
                self.findings.number(where, cell, own)

    def _evidence_table(self, rows: list[list[str]]) -> None:
        columns = [name.replace(" ", "_").lower() for name in rows[0][1:]]
        for where, *cells in rows[1:]:
            for found in self.record["diagnosis"]["findings"]:
                lang = found["where"]["lang"]
                own = f"{language(lang) if lang else 'all languages'}, {found['where']['arm']}"
                if own == where and {*columns} >= {*found["evidence"]}:
                    break
            else:
                self.findings.fault("evidence", f"of what was not found: {where}")
                continue
            true = self._evidence(found)
            for name, cell in zip(columns, cells, strict=True):
                own_value = true.get(name)
                if name not in found["evidence"]:
                    own_value = None
                self.findings.number(f"evidence, {where}, {name}", cell, own_value)

    def _matrix(self, name: str, rows: list[list[str]]) -> None:
        """Sources by test languages: the condition is known by its name in the record's table."""
        by_name: dict[str, tuple[Any, ...]] = {}
        table = [row for row in self.record["table"] if row["metric"] == "f1_micro"]
        for row in table:
            if row["arm"] == name.partition(" (")[0]:
                by_name[str(key(row))] = key(row)
        head = next(row for row in rows if row and row[0] == "From")
        cells = [row for row in rows if row and row[0] not in ("From", "")]
        best: list[str] | None = None
        for condition in by_name.values():
            trial = Findings()
            self._matrix_cells(trial, condition, head, cells)
            if best is None or len(trial.wrong) < len(best):
                best, kept = trial.wrong, trial
        if best is None:
            self.findings.fault("matrices", f"{name} is not known")
            return
        self.findings.wrong += kept.wrong
        self.findings.confirmed += kept.confirmed

    def _matrix_cells(
        self, into: Findings, condition: Any, head: list[str], cells: list[list[str]]
    ) -> None:
        pooled = [axis for axis in AXES if axis != "source"]
        wanted = dict(zip(pooled, condition, strict=True))
        own = self.measured.filter(
            pl.col("metric") == "f1_micro",
            *(pl.col(axis).eq_missing(pl.lit(wanted[axis])) for axis in pooled),
        )
        most = own.group_by("source", "lang").len()["len"].max()
        for source, *values in cells:
            for lang, cell in zip(head[1:], values, strict=True):
                scores = own.filter(
                    pl.col("source").map_elements(_source_plus, pl.String) == source,
                    pl.col("lang").map_elements(language, pl.String) == lang,
                )["value"].to_numpy()
                where = f"sources, {condition[0]}, {source} to {lang}"
                if not len(scores):
                    into.number(where, cell, None)
                    continue
                spread = [float(scores.std(ddof=1))] if len(scores) > 1 else []
                fewer = [len(scores), most] if len(scores) < most else []
                into.numbers(where, cell, float(scores.mean()), *spread, *fewer)


def case_sentence(record: Values, arm: Values, lang: str) -> str:
    """What the record says of an arm that does worse in a language."""
    for found in record["diagnosis"]["findings"]:
        where = found["where"]
        alike = found["name"] == "worse-than-zero-shot" and where["lang"] == lang
        if alike and key(where["condition"]) == key(arm):
            return str(found["sentence"])
    return ""


def _single(pair: Pair) -> tuple[Any, Any, Any]:
    return pair.difference, pair.langs, pair.items


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _source(source: str) -> str:
    return " and ".join(map(language, source.split("+")))


def _source_plus(source: str) -> str:
    return " + ".join(map(language, source.split("+")))


def _regression(table: pl.DataFrame, record: Values) -> tuple[Fit, Fit]:
    """The model with a term for the training, and plain least squares."""
    y, x = table["right"].to_numpy(), table["otc"].to_numpy().astype(float)
    plain = least_squares(y, x)
    columns = {name: table[name].cast(pl.String).to_list() for name in ("lang", "source", "seed")}
    columns["run"] = table["run"].to_list()
    levels = levels_of(columns)
    code = np.unique(columns["run"], return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    constant = [
        own[first] for name, own in levels.items()
        if name != "run" and (own[first][code] == own).all()
    ]  # fmt: skip
    means = np.bincount(code, y) / np.bincount(code)
    between = least_squares(means, x[first], constant)
    if "run" not in levels:  # every score is a training's own
        return _without_term(y, x, levels), plain
    if between.error < 1e-9 or any("least squares on" in note for note in record["notes"]):
        return between, plain
    coefficient, error, _ = restricted_likelihood(y, x, list(levels.values()))
    freedom = round(between.freedom)
    p = float(2 * stats.t.sf(abs(coefficient) / error, freedom))
    return Fit(coefficient, error, freedom, p), plain


def _without_term(y: Any, x: Any, levels: Mapping[str, Any]) -> Fit:
    """The same where each training has one score."""
    kept: list[int] = []
    if least_squares(y, x, list(levels.values())).error >= 1e-9:
        coefficient, error, kept = restricted_likelihood(y, x, list(levels.values()))
    if not kept:
        return least_squares(y, x, [levels["lang"]] if "lang" in levels else [])
    freedom = least_squares(y, x, [list(levels.values())[place] for place in kept]).freedom
    p = float(2 * stats.t.sf(abs(coefficient) / error, freedom))
    return Fit(coefficient, error, freedom, p)
