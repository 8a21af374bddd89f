"""A run whose stages were not done but filled in, and what is published of it."""

import json
from types import SimpleNamespace

import pytest
from finished_suite import SUITE, finish, plan_of

from lorr_bench.publish.publish import publish_run
from lorr_bench.run.suite_run import Places
from lorr_bench.store.store import Store

SMALL = {**SUITE, "seeds": [0], "budget": {"unique_pairs": [8]}}


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run: plan, store, places."""
    folder = tmp_path_factory.mktemp("finished")
    plan = plan_of(SMALL, folder)
    store = Store(folder / "out" / "store")
    for stage in plan.stages:
        finish(store, stage)
    return SimpleNamespace(plan=plan, store=store, places=Places(folder / "out", str(store.root)))


@pytest.fixture(scope="session")
def published(finished, tmp_path_factory):
    """What was published of it, and what was said."""
    folder = tmp_path_factory.mktemp("published") / "small"
    said = publish_run(finished.plan, finished.store, finished.places, folder, replaces=False)
    origin = json.loads((folder / "provenance.json").read_text("utf-8"))
    return SimpleNamespace(folder=folder, said=said, origin=origin)
