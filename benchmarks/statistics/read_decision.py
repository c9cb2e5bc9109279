"""The parts of a study's page about money: what to do in each language, and the label budget."""

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from scipy import optimize

from page_text import SEEN, N, P, Piece, effect, language, listed, seen_parts, value
from recompute import AXES, LEVEL, Estimate, Pair, errors, estimate, score, seen

if TYPE_CHECKING:
    from read_study import StudyPage

Values = Mapping[str, Any]
DO: Final = {
    "nothing": "zero-shot", "translate": "translated", "label": "original",
    "both": "original+translated",
}  # fmt: skip
_WAY: Final = (
    r"(?:doing nothing|translating(?: and labelling [\d,]+ rows?)?|labelling [\d,]+ rows?)"
)
_DEED: Final = r"(?:do nothing yet|translate(?: and label [\d,]+ rows?)?|label [\d,]+ rows?)"
_COST: Final = rf"(?P<free> at no cost)?(?: at a cost of (?P<cost>{N}))?"
_GAIN: Final = rf"{N} \[{N}, {N}\] over {_WAY} \((?:{P}|not shown)\)"
_GAINS: Final = rf"{_GAIN}(?:(?:, | and ){_GAIN})*"
WHOLE: Final = [
    r"What to do cannot be said yet: fewer than three trainings of each way do not tell how "
    r"another would turn out\. Take (?P<advised>5) seeds first \(seeds: (?P<advised2>5)\)\.",
    r"With (?P<few>\d) seeds only large differences are shown: take (?P<advised>5) \(seeds: "
    r"(?P<advised2>5)\) before paying for labels, or doing without them\.",
    r"No language is to be labelled first: in none are labels shown to beat what costs less\.",
    r"Label (?P<first>\w+) first: only there are labels shown to beat what costs less\.",
    r"No language stands out: start with (?P<langs>[^.]+)\.",
    rf"Label (?P<first>\w+) first: (?P<labels>{N}) labels{_COST} add {effect('gain')} over "
    rf"(?P<over>doing nothing|translating) there, {effect('ahead')} more than in (?P<second>\w+), "
    rf"the next \((?P<p>{P})\)\.",
    rf"No language stands out: start with (?P<langs>[^.]+)\. (?P<first>\w+) gains most from "
    rf"(?P<labels>{N}) labels{_COST}, {effect('gain')} over (?P<over>doing nothing|translating), "
    rf"but that it is more than in (?P<second>\w+) is not shown: {effect('ahead')}\.",
    r"(?:Prices: .*|The only price given is .*|No prices were given: a label is taken to cost more "
    r"than translating\.) The advice is the cheapest way that is not shown to be worse than a "
    r"dearer one\. p counts all ways and languages of this section together: .*",
]
ADVICE: Final = [
    r"In (?P<lang>\w+),? it cannot be said yet what to do: take (?P<advised>5) seeds first\.",
    rf"In (?P<lang>\w+), (?P<deed>do nothing yet): (?:neither )?(?P<tried>.+) (?:is|is not) shown "
    rf"to help\. The most seen is {effect('rival')}, by (?P<way>{_WAY}) \((?P<rival_p>{P})\); "
    rf"{SEEN}\.",
    rf"In (?P<lang>\w+), (?P<deed>{_DEED}){_COST}\.(?P<rest>.*)",
    rf"In (?P<lang>\w+), (?P<deed>{_DEED}){_COST} at least: (?P<base>{_WAY}) is worse than "
    rf"(?P<best>{_WAY}), which gains {effect('best_by')} \((?P<best_p>{P})\)\. That {_WAY} is "
    rf"better than {_WAY} is not shown: {effect('own')}\.(?P<rest>.*)",
    rf"In (?P<lang>\w+), (?P<deed>{_DEED}){_COST}: (?P<gains>{_GAINS})\.(?P<more> From how many "
    rf"rows on labelling beats translating cannot be said; up to (?P<most>{N}) were tried\.| As "
    rf"good as translating (?:is|are) (?P<needed>(?:fewer than |more than )?{N}) rows"
    r"(?: \[(?P<ends>[^\]]+)\])?(?:, at a cost of (?P<needed_cost>[^\[]+?)"
    r"(?: \[(?P<ends_cost>[^\]]+)\])?)?\.)?"
    r"(?P<rest>.*)",
]
REST: Final = [
    rf"(?P<way>(?i:{_WAY})){_COST} cannot be told apart from it: {effect('rival')} "
    rf"\((?P<rival_p>{P})\); {SEEN}\.",
    r"(?P<none>Nothing dearer that was tried scores higher)\.",
]


def way(option: Values) -> str:
    """A way as the subject of a sentence."""
    many = option["labels"]
    rows = f"labelling {many:,} {'row' if many == 1 else 'rows'}"
    return {"nothing": "doing nothing", "translate": "translating", "label": rows,
            "both": f"translating and {rows}"}[option["do"]]  # fmt: skip


def deed(option: Values) -> str:
    """A way as what to do."""
    return way(option).replace("doing nothing", "do nothing yet").replace("lling", "l").replace(
        "translating", "translate"
    )  # fmt: skip


class Money:
    """The decision worked out again: every way's condition, score and gains."""

    def __init__(self, page: "StudyPage") -> None:
        self.page = page
        self.decision: dict[str, Any] = page.record["decision"]
        self.prices: Values = page.settings.get("price") or {}
        self.many = len(self.decision["advice"])
        # Which language to label first is a question only where labels were tried.
        labels = any(own["labels"] for part in self.decision["advice"] for own in part["options"])
        self.families = self.many + (labels and self.many > 1)
        settings = page.settings
        primary = settings["primary"]
        translator = primary.get("translator") or next(iter(settings["translators"]))
        otc = primary.get("otc", "off") if primary.get("over") else "off"
        most = None if None in settings["rows"] else max(settings["rows"])
        conditions = [
            {**dict(zip(AXES, row, strict=True)), "source": None}
            for row in page.study.table.select(AXES).unique(maintain_order=True).iter_rows()
        ]
        self.conditions = [
            own for own in {tuple(c.items()): c for c in conditions}.values()
            if own["arm"] in DO.values() and own["encoder"] == page.encoder
            and own["translator"] in (None, translator)
            and own["ratio"] in (None, settings["ratios"][0])
            and own["otc"] == (otc if own["ratio"] else "off")
            and (own["arm"] in ("original", "original+translated") or own["rows"] == most)
        ]  # fmt: skip
        self.known: dict[tuple[Any, ...], Any] = {}

    def size(self, condition: Values, lang: str) -> int | None:
        """Labelled rows that it was trained on, by the table of results."""
        own = self.page.results.filter(
            pl.col("metric") == "f1_micro", pl.col("lang") == lang,
            *(
                pl.col(axis).eq_missing(pl.lit(condition[axis]))
                for axis in AXES
                if axis != "source"
            ),
        )["size"].to_numpy()  # fmt: skip
        return round(float(own.mean())) if len(own) else None

    def labels(self, condition: Values, lang: str) -> int | None:
        """Rows of the language itself among them."""
        if condition["arm"] in ("zero-shot", "translated"):
            return 0
        many = self.size(condition, lang)
        if condition["arm"] == "original":
            return many
        plain = {**condition, "arm": "zero-shot", "otc": "off", "ratio": None, "translator": None}
        sources = self.size(plain, lang)
        return None if many is None or sources is None else many - sources

    def condition(self, option: Values, lang: str) -> Values:
        """The condition that tried a way.

        Raises:
            LookupError: None did.
        """
        for own in self.conditions:
            if own["arm"] == DO[option["do"]] and self.labels(own, lang) == option["labels"]:
                return own
        raise LookupError(f"no condition is {way(option)} in {lang}")

    def pair(self, arm: Values, base: Values, lang: str) -> Pair:
        """Two conditions in one language."""
        key = (*arm.values(), *base.values(), lang)
        if key not in self.known:
            self.known[key] = self.page.study.pair(arm, base).of(lang)
        return self.known[key]

    def gain(self, advice: Values, option: int, over: int) -> tuple[Estimate, float, float]:
        """What a way gains over a cheaper one, its corrected p, and the level of its test."""
        lang, options = advice["lang"], advice["options"]
        sides = [self.condition(options[number], lang) for number in (option, over)]
        pair = self.pair(*sides, lang)
        found = estimate(pair.difference, pair.langs, pair.items)
        tests = self.families * (len(options) - 1 - over)
        return found, min(1.0, tests * found.p), LEVEL / tests

    def score(self, option: Values, lang: str) -> tuple[float, ...]:
        """A way's score with its interval."""
        key = ("score", way(option), lang)
        if key not in self.known:
            own = self.page.study.condition(self.condition(option, lang)).filter(lang=lang)
            many = own["seed"].n_unique()
            own = own.filter(pl.len().over("source", "id") == many).sort("source", "id", "seed")
            right = own["right"].to_numpy().reshape(-1, many).T
            self.known[key] = score(
                right, own["lang"].to_numpy()[::many], own["group_id"].to_numpy()[::many]
            )
        return self.known[key]

    def cost(self, option: Values, lang: str) -> float | None:
        """What a way costs, by the prices and the characters that were sent."""
        total = 0.0
        if option["labels"]:
            if self.prices.get("label") is None:
                return None
            total += option["labels"] * self.prices["label"]
        if option["do"] in ("translate", "both"):
            rows = self.condition(option, lang)["rows"]
            sent = {(part["lang"], part["rows"]): part["characters"]
                    for part in self.page.runs.get("characters", [])}  # fmt: skip
            sums = [
                sum(sent.get((part, rows), math.nan) for part in source.split("+"))
                for source in self.page.settings["sources"] if lang not in source.split("+")
            ]  # fmt: skip
            million = self.prices.get("million_characters")
            if million is None or not sums or math.isnan(sum(sums)):
                return None
            total += sum(sums) / len(sums) * million / 1e6
        return total

    def choice(self, advice: Values) -> int | None:
        """The cheapest way that no dearer one is told to beat."""
        options = advice["options"]
        for over in range(len(options)):
            gains = [self.gain(advice, more, over) for more in range(over + 1, len(options))]
            if any(found.seeds < 3 for found, _, _ in gains):
                return None
            if not any(p <= LEVEL and found.delta > 0 for found, p, _ in gains):
                return over
        return None


def _money_of(page: "StudyPage") -> Money:
    if not hasattr(page, "money"):
        page.money = Money(page)
        for advice in page.record["decision"]["advice"]:
            if advice["choice"] is not None and page.money.choice(advice) != advice["choice"]:
                page.findings.fault("decision", f"should be another in {advice['lang']}")
            costs = [page.money.cost(own, advice["lang"]) for own in advice["options"]]
            if None not in costs and costs != sorted(costs):
                page.findings.fault("decision", f"has ways out of order in {advice['lang']}")
    return page.money


def _price(printed: str, true: float | None) -> bool:
    """Prices have cents below ten, two significant digits below a tenth."""
    if true is None:
        return printed in ("–", "")
    digits = len(printed.partition(".")[2])
    return (
        abs(value(printed) - true)
        <= max(0.5 * 10**-digits, 0.05 * true if true < 0.1 else 0) + 1e-9
    )


def _hold_price(page: "StudyPage", where: str, printed: str | None, true: float | None) -> None:
    if printed is None:
        return
    if _price(printed, true):
        page.findings.confirmed += 1
    else:
        page.findings.fault(where, f"says {printed!r} where it costs {true}")


def decision_part(page: "StudyPage", piece: Piece) -> bool:
    """A sentence on what to do."""
    money = _money_of(page)
    advice = next(
        (own for own in money.decision["advice"]
         if re.match(rf"In {language(own['lang'])}(?:,| it)", piece.text)), None
    )  # fmt: skip
    if advice is None:
        return _first(page, money, piece)
    options, choice = advice["options"], advice["choice"]
    true: dict[str, Any] = {"lang": language(advice["lang"]), "advised": 5}
    if choice is None:
        page.findings.read("decision", piece.text, ADVICE[:1], **true)
        return True
    chosen = options[choice]
    rival = _rival(money, advice, choice)
    most = max(option["labels"] for option in options)
    kinds = {option["do"] for option in options[1:]}
    tried = {
        "translate": "translating", "both": "both together",
        "label": f"labelling up to {most:,} {'row' if most == 1 else 'rows'}",
    }  # fmt: skip
    names = [tried[do] for do in ("translate", "label", "both") if do in kinds]
    true |= {"deed": deed(chosen), "labels": chosen["labels"], "most": most,
             "tried": " nor ".join(names)}  # fmt: skip
    if rival:
        true |= _of_rival(rival, options)
    if choice:
        found, *_ = money.gain(advice, choice, 0)
        true |= {"own": found.delta, "own_low": found.low, "own_high": found.high}
        best = max(
            (money.gain(advice, more, 0) for more in range(1, len(options))),
            key=lambda own: own[0].delta if own[1] <= LEVEL else -9,
        )
        true |= {"best_by": best[0].delta, "best_by_low": best[0].low,
                 "best_by_high": best[0].high, "best_p": best[1]}  # fmt: skip
    match = page.findings.read("decision", piece.text, ADVICE[1:], **true)
    if not match:
        return True
    said = match.groupdict()
    _hold_price(page, piece.text, said.get("cost"), money.cost(chosen, advice["lang"]))
    if said.get("gains"):
        _gains(page, money, advice, said["gains"], piece.text)
    if said.get("needed"):
        _needed(page, money, advice, said, piece.text)
    if rest := (said.get("rest") or "").strip():
        again = page.findings.read("decision", rest, REST, **true)
        if again and again.groupdict().get("way"):
            if again["way"].lower() != true["way"].lower() or rival[0].delta <= 0:
                page.findings.fault("decision", f"names another rival than {true['way']}: {rest}")
            other = options[rival[3]]
            _hold_price(page, rest, again["cost"], money.cost(other, advice["lang"]))
        elif again and rival and rival[0].delta > 0:
            page.findings.fault("decision", f"{true['way']} scores higher: {rest}")
    return True


def _rival(money: Money, advice: Values, choice: int) -> tuple[Estimate, float, float, int] | None:
    later = range(choice + 1, len(advice["options"]))
    found = [(*money.gain(advice, option, choice), option) for option in later]
    return max(found, key=lambda own: own[0].delta, default=None)


def _of_rival(rival: tuple[Estimate, float, float, int], options: Any) -> dict[str, Any]:
    found, p, level, option = rival
    return {
        "rival": found.delta, "rival_low": found.low, "rival_high": found.high, "rival_p": p,
        "way": way(options[option]), **seen_parts(seen(found, level), found.seeds),
    }  # fmt: skip


def _gains(page: "StudyPage", money: Money, advice: Values, text: str, whole: str) -> None:
    options, choice = advice["options"], advice["choice"]
    for part in re.finditer(rf"{effect('by')} over (?P<way>{_WAY}) \((?P<p>{P}|not shown)\)", text):
        over = next((n for n, own in enumerate(options) if way(own) == part["way"]), None)
        if over is None or over >= choice:
            page.findings.fault("decision", f"has no gain over {part['way']}: {whole}")
            continue
        found, p, _ = money.gain(advice, choice, over)
        told = p <= LEVEL and found.delta > 0
        for name, true in (("by", found.delta), ("by_low", found.low), ("by_high", found.high),
                           ("p", p if told else "not shown")):  # fmt: skip
            page.findings.number(f"decision: {whole[:60]}…", part[name], true)
            page.findings.unchecked["decision"] -= bool(re.search(r"\d", part[name]))


def _needed(page: "StudyPage", money: Money, advice: Values, said: Any, whole: str) -> None:
    """How many labels are as good as translating: what the label budget says of the language."""
    record = next(own for own in page.record["budget"] if own["lang"] == advice["lang"])
    low, high, number = Budget(page, record).worth()
    if number is None:
        number, bound = (low[0], low[1]) if low[1] == high[1] else (math.nan, "")
    else:
        bound = "exact"
    words = {"below": "fewer than ", "above": "more than ", "exact": "", "": "?"}
    page.findings.number(whole, said["needed"], f"{words[bound]}{number:,.0f}")
    ends = ", ".join(f"{words[end[1]]}{end[0]:,.0f}" for end in (low, high))
    page.findings.number(whole, said["ends"] or "", ends)
    each = money.prices.get("label")
    printed = re.findall(N, f"{said['needed_cost'] or ''} {said['ends_cost'] or ''}")
    if each is not None:
        for cost, labels in zip(printed, (number, low[0], high[0]), strict=True):
            _hold_price(page, whole, cost, labels * each)
    page.findings.unchecked["decision"] -= len(re.findall(N, said["needed"] + (said["ends"] or "")))
    page.findings.unchecked["decision"] -= len(printed)


def _first(page: "StudyPage", money: Money, piece: Piece) -> bool:
    first = money.decision["first"]
    true: dict[str, Any] = {"advised": 5, "advised2": 5}
    seeds = [
        money.gain(advice, gap["option"], gap["over"])[0].seeds
        for advice in money.decision["advice"] for gap in advice["gaps"]
    ]  # fmt: skip
    true["few"] = min(seeds, default=0)
    if first and first["langs"]:
        names = [language(lang) for lang in first["langs"]]
        true |= {"first": names[0], "langs": listed(names).replace(" and ", " or ")}
        if first["gain"] is not None:
            true |= _most_gained(money, first)
    match = page.findings.read("decision", piece.text, WHOLE, **true)
    if match and match.groupdict().get("cost"):
        each = money.prices.get("label") or math.nan
        _hold_price(page, piece.text, match["cost"], first["labels"] * each)
    return True


def _most_gained(money: Money, first: Values) -> dict[str, Any]:
    """Which language gains most for its money, over the better of what is free and cheap."""
    advice = [own for own in money.decision["advice"] if own["choice"] is not None]
    langs = [own["lang"] for own in advice if own["options"][own["choice"]]["labels"]]
    shared = [
        own for own in money.conditions
        if own["arm"] == "original" and all(money.labels(own, lang) for lang in langs)
    ]  # fmt: skip
    native = max(shared, key=lambda own: math.inf if own["rows"] is None else own["rows"])
    many = {lang: money.labels(native, lang) or 0 for lang in langs}
    weight = {lang: min(many.values()) / many[lang] for lang in langs}
    bases = {
        own["arm"]: own for own in money.conditions if own["arm"] in ("zero-shot", "translated")
    }

    def contrast(arm: str, weights: Mapping[str, float]) -> tuple[float, float, float, float]:
        pair = money.page.study.pair(native, bases[arm]).of(*weights)
        times = np.array([weights[str(lang)] for lang in pair.langs])
        found = estimate(pair.difference * times, pair.langs, pair.items)
        factor = len(weights)
        return found.delta * factor, found.low * factor, found.high * factor, found.p

    gains = {(lang, arm): contrast(arm, {lang: weight[lang]}) for lang in langs for arm in bases}
    over = {lang: min(bases, key=lambda arm: gains[lang, arm][0]) for lang in langs}
    order = sorted(langs, key=lambda lang: -gains[lang, over[lang]][0])
    top = order[0]
    gain = gains[top, over[top]]
    ahead = {
        lang: max(
            (contrast(arm, {top: weight[top], lang: -weight[lang]}) for arm in bases),
            key=lambda own: own[3] if own[0] > 0 else 1.0,
        )
        for lang in order[1:]
    }
    p = {lang: min(1.0, money.families * own[3]) if own[0] > 0 else 1.0
         for lang, own in ahead.items()}  # fmt: skip
    second = ahead[order[1]]
    return {
        "first": language(top), "labels": min(many.values()), "second": language(order[1]),
        "gain": gain[0], "gain_low": gain[1], "gain_high": gain[2], "p": max(p.values()),
        "over": "doing nothing" if over[top] == "zero-shot" else "translating",
        "ahead": second[0], "ahead_low": second[1], "ahead_high": second[2],
        "langs": " or ".join(_words([language(top), *(language(lang) for lang in order[1:]
                                                     if p[lang] > LEVEL)])),
    }  # fmt: skip


def _words(names: list[str]) -> list[str]:
    return [", ".join(names[:-1]), names[-1]] if len(names) > 1 else names


def decision_table(page: "StudyPage", rows: list[list[str]]) -> None:
    """Both tables of ways: scores, prices and gains."""
    money = _money_of(page)
    by_name = {language(own["lang"]): own for own in money.decision["advice"]}
    tried = rows[0][1] == "Way"
    for name, what, costs, scored, rest in rows[1:]:
        advice = by_name[name]
        options, choice = advice["options"], advice["choice"]
        where = f"ways, {name}, {what}"
        words = way if tried else deed
        number = next((n for n, own in enumerate(options) if words(own) == what), choice)
        option = options[number]
        if not tried and number != choice:
            page.findings.fault(where, "is not what is advised")
        plain = re.sub(r" with [\d,]+$", "", scored)
        page.findings.numbers(where, plain, *money.score(option, advice["lang"]))
        if "[" not in costs:
            _hold_price(page, where, costs, money.cost(option, advice["lang"]))
        if not tried:
            _sure(page, money, advice, rest, where)
        elif match := re.fullmatch(rf"{effect('by')}, (?P<how>.+)", rest):
            found, p, _ = money.gain(advice, number, choice)
            for part, true in (("by", found.delta), ("by_low", found.low), ("by_high", found.high)):
                page.findings.number(where, match[part], true)
            if match["how"] != "not shown to be better" or (p <= LEVEL and found.delta > 0):
                page.findings.fault(where, f"is not so, or of no known form: {rest}")
        elif match := re.fullmatch(
            rf"worse than (?P<way>{_WAY}), which gains {effect('by')}", rest
        ):
            later = range(number + 1, len(options))
            best = max(
                ((*money.gain(advice, more, number), more) for more in later),
                key=lambda own: own[0].delta,
            )
            page.findings.number(where, match["way"], way(options[best[3]]))
            for part, true in (("by", best[0].delta), ("by_low", best[0].low),
                               ("by_high", best[0].high)):  # fmt: skip
                page.findings.number(where, match[part], true)
        elif rest != ("–" if choice is None else "advised"):
            page.findings.fault(where, f"has no known form: {rest}")


def _sure(page: "StudyPage", money: Money, advice: Values, text: str, where: str) -> None:
    choice = advice["choice"]
    for part in text.split("; "):
        if part == "nothing dearer scores higher":
            rival = _rival(money, advice, choice)
            if rival and rival[0].delta > 0:
                page.findings.fault(where, f"something dearer scores higher: {text}")
        elif match := re.fullmatch(
            rf"(?P<way>{_WAY}) {effect('rival')}, not told apart, could have seen (?P<seen>{N}|"
            r"no difference, however large)",
            part,
        ):
            rival = _rival(money, advice, choice)
            if rival is None:
                page.findings.fault(where, f"has no rival: {text}")
                continue
            true = _of_rival(rival, advice["options"])
            for name, printed in match.groupdict().items():
                page.findings.number(where, printed, true[name])
        elif re.fullmatch(_GAINS, part):
            before = page.findings.unchecked["decision"]
            _gains(page, money, advice, part, where)
            page.findings.unchecked["decision"] = before
        elif part:
            page.findings.fault(where, f"has no known form: {part}")


# The label budget.

_EXPONENTS: Final = np.geomspace(0.05, 1.25, 40)


class Budget:
    """What translations are worth in one language, worked out again.

    A weighted sum of conditions is a weighted sum of right and wrong, so that each number of labels
    is held against the translations as any two conditions are.
    """

    def __init__(self, page: "StudyPage", record: Values) -> None:
        lang = record["lang"]
        settings = page.settings
        table = page.study.table.filter(lang=lang, otc="off", encoder=page.encoder)
        pairs = table.filter(
            arm="translated",
            translator=next(iter(settings["translators"])),
            ratio=settings["ratios"][0],
        )
        rows = pl.concat([table.filter(arm="original"), pairs])
        on = ["arm", "source", "rows", "seed", "lang"]
        sizes = page.results.filter(metric="f1_micro", otc="off", encoder=page.encoder)
        sizes = sizes.select(*on, "translator", "ratio", "size")
        rows = rows.join(sizes, on=[*on, "translator", "ratio"], nulls_equal=True)
        rows = rows.with_columns(
            size=pl.col("size").mean().over("arm", "rows").round().cast(pl.Int64)
        )
        cell = ["arm", "size"]
        each = rows.group_by(*cell, "seed", "id").agg(
            pl.col("right").mean(), pl.col("group_id").first(), parts=pl.len()
        )
        each = each.filter(pl.col("parts") == pl.col("parts").max().over(cell))
        many = each.select(cell).n_unique()
        each = each.filter(pl.struct(cell).n_unique().over("seed") == many)
        each = each.filter(pl.len().over("id") == many * pl.col("seed").n_unique())
        each = each.sort("id", "seed")
        self.cells = {
            (str(arm), int(size)): own["right"].to_numpy().reshape(-1, own["seed"].n_unique()).T
            for (arm, size), own in each.group_by(cell, maintain_order=True)
        }
        self.items = each.unique("id", maintain_order=True)["group_id"].to_numpy()
        self.sizes = sorted(size for arm, size in self.cells if arm == "original")
        self.native = [self.cells["original", size] for size in self.sizes]
        last = max(size for arm, size in self.cells if arm == "translated")
        self.translated = self.cells["translated", last]
        self.seeds = len(self.translated)
        self.power_law = record["native"]["kind"] == "power-law"

    def held(self, right: Any) -> Estimate:
        """A weighted sum of conditions."""
        return estimate(right, np.zeros(right.shape[1]), self.items)

    def gain(self) -> tuple[float, float, float]:
        """What a hundred labels more added at the end."""
        per = 100 / (self.sizes[-1] - self.sizes[-2])
        found = self.held(self.native[-1] - self.native[-2])
        reach = found.error * float(errors(LEVEL, found.share, found.seeds, found.freedom))
        return per * found.delta, per * (found.delta - reach), per * (found.delta + reach)

    def curve(self) -> tuple[Any, list[Any]]:
        """Numbers of labels, and right answers there as sums of those at the sizes tried."""
        if not self.power_law:
            return np.array(self.sizes, float), self.native
        sizes = np.array(self.sizes, float)
        scores = np.array([own.mean() for own in self.native])

        def fitted(exponent: float) -> tuple[float, float, float]:
            shrunk = (sizes / sizes[0]) ** -exponent
            drop = max(0.0, -np.polyfit(shrunk, scores, 1)[0])
            ceiling = float((scores + drop * shrunk).mean())
            return float(((scores - ceiling + drop * shrunk) ** 2).sum()), ceiling, drop

        exponent = min(_EXPONENTS, key=lambda own: fitted(own)[0])
        self.law = (*fitted(exponent)[1:], float(exponent))
        numbers = np.geomspace(sizes[0], sizes[-1], 1000)

        def moves(at: Any) -> Any:
            logs = np.log(at / sizes[0])
            shrunk = np.exp(-exponent * logs)
            return np.stack([np.ones_like(logs), shrunk, shrunk * logs], axis=1)

        weights = moves(numbers) @ np.linalg.pinv(moves(sizes))
        stacked = np.stack(self.native)
        return numbers, [np.tensordot(own, stacked, 1) for own in weights]

    def worth(self) -> tuple[tuple[float, str], tuple[float, str], float | None]:
        """The ends of the interval, and the number between them where curve and score meet."""
        numbers, curve = self.curve()
        told = []
        for place, right in enumerate(curve):
            found = self.held(right - self.translated)
            delta = found.delta
            if self.power_law:
                ceiling, drop, exponent = self.law
                at = ceiling - drop * (numbers[place] / numbers[0]) ** -exponent
                delta = at - float(self.translated.mean())
            reach = found.error * float(errors(LEVEL, found.share, found.seeds, found.freedom))
            told.append(int(delta > reach + 1e-12) - int(delta < -reach - 1e-12))
        fewest, most = round(numbers[0]), round(numbers[-1])
        first = next((n for n, own in enumerate(told) if own >= 0), len(told))
        last = next((n for n, own in enumerate(told[::-1]) if own <= 0), len(told))
        low, high = (fewest, "below"), (most, "above")
        if first:
            low = (most, "above") if first == len(told) else (round(numbers[first - 1]), "exact")
        if last:
            high = (fewest, "below") if last == len(told) else (round(numbers[-last]), "exact")
        return low, high, self._meet(numbers, low, high)

    def _meet(self, numbers: Any, low: Any, high: Any) -> float | None:
        score_there = float(self.translated.mean())
        if self.power_law:
            ceiling, drop, exponent = self.law
            fitted = ceiling - drop * (numbers / numbers[0]) ** -exponent
        else:
            fitted = optimize.isotonic_regression([own.mean() for own in self.native]).x
        if fitted[0] > score_there + 1e-12 or fitted[-1] < score_there - 1e-12:
            return None
        right = int(np.argmax(fitted >= score_there - 1e-12))
        at = numbers[0]
        if right:
            at = np.exp(np.interp(score_there, fitted[right - 1 : right + 1],
                                  np.log(numbers[right - 1 : right + 1])))  # fmt: skip
        return float(min(max(round(at), low[0]), high[0]))


_LABELS: Final = rf"(?:fewer than |more than )?{N}"
_PRICED: Final = rf"{N}(?: labels?)?(?: \({N}(?: at {N} each)?\))?"
BUDGETS: Final = [
    r"In (?P<lang>\w+) it cannot be said how many native labels the translations are worth: one "
    r"training per condition does not show how much of a score is its luck\. Take (?P<five>5) "
    r"seeds\.",
    rf"In (?P<lang>\w+) it cannot be said what the translations are worth: anything from "
    rf"(?P<least>{_LABELS}) to (?P<most>{_LABELS}) native labels\.(?P<rest>.*)",
    rf"In (?P<lang>\w+) the translations are worth (?P<worth>more than {N}) native labels, the "
    rf"most tried: up to (?P<up>{_PRICED}) translating is the better\.(?P<rest>.*)",
    rf"In (?P<lang>\w+) the translations are worth (?P<worth>fewer than {N}) native labels, the "
    rf"fewest tried: (?P<up>{_PRICED}) already beats? translating\.(?P<rest>.*)",
    rf"In (?P<lang>\w+) the translations are worth (?:(?P<number>{N}) native labels "
    rf"\[(?P<least>{_LABELS}), (?P<most>{_LABELS})\]|(?P<high>{N}) native labels or fewer|"
    rf"(?P<low>{N}) native labels or more|between (?P<low2>{N}) and (?P<high2>{N}) native labels): "
    rf"(?:below (?P<below>{_PRICED}) translating is the better)?(?:, )?(?:above "
    rf"(?P<above>{_PRICED})"
    rf" annotating(?: is the better)?)?; (?:in between|above,|below,) it cannot be told\."
    r"(?P<rest>.*)",
]
GAINS: Final = [
    rf"Between (?P<since>{N}) and (?P<at>{N}) labels, 100 more added {effect('by')}\.",
]


def budget_part(page: "StudyPage", piece: Piece) -> bool:
    """A sentence of the label budget, or a note on it."""
    for record in page.record["budget"]:
        name = language(record["lang"])
        if piece.text.startswith(f"{name}: "):
            page.findings.sentences += 1
            page.findings.leave("notes on label budgets", piece.text)
            return True
        if not piece.text.startswith(f"In {name} "):
            continue
        budget = Budget(page, record)
        if budget.seeds == 1:
            page.findings.read("budget", piece.text, BUDGETS[:1], lang=name, five=5)
            return True
        (low, below), (high, above), number = budget.worth()
        words = {"below": "fewer than ", "above": "more than ", "exact": ""}
        least, most = f"{words[below]}{low:,}", f"{words[above]}{high:,}"
        match = page.findings.read(
            "budget", piece.text, BUDGETS, lang=name, five=5, least=least, most=most,
            worth=least if below == "above" else most, number=number, low=low, high=high,
            low2=low, high2=high,
        )  # fmt: skip
        if match:
            said = match.groupdict()
            for part, true in (("below", low), ("above", high),
                               ("up", low if below == "above" else high)):  # fmt: skip
                if said.get(part):
                    _priced(page, said[part], true, piece.text)
            if rest := (said.get("rest") or "").strip():
                by, by_low, by_high = budget.gain()
                page.findings.read(
                    "budget", rest, GAINS, since=budget.sizes[-2], at=budget.sizes[-1], by=by,
                    by_low=by_low, by_high=by_high,
                )  # fmt: skip
                page.findings.unchecked["budget"] -= len(re.findall(N, rest))
        return True
    return False


def _priced(page: "StudyPage", text: str, labels: int, whole: str) -> None:
    """A number of labels with its price."""
    many, *money = re.findall(N, text)
    page.findings.number(whole, many, labels)
    each = (page.settings.get("price") or {}).get("label")
    for printed, true in zip(money, (labels * (each or math.nan), each), strict=False):
        _hold_price(page, whole, printed, true)
    page.findings.unchecked["budget"] -= len(money) + 1
