"""Names of the Hub and their commits. The Hub is a function here, the cache a folder laid out as its client does."""

from __future__ import annotations

from types import SimpleNamespace

import datasets
import httpx
import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError

from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.identity.revisions import Revisions, check_commit
from lorr_bench.plan.plan import make_plan

OLD, NEW, OTHER = "a" * 40, "b" * 40, "c" * 40
HERE = "model.revision"


class Hub:
    """What the Hub says, and what it was asked."""

    def __init__(self):
        self.commits = {}
        self.asked = []
        self.error = None

    def repo_info(self, name, *, repo_type, revision, timeout):
        self.asked.append((repo_type, name, revision))
        assert timeout > 0
        if self.error is not None:
            raise self.error
        return SimpleNamespace(sha=self.commits[repo_type, name, revision])


@pytest.fixture
def hub(monkeypatch, tmp_path):
    made = Hub()
    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", made.repo_info)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return made


@pytest.fixture
def cache(tmp_path):
    """Note a commit as the Hub's client does when it fetches a revision."""

    def note(folder, revision, commit):
        file = tmp_path / "hub" / folder / "refs" / revision
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(commit, "utf-8")

    return note


def refusal(kind):
    request = httpx.Request("GET", "https://hub.example/api")
    return kind("404 Client Error\nmore", response=httpx.Response(404, request=request))


def test_a_commit_needs_nobody(hub, cache):
    cache("models--org--name", OLD, NEW)
    found = Revisions(ask=True, required=True).resolve("model", "org/name", OLD, HERE)
    assert (found.commit, found.identity, hub.asked) == (OLD, f"org/name@{OLD}", [])


@pytest.mark.parametrize("revision", [None, "main"])
def test_a_branch_is_asked_for_once(hub, revision):
    hub.commits["model", "org/name", "main"] = NEW
    revisions = Revisions(ask=True, required=True)
    for _ in range(3):
        assert revisions.resolve("model", "org/name", revision, HERE).commit == NEW
    assert hub.asked == [("model", "org/name", "main")]
    assert [(one.key, one.source) for one in revisions.resolved] == [("model org/name@main", "the Hub")]


def test_what_the_run_began_with_counts_before_what_the_hub_says(hub):
    hub.commits["dataset", "org/set", "main"] = NEW
    found = Revisions(known={"dataset org/set@main": OLD}, ask=True).resolve("dataset", "org/set", None, HERE)
    assert (found.commit, found.source, hub.asked) == (OLD, "the run's own file", [])


@pytest.mark.parametrize(
    "error", [OfflineModeIsEnabled("off"), httpx.ConnectError("no route"), TimeoutError()]
)
@pytest.mark.parametrize(("kind", "revision"), [("model", "main"), ("dataset", "refs/convert/parquet")])
def test_without_the_hub_the_cached_commit_counts(hub, cache, error, kind, revision):
    hub.error = error
    cache(f"{kind}s--org--name", revision, OLD + "\n")
    found = Revisions(ask=True, required=True).resolve(kind, "org/name", revision, HERE)
    assert (found.commit, found.source) == (OLD, "this machine's cache")


def test_nothing_is_asked_that_may_not_be(hub):
    assert Revisions().resolve("model", "org/name", None, HERE).identity == "org/name@main, not resolved"
    assert hub.asked == []


@pytest.mark.parametrize(
    ("kind", "error", "command"),
    [
        ("model", ModelError, "hf download org/name --revision v2"),
        ("dataset", DataError, "hf download org/name --repo-type dataset --revision v2"),
    ],
)
def test_a_commit_that_is_needed_and_not_known_is_an_error(hub, cache, kind, error, command):
    hub.error = OfflineModeIsEnabled("off")
    cache(f"{kind}s--org--name", "v2", "no commit")
    with pytest.raises(error, match=r"model\.revision: the commit of org/name@v2 is not known") as caught:
        Revisions(ask=True, required=True).resolve(kind, "org/name", "v2", HERE)
    assert command in caught.value.fix
    assert Revisions(ask=True).resolve(kind, "org/name", "v2", HERE).commit is None


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (RepositoryNotFoundError, "model: the Hub has no data set called org/set"),
        (RevisionNotFoundError, r"model\.revision: the data set org/set has no revision main"),
    ],
)
def test_what_the_hub_does_not_have_is_an_error_whatever_is_cached(hub, cache, kind, fault):
    hub.error = refusal(kind)
    cache("datasets--org--set", "main", OLD)
    with pytest.raises(DataError, match=rf"^{fault}"):
        Revisions(ask=True).resolve("dataset", "org/set", None, HERE)


MODEL = {"path": "org/model", "revision": "main"}
JUDGE = {"path": "org/judge"}
EVERYWHERE = {
    ("model", "org/model", "main"): NEW,
    ("model", "org/judge", "main"): OLD,
    ("dataset", "org/prompts", "v1"): OTHER,
    ("dataset", "org/test", "main"): "d" * 40,
}


@pytest.fixture
def hub_values(values):
    values["model"] = dict(MODEL)
    values["data"]["collect"] |= {
        "source": "org/prompts", "revision": "v1", "split": "train", "reward_model": dict(JUDGE),
        "pair_rule": "best_worst",
    }  # fmt: skip
    values["evaluation"]["math"][0] |= {"source": "org/test", "split": "test"}
    return values


def test_every_stage_has_the_one_commit_in_parameters_and_setting(hub, load, hub_values):
    hub.commits = EVERYWHERE
    plan = make_plan(load(hub_values), Revisions(ask=True, required=True))
    assert sorted(hub.asked) == sorted(EVERYWHERE)
    seen = {"model": set(), "judge": set(), "prompts": set(), "test": set()}
    for stage in plan.stages:
        params, setting = stage.parameters.to_dict(), stage.setting.to_dict()
        if stage.kind == "score":
            seen["judge"].add((params["model"], setting["model_path"], setting["revision"]))
        elif "model" in params:
            seen["model"].add((params["model"], setting["revision"]))
        if stage.kind == "sample":
            seen["prompts"].add((params["source"], params["revision"]))
        if stage.kind == "answer_math":
            seen["test"].add((params["source"], params["revision"]))
        assert "main" not in (params.get("revision"), setting.get("revision"))
    assert seen == {
        "model": {(f"org/model@{NEW}", NEW)},
        "judge": {(f"org/judge@{OLD}", "org/judge", OLD)},
        "prompts": {(f"org/prompts@{OTHER}  train", OTHER)},
        "test": {(f"org/test@{'d' * 40}  test", "d" * 40)},
    }
    assert plan.start_model == f"org/model@{NEW}"


def test_a_branch_and_its_commit_are_the_same_work(hub, load, hub_values):
    hub.commits = EVERYWHERE
    by_name = make_plan(load(hub_values), Revisions(ask=True))
    hub_values["model"]["revision"] = NEW
    hub_values["data"]["collect"]["revision"] = OTHER
    by_commit = make_plan(load(hub_values), Revisions(ask=True))
    assert [one.digest for one in by_name.stages] == [one.digest for one in by_commit.stages]


@pytest.mark.parametrize("moved", list(EVERYWHERE))
def test_a_commit_that_moves_is_other_work(hub, load, hub_values, moved):
    hub.commits = dict(EVERYWHERE)
    before = {one.digest for one in make_plan(load(hub_values), Revisions(ask=True)).stages}
    hub.commits[moved] = "e" * 40
    assert {one.digest for one in make_plan(load(hub_values), Revisions(ask=True)).stages} != before


def test_pairs_of_the_hub_have_their_commit(hub, load, values):
    hub.commits["dataset", "org/pairs", "main"] = NEW
    values["data"] = {"pairs": {"source": "org/pairs"}}
    plan = make_plan(load(values), Revisions(ask=True, required=True))
    imports = [stage for stage in plan.stages if stage.kind == "import_pairs"]
    assert {(stage.parameters.source, stage.parameters.revision) for stage in imports} == {
        (f"org/pairs@{NEW}", NEW)
    }


def test_rows_that_were_prepared_at_another_commit_are_refused(tmp_path):
    def prepared(name):
        folder = tmp_path / "org___set" / "default" / "0.0.0" / name
        datasets.Dataset.from_list([{"x": 1}]).save_to_disk(folder)
        return datasets.Dataset.load_from_disk(folder)

    right, wrong = prepared(NEW), prepared(OLD)
    check_commit(right, NEW, "org/set")
    check_commit(datasets.DatasetDict({"test": right}), NEW, "org/set")
    check_commit(datasets.Dataset.from_list([{"x": 1}]), NEW, "org/set")  # from memory: nothing to see
    for rows in (wrong, datasets.DatasetDict({"train": right, "test": wrong})):
        with pytest.raises(DataError, match=f"org/set: the data set was asked for at commit {NEW}, but"):
            check_commit(rows, NEW, "org/set")


def test_a_hub_model_that_is_not_resolved_can_be_planned(load, values):
    values["model"] = "some-org/some-model"
    plan = make_plan(load(values))
    assert plan.start_model == "some-org/some-model@main, not resolved"
