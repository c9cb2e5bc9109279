"""A study on a Ray cluster of which a node dies gives what it gives on one machine."""

import polars as pl
import pytest
import ray

from babelift.study.run import run_study
from babelift.study.runner import on_ray
from tests.conftest import NODES
from tests.study.conftest import inline

pytestmark = pytest.mark.slow


def test_a_node_that_dies_costs_only_the_run_on_it(cluster, spec, toy, tmp_path, monkeypatch):
    monkeypatch.setenv("BABELIFT_CACHE", str(tmp_path / "cache"))
    doomed = next(node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    killed = []

    def execute(tasks):
        for done in on_ray()(tasks):
            if not killed:
                killed.append(True)
                cluster.remove_node(doomed, allow_graceful=False)
            yield done

    there = run_study(spec, tmp_path / "there", data=toy, store=tmp_path / "s1", execute=execute)
    here = run_study(spec, tmp_path / "here", data=toy, store=tmp_path / "s2", execute=inline)
    assert killed
    assert not there.failed
    cluster.wait_for_nodes()
    assert sum(node["Alive"] for node in ray.nodes()) == NODES - 1
    assert pl.read_parquet(there.folder / "results.parquet").equals(here.results)
