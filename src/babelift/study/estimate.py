"""What a study would do and about how long it would take, from a short measurement."""

import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from babelift.store import read_table
from babelift.study.cache import TranslatedTable
from babelift.study.condition import OWN_TEXT
from babelift.study.plan import Plan
from babelift.study.task import Task, training_rows

_FEW: Final = 2
_MORE: Final = 6
"""Updates of the two short trainings whose difference is the time of one."""

_SAMPLE: Final = 32
"""Texts that are predicted and translated to see how long it takes."""


@dataclass(frozen=True)
class Estimate:
    """A study before it is run.

    Attributes:
        conditions: Conditions and seeds.
        trainings: Trainings they need.
        done: Of those, done already.
        arms: Conditions and seeds of each arm.
        updates: Updates of each training.
        originals: Labelled originals of the largest training.
        tables: Tables of translations that are needed.
        made: Of those, made already.
        texts: Texts that are still to be translated, those in the memory included.
        tests: Test rows that each training is tested on.
        tokens: Tokens that the missing trainings will read, padding not counted.
        training_seconds: For all missing trainings, one after the other.
        translating_seconds: For all missing translations by translators that were timed.
        unasked: Translators whose code is the user's, so that they were not asked how long they
            take, with the number of texts they are to translate.
        workers: Trainings at a time.
    """

    conditions: int
    trainings: int
    done: int
    arms: Mapping[str, int]
    updates: int
    originals: int
    tables: int
    made: int
    texts: int
    tests: int
    tokens: int
    training_seconds: float
    translating_seconds: float
    unasked: Mapping[str, int]
    workers: int

    @property
    def seconds(self) -> float:
        """About how long the whole takes."""
        return self.translating_seconds + self.training_seconds / self.workers

    def lines(self) -> list[str]:
        """The estimate in words."""
        from babelift.report.numbers import duration

        arms = ", ".join(f"{number} {arm}" for arm, number in self.arms.items())
        left = self.trainings - self.done
        unasked = [
            f"not in that: how long '{name}' takes for {texts:,} texts; it is a program, package "
            "or service of your choice, and is not asked to find out"
            for name, texts in self.unasked.items()
        ]
        return [
            f"{self.conditions:,} conditions and seeds: {arms}",
            f"{self.trainings:,} trainings serve them, each of {self.updates:,} updates on up to "
            f"{self.originals:,} originals; {self.done:,} are done, {left:,} are to do",
            f"{self.tables:,} tables of translations serve them; {self.made:,} are made, "
            f"{self.texts:,} texts are to translate",
            f"each is tested on {self.tests:,} rows; all will read {self.tokens:,} tokens",
            f"about {duration(self.seconds)}: {duration(self.translating_seconds)} to translate, "
            f"{duration(self.training_seconds)} to train and test, {self.workers} at a time",
            *unasked,
        ]


def estimate(plan: Plan, workers: int, *, threads: int = 1) -> Estimate:
    """Measure a little, and work out the rest.

    Args:
        plan: The study.
        workers: Trainings at a time.
        threads: Threads of each.
    """
    missing = [task for task in plan.tasks if task.record is None]
    unmade = [table for table in plan.needs if table.record is None]
    per_training, tokens = _training_seconds(missing[0], threads) if missing else (0.0, 0)
    translating, unasked = _translating_seconds(plan, unmade)
    heights = {path: _rows(path) for task in plan.tasks for path in task.originals}
    return Estimate(
        conditions=len(plan.places),
        trainings=len(plan.tasks),
        done=len(plan.tasks) - len(missing),
        arms=Counter(place.condition.arm for place, _ in plan.places),
        updates=plan.tasks[0].job.settings.steps or 0,
        originals=max(sum(heights[path] for path in task.originals) for task in plan.tasks),
        tables=len(plan.needs),
        made=len(plan.needs) - len(unmade),
        texts=sum(_texts(table, unmade) for table in unmade),
        tests=sum(map(_rows, plan.tasks[0].tests[OWN_TEXT])),
        tokens=tokens * sum(1 + task.rounds for task in missing),
        training_seconds=per_training * sum(1 + task.rounds for task in missing),
        translating_seconds=translating,
        unasked=unasked,
        workers=max(1, min(workers, len(missing))),
    )


def _rows(path: Path) -> int:
    return read_table(path, columns=["id"]).height


def _texts(table: TranslatedTable, unmade: Sequence[TranslatedTable]) -> int:
    """Rows that are to be translated; of translations that are not made yet, as many as there."""
    there = next((other for other in unmade if other.path == table.originals), table)
    return _rows(there.originals)


def _training_seconds(task: Task, threads: int) -> tuple[float, int]:
    """Seconds of one training and its test, and the tokens it reads, on originals alone."""
    import torch

    from babelift.prediction.predictor import Predictor
    from babelift.training.trainer import train_classifier

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    rows = training_rows(replace(task, needs=()))
    # Batches as large as with translations: half originals, half their stand-ins.
    size = task.job.settings.batch_size
    taken, read = [], 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            for steps in (_FEW, _MORE):
                settings = task.job.settings.model_copy(
                    update={"steps": steps, "batch_size": 2 * size, "otc": False}
                )
                out = Path(folder) / str(steps)
                started = time.perf_counter()
                result = train_classifier(rows, None, settings, labels=task.labels, run_dir=out,
                                          pairs=rows.clear())  # fmt: skip
                taken.append(time.perf_counter() - started)
                read = result.tokens
            tests = pl.concat([read_table(path) for path in task.tests[OWN_TEXT]])
            texts = tests["text"].to_list()
            started = time.perf_counter()
            predictor = Predictor.load(out / "model", precision=task.job.settings.precision)
            predictor.predict_proba(texts[:: max(1, len(texts) // _SAMPLE)])
            testing = (time.perf_counter() - started) * max(1.0, len(texts) / _SAMPLE)
    finally:
        torch.set_num_threads(before)
    update = max(taken[1] - taken[0], 0.0) / (_MORE - _FEW)
    updates = task.job.settings.steps or 0
    return taken[0] + update * updates + testing, round(read / _MORE * updates)


def _translating_seconds(plan: Plan, unmade: list[TranslatedTable]) -> tuple[float, dict[str, int]]:
    """Time a few texts of every translator of ours that still has some to translate.

    Returns:
        Seconds, and the texts that programs and packages of the user's are to translate.
    """
    from babelift.translation.registry import (
        asks_a_service,
        load_translator,
        runs_code_of_the_user,
    )

    total, unasked = 0.0, {}
    for name in dict.fromkeys(table.translator for table in unmade):
        own = [table for table in unmade if table.translator == name]
        first, texts = own[0], sum(_texts(table, unmade) for table in own)
        spec = plan.translators[name].spec
        if runs_code_of_the_user(spec) or asks_a_service(spec):
            unasked[name] = texts
            continue
        sample = read_table(first.originals)["text"].head(_SAMPLE).to_list()
        with closing(load_translator(spec)) as engine:
            started = time.perf_counter()
            list(engine.translate(sample, first.source, first.target))
            total += (time.perf_counter() - started) / len(sample) * texts
    return total, unasked
