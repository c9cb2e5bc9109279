"""A study's page, from plain values: every part where its numbers are, and no trace of it else."""

import json
import re
from copy import deepcopy
from html.parser import HTMLParser

import pytest

from babelift.errors import RunError
from babelift.report.figures import Frame, Level, Mark, plot
from babelift.report.pages.study import (
    answer_groups,
    at_a_glance,
    by_language,
    findings,
    flip_sentences,
    render_study,
    unseen,
)
from babelift.report.pages.study_figures import (
    learning,
    otc_effects,
    ratio_curves,
    seed_interval,
)
from babelift.report.pages.study_quality import quality_part
from babelift.report.pages.study_tables import heat_tables, matrices
from babelift.store import read_record, write_record
from babelift.study.flips import Flips
from babelift.study.summary import StudyResult


def page_of(values):
    return render_study(StudyResult.model_validate(values))


EVIL = "<script>alert('x')</script> & \"quotes\" \x00"


def cell(arm, otc="off", translator=None, ratio=None, rows=None):
    return {"arm": arm, "otc": otc, "ratio": ratio, "translator": translator, "encoder": "mini",
            "rows": rows}  # fmt: skip


ZERO = cell("zero-shot")
PLAIN = cell("translated", translator="mini", ratio="1:1")
WITH = {**PLAIN, "otc": "on"}


def mean(where, value, *, lang, source=None, spread=0.02, seeds=5, metric="f1_micro", langs=1):
    found = {**where, "lang": lang, "metric": metric, "mean": value, "spread": spread,
             "seeds": seeds, "langs": langs}  # fmt: skip
    return {**found, "source": source} if source else found


def means(levels, **more):
    """Cell values by language, with their mean."""
    rows = []
    for where, by_lang in levels:
        rows += [mean(where, value, lang=lang, **more) for lang, value in by_lang.items()]
        overall = sum(by_lang.values()) / len(by_lang)
        rows.append(mean(where, overall, lang=None, langs=len(by_lang), **more))
    return rows


def difference(delta, low, high, p=0.01):
    return {"delta": delta, "interval": [low, high], "p": p, "standard_error": 0.01,
            "seed_share": 0.5, "seeds": 5, "items": 204, "rows": 204,
            "seeds_seen": True}  # fmt: skip


def answer(arm, base, kind, delta, *, primary=False, names=("more", "base"), sentence="It helps."):
    langs = {"de": difference(delta, delta - 0.04, delta + 0.04),
             "ja": difference(delta, delta - 0.05, delta + 0.05)}  # fmt: skip
    return {
        "question": {"arm": arm, "base": base, "kind": kind},
        "primary": primary,
        "differences": {"mean": difference(delta, delta - 0.02, delta + 0.02), "languages": langs,
                        "components": None, "level": 0.95},
        "by_language": dict.fromkeys(langs, delta), "languages": langs,
        "at_large": None, "adjusted_p_by_language": dict.fromkeys(langs, 0.04),
        "could_have_seen": {"effect": 0.024, "interval": [0.02, 0.04]}, "adjusted_p": 0.031,
        "sentence": sentence,
        "by_language_sentence": "From here to there.", "arm": names[0], "base": names[1],
    }  # fmt: skip


def alignment(where, stage, retrieval):
    return [{**where, "lang": lang, "stage": stage, "cosine": 0.7, "retrieval": retrieval,
             "uniformity": -1.5, "cka": 0.6, "pairs": 60} for lang in ("de", "ja")]  # fmt: skip


def quality(translator, lang, chrf, similarity=0.6):
    return {"translator": translator, "source": "en", "lang": lang, "rows": 701, "chrf": chrf,
            "bleu": None if chrf is None else chrf / 2, "similarity": similarity,
            "flagged": None if chrf is None else 0.02}  # fmt: skip


def bounded(value, bound="exact"):
    return {"value": value, "bound": bound}


def coefficient(formula, value, error, p):
    return {"formula": formula, "coefficient": value, "standard_error": error, "p": p,
            "interval": [value - 2 * error, value + 2 * error], "freedom": 200,
            "rows": 216}  # fmt: skip


SYSTEMS = {"mini": (45.0, 0.60), "argos": (55.0, 0.64), "drop .5": (30.0, 0.52)}


@pytest.fixture
def values():
    """A study of two languages with everything in it."""
    translated = [
        (cell("translated", translator=name, ratio="1:1"), {"de": score, "ja": score - 0.1})
        for name, (_, score) in SYSTEMS.items()
    ]
    levels = [
        (ZERO, {"de": 0.45, "ja": 0.35}), *translated, (WITH, {"de": 0.61, "ja": 0.51}),
        ({**PLAIN, "ratio": "1:2"}, {"de": 0.62, "ja": 0.53}),
        (cell("reference", translator="reference", ratio="1:1"), {"de": 0.68, "ja": 0.6}),
    ]  # fmt: skip
    sources = [
        mean(where, value, lang=lang, source=source)
        for where, by_lang in levels for source in ("en", "zh") for lang, value in by_lang.items()
    ]  # fmt: skip
    return {
        "title": "Does it help?", "question": "Is translating enough?",
        "created": "2026-01-02T03:04:05+0000",
        "opening": ["Translating beats zero-shot in 2 of 2 languages: +.15 [.13, .17].",
                    "The interval covers another choice of seeds."],
        "answers": [
            answer(PLAIN, ZERO, "arm", 0.15, primary=True, names=("translating", "zero-shot")),
            answer(WITH, PLAIN, "otc", 0.004, names=("with OTC", "translating"),
                   sentence="OTC adds nothing that shows."),
        ],
        "regressions": {"on, translated": {
            "mixed": coefficient("f1 ~ otc + (1|language)", 0.036, 0.009, 0.0004),
            "plain": coefficient("f1 ~ otc", 0.036, 0.017, 0.03),
            "variances": {"language": 0.004}, "notes": ["There is one source only."],
        }},
        "table": sources, "means": [*means(levels), *means(levels[:1], metric="f1_macro")],
        "alignment": [*alignment(PLAIN, "before", 0.5), *alignment(PLAIN, "after", 0.4),
                      *alignment(WITH, "before", 0.5), *alignment(WITH, "after", 0.9)],
        "quality": [quality(name, lang, chrf) for name, (chrf, _) in SYSTEMS.items()
                    for lang in ("de", "ja")] + [quality("reference", "de", None, 0.9)],
        "flips": {
            "arm": "translated", "otc": "on", "rows": 408, "trainings": 5,
            "counts": {"gained": 12, "lost": 1},
            "gained": [{"lang": "de", "text": "Der Ball rollt.", "label": "sports",
                        "with": {"right": 0.8, "says": "sports"},
                        "without": {"right": 0.2, "says": "travel"},
                        "source_lang": "en", "source_text": "The ball rolls."}],
            "lost": [],
        },
        "diagnosis": {
            "findings": [
                {"name": "worse-than-zero-shot", "kind": "", "where": {"arm": "x", "lang": lang},
                 "evidence": {"delta": -0.05, "chrf": 15.2}, "sentence": f"Worse in {lang}.",
                 "advice": ["Try another translator."]}
                for lang in ("de", "ja")
            ],
            "absent": [{"name": "otc-without-effect", "where": {"arm": "x", "lang": None},
                        "reason": "OTC has an effect"}],
            "not_judged": [{"name": "unstable-across-seeds", "where": None, "reason": "one seed"}],
        },
        "budget": [{
            "lang": "de", "level": 0.95, "seeds": 5, "gain": None,
            "native": {"power_law": None, "kind": "tried", "sizes": [50, 100, 400],
                       "scores": [0.4, 0.5, 0.7],
                       "intervals": [[0.35, 0.45], [0.46, 0.54], [0.68, 0.72]],
                       "fitted": [0.4, 0.5, 0.7]},
            "worth": [{"size": 701, "score": 0.6, "score_interval": [0.58, 0.62],
                       "labels": bounded(200), "interval": [bounded(150), bounded(260)],
                       "cost": None}],
            "notes": ["3 numbers of labels show no curve between them."],
            "sentence": "In German the translations are worth 200 native labels [150, 260].",
        }],
        "cost": [{"arm": "translated", "otc": "on", "runs": 5, "seconds": 75.0, "tokens": 183000}],
        "translating": [{"translator": "mini", "seconds": 31.2, "segments": 701,
                         "from_memory": 3, "translated": 698}],
        "translators": [{"name": "mini", "spec": "mini", "license": "Apache-2.0"},
                        {"name": "nllb", "spec": "nllb", "license": "CC-BY-NC-4.0"}],
        "failed": ["1 run failed: MemoryError: no memory left"],
        "notes": ["label column 'category' was taken"],
        "shared": ["all 20 trainings took 352 updates"],
        "labels": ["sports", "travel"],
        "settings": {
            "targets": ["de", "ja"], "sources": ["en", "zh"], "ratios": ["1:1", "1:2"],
            "rows": [None], "encoders": {"mini": "mini"},
            "translators": {"mini": "mini", "argos": "argos", "drop .5": "degraded:drop=0.5:mini"},
            "primary": {"arm": "translated", "over": "zero-shot", "otc": "off"},
        },
        "machine": {"cpu": "Some CPU", "memory_gib": 23.5}, "versions": {"babelift": "0.1.0"},
    }  # fmt: skip


SECTIONS = ("answers", "scores", "differences", "sources", "ratio", "budget", "quality", "vectors",
            "flips", "regression", "cost")  # fmt: skip


def visible(page):
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))


def sections(page):
    return set(re.findall(r'<section id="([a-z]+)"', page))


class Balanced(HTMLParser):
    """Fails on a tag that is closed without having been opened, or not at all."""

    VOID = frozenset({"meta", "br", "wbr", "line", "rect", "circle", "path", "input"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> was never opened"
        assert self.open.pop() == tag


def test_the_page_opens_with_the_answer_then_the_others_then_the_diagnosis(values):
    words = visible(page_of(values))
    said = ["Does it help?", "Translating beats zero-shot", "OTC adds nothing that shows.",
            "p = .031 after Holm", "Worse in de.", "Test language"]  # fmt: skip
    places = [words.index(text) for text in said]
    assert places == sorted(places)


def test_every_part_is_there_where_its_numbers_are(values):
    page = page_of(values)
    assert sections(page) == {*SECTIONS, "diagnosis", "provenance"}
    for name in SECTIONS:
        assert f'href="#{name}"' in page
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []


def test_the_page_needs_nothing_from_outside(values):
    page = page_of(values)
    assert "default-src 'none'" in page
    assert not re.findall(r"<(?:script|link|img|iframe)|url\(|@import|https?://", page)


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        (["answers"], ["answers", "differences"]), (["means"], ["scores", "ratio"]),
        (["table"], ["sources"]), (["budget"], ["budget"]), (["quality"], ["quality"]),
        (["alignment"], ["vectors"]), (["flips"], ["flips"]), (["regressions"], ["regression"]),
        (["cost"], ["cost"]),
    ],
)  # fmt: skip
def test_a_part_without_numbers_leaves_no_trace(values, keys, gone):
    page = page_of({name: one for name, one in values.items() if name not in keys})
    assert not sections(page) & set(gone)
    assert not any(f'href="#{name}"' in page for name in gone)
    Balanced().feed(page)


def test_a_study_of_which_nothing_came_out_still_has_a_page():
    page = page_of({"opening": ["It cannot be judged."], "failed": ["2 runs failed: x"]})
    assert sections(page) == {"diagnosis", "provenance"}
    assert "It cannot be judged." in page
    assert "Nothing could be judged." in page


def test_hostile_text_stays_text(values):
    def spoilt(one):
        if isinstance(one, dict):
            return {key: spoilt(inner) for key, inner in one.items()}
        if isinstance(one, list):
            return [spoilt(inner) for inner in one]
        return EVIL if one in free else one

    free = {
        "Does it help?", "Is translating enough?", "argos", "Der Ball rollt.", "sports", "travel",
        "The ball rolls.", "Some CPU", "label column 'category' was taken", "translating",
        "Try another translator.", "Apache-2.0", "all 20 trainings took 352 updates",
        "There is one source only.", "OTC adds nothing that shows.", "f1 ~ otc",
    }  # fmt: skip
    page = page_of(spoilt(deepcopy(values)))
    assert "<script" not in page
    assert "\x00" not in page
    assert page.count("&lt;script&gt;") >= len(free)
    parser = Balanced()
    parser.feed(page)
    assert parser.open == []


def test_a_result_is_read_as_it_was_written(values, tmp_path):
    study = StudyResult.model_validate(values)
    write_record(study, tmp_path / "report.json")
    assert read_record(tmp_path / "report.json", StudyResult) == study


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        ('{"means": [{"arm": "x", "lang": "de", "mean": 0.5}]}', r"means\.0\.metric"),
        ("[]", "damaged"), ("null", "damaged"), ("{", "damaged"), ('{"answers": 5}', "answers"),
        ('{"version": 99}', "newer"),
    ],
)  # fmt: skip
def test_a_damaged_result_is_a_clear_error(damaged, why, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(damaged)
    with pytest.raises(RunError, match=why):
        read_record(path, StudyResult)


def test_the_same_values_give_the_same_page(values):
    assert page_of(values) == page_of(json.loads(json.dumps(values)))


def test_the_heat_table_has_a_column_for_each_condition_and_a_mean(values):
    micro, macro = heat_tables(StudyResult.model_validate(values))
    names = [column.name for column in micro.columns]
    assert names == [
        "zero-shot", "translated (mini, 1:1, no OTC)", "translated (argos, 1:1, no OTC)",
        "translated (drop .5, 1:1, no OTC)", "translated (mini, 1:1, OTC)",
        "translated (mini, 1:2, no OTC)", "reference",
    ]  # fmt: skip
    assert micro.arms == [("zero-shot", 1), ("translated", 5), ("reference", 1)]
    assert [name for name, _, _ in micro.rows] == ["German", "Japanese", "Mean"]
    first = micro.rows[0][2][0]
    assert (first.value, first.spread) == (".45", "±.02")
    assert first.level == pytest.approx((0.45 - 0.35) / (0.68 - 0.35), abs=1e-3)
    assert not macro.detailed


def test_a_condition_that_lacks_a_language_has_no_mean(values):
    values["means"] = [*means([(ZERO, {"de": 0.4, "ja": 0.3})]), *means([(PLAIN, {"de": 0.5})])]
    (table,) = heat_tables(StudyResult.model_validate(values))
    by_name = {name: [one.value for one in cells] for name, _, cells in table.rows}
    assert by_name == {"German": [".40", ".50"], "Japanese": [".30", "–"], "Mean": [".35", "–"]}


def test_european_and_east_asian_languages_stand_apart(values):
    found = matrices(StudyResult.model_validate(values))
    assert found[0].name == "zero-shot"
    assert [group.name for group in found[0].groups] == ["European", "East Asian"]
    assert [(name, first) for name, first, _ in found[0].rows] == [
        ("English", True), ("Chinese", True)
    ]  # fmt: skip
    assert found[0].blocks[1] == "European → East Asian .35"


def test_one_source_makes_no_matrix(values):
    values["table"] = [row for row in values["table"] if row["source"] == "en"]
    assert matrices(StudyResult.model_validate(values)) == []


def test_answers_are_grouped_by_what_differs(values):
    summary = StudyResult.model_validate(values)
    (group,) = answer_groups(summary.answers)
    assert (group.name, group.shown[0].adjusted_p) == ("OTC", 0.031)
    assert '">p = .031</span> after Holm.</span>' in render_study(summary)
    primary, other = by_language(summary.answers)
    assert primary.primary
    assert [strip.name for strip in primary.strips] == ["German", "Japanese", "Mean"]
    assert primary.ticks == other.ticks
    (glance,) = at_a_glance(summary.answers)
    assert (glance.title, glance.strips[0].name) == ("OTC: added to", "Translating")


def test_small_differences_keep_three_digits_in_the_table(values):
    page = render_study(StudyResult.model_validate(values))
    row = ("+.004", "[−.016, .024]", ".010", ".031", ".024", "2 of 2")
    assert "".join(f'<td class="n">{cell}</td>' for cell in row) in page


def test_findings_with_the_same_advice_are_told_together(values):
    summary = StudyResult.model_validate(values)
    (found,) = findings(summary.diagnosis)
    assert (found.name, found.sentences) == (
        "Worse than zero-shot",
        ["Worse in de.", "Worse in ja."],
    )
    assert (found.columns, found.rows[0]) == (["delta", "chrF"], ("German, x", ["−.05", "15.2"]))
    (absent,) = unseen(summary.diagnosis.absent)
    assert absent.cases == [("all languages, x", "OTC has an effect")]


def test_the_ratio_curve_goes_by_translations_for_each_original(values):
    found = ratio_curves(StudyResult.model_validate(values))
    assert [one.heading for one in found.figures] == [
        "Mean over the languages",
        "German",
        "Japanese",
    ]
    assert [one.name for one in found.legend] == ["translated"]
    ticks = re.findall(r'y="178"[^>]*>([^<]*)<', found.figures[0].figure)
    assert ticks == ["1:1", "1:2"]


def test_one_ratio_makes_no_curve(values):
    values["means"] = [row for row in values["means"] if row["ratio"] != "1:2"]
    assert ratio_curves(StudyResult.model_validate(values)) is None


def test_the_budget_figure_marks_where_the_translations_cross_the_curve(values):
    (one,) = learning(StudyResult.model_validate(values).budget)
    assert "worth 200 native labels [150, 260]" in one.figure
    # log(200) lies two thirds of the way from log(50) to log(400); a twentieth is margin.
    assert f'<svg x="{100 * (2 / 3 + 0.05) / 1.1:.2f}%"' in one.figure
    assert 'class="band b1"' in one.figure


def test_a_bound_is_not_drawn_as_a_crossing(values):
    values["budget"][0]["worth"][0]["labels"] = bounded(400, "above")
    (one,) = learning(StudyResult.model_validate(values).budget)
    assert "worth" not in one.figure


@pytest.mark.parametrize("interval", [None, [bounded(50, "below"), bounded(400, "above")]])
def test_where_nothing_is_said_of_their_worth_the_curve_is_drawn_alone(values, interval):
    values["budget"][0]["worth"][0].update(labels=None, interval=interval)
    (one,) = learning(StudyResult.model_validate(values).budget)
    assert "worth" not in one.figure
    assert "50 native labels" in one.figure


def test_quality_curves_join_what_is_spoilt_to_what_it_was_made_from(values):
    part = quality_part(StudyResult.model_validate(values))
    assert part.keys == [("a", "mini"), ("b", "argos")]
    assert [legend.name for legend in part.damages] == ["words left out"]
    assert [curves.name for curves in part.curves] == ["chrF", "BLEU", "Similarity"]
    german, japanese = part.curves[0].figures
    assert (german.heading, japanese.heading) == ("English → German", "English → Japanese")
    assert german.figure.count('class="line s1"') == 1
    assert "trusted translations .68" in german.figure
    assert "trusted translations" not in japanese.figure
    assert part.rows[0].chrf == "45.0"


def test_one_system_makes_no_curve_but_a_table(values):
    values["quality"] = [row for row in values["quality"] if row["translator"] == "mini"]
    part = quality_part(StudyResult.model_validate(values))
    assert part.curves == []
    assert len(part.rows) == 2
    assert "How good the translations are" in page_of(values)


def test_vectors_are_shown_before_without_and_with_otc(values):
    (effect,) = otc_effects(StudyResult.model_validate(values))
    assert effect.name == "translated, OTC"
    assert effect.figures[0].name == "Retrieval@1"
    assert effect.rows[0].values[0] == (".50", ".40", ".90")
    strip = effect.figures[0].strips[0][1]
    assert '<circle class="lie with" cx="90.00%"' in strip
    assert ".50 before training, .40 after without OTC, .90 after with OTC" in strip


def test_without_runs_without_otc_there_is_no_effect_to_show(values):
    values["alignment"] = [row for row in values["alignment"] if row["otc"] == "on"]
    assert otc_effects(StudyResult.model_validate(values)) == []


def test_ties_of_flipped_rows_are_told_by_the_way_they_lean():
    counts = {"gained": 12, "lost": 1, "undecided": 5, "better": 3, "worse": 1}
    about = {"arm": "translated", "otc": "on", "rows": 400, "gained": [], "lost": []}
    assert flip_sentences(Flips(**about, trainings=2, trainings_without=4, counts=counts)) == (
        "Of 400 test rows, most of the 2 trainings with OTC have 12 right that most of the 4 "
        "without have wrong, and 1 the other way about (arm: translated). 5 more are right in just "
        "half of the trainings of a side, so that no majority turned: 3 are right in a larger "
        "share of the trainings with OTC, 1 in a smaller."
    )
    assert flip_sentences(Flips(**about, trainings=1, counts={"gained": 1, "lost": 2})) == (
        "Of 400 test rows, the training with OTC has 1 right that the one without has wrong, and 2 "
        "the other way about (arm: translated). With one training of a side this says nothing of "
        "OTC: any two trainings differ on some rows."
    )


def test_flipped_rows_stand_beside_their_source(values):
    words = visible(page_of(values))
    assert "most of the 5 trainings with OTC have 12 right that most of the 5 without" in words
    assert words.index("Der Ball rollt.") < words.index("The ball rolls.")
    assert "Wrong with OTC, right without" not in words


def test_the_regression_has_the_papers_columns(values):
    words = visible(page_of(values))
    assert "f1 ~ otc + (1|language) +.036 .009 under .001" in words
    assert "f1 ~ otc +.036 .017 .030" in words


def test_licences_that_forbid_commercial_use_are_pointed_out(values):
    assert "Not for commercial use: nllb (CC-BY-NC-4.0)." in visible(page_of(values))


def test_points_land_where_they_belong_and_do_not_leave_the_figure():
    frame = Frame(0.0, 10.0, ((0.0, "0"), (10.0, "10")), (0.0, 0.5, 1.0))
    drawn = plot("x", frame, marks=[Mark(5.0, 0.25, interval=(-3.0, 0.5))], levels=[Level(1.0)])
    assert '<circle class="mark f0 s0" cx="50%" cy="124.0"' in drawn
    assert 'y1="88.0" y2="160.0"' in drawn
    assert '<line class="level s0" x1="0" x2="100%" y1="16.0" y2="16.0"' in drawn


def test_an_interval_over_seeds_is_students():
    assert seed_interval(0.5, None, 1) is None
    low, high = seed_interval(0.5, 0.01, 2)
    assert high - 0.5 == pytest.approx(12.706 * 0.01 / 2**0.5, abs=1e-4)
    assert seed_interval(0.99, 0.2, 5)[1] == 1.0
    assert low == pytest.approx(1 - high)
