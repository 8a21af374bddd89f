"""The commits with which a run began, in its folder."""

from __future__ import annotations

import json
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled

from lorr_bench.errors import ModelError, StoreError
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.commits import COMMITS_FILE, keep_commits, revision_lines, revisions_of
from lorr_bench.spec.load import load_suite

OLD, NEW = "a" * 40, "b" * 40
SUITE = """
name: hub
model: org/model
seeds: [0]
data: {collect: {source: nano/train, num_prompts: 4, max_tokens: 8, chat_template: true}}
budget: {unique_pairs: [2]}
methods: {dpo: {per_device_train_batch_size: 2}}
plugins: {plain: {}}
evaluation: {math: [{name: easy, source: nano/easy, limit: 4, max_tokens: 8}]}
"""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    made = SimpleNamespace(commit=OLD, asked=0)

    def repo_info(name, **_):
        made.asked += 1
        if made.commit is None:
            raise OfflineModeIsEnabled("off")
        return SimpleNamespace(sha=made.commit)

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", staticmethod(repo_info))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return made


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE, "utf-8")
    return lambda **options: make_plan(load_suite(path), revisions_of(tmp_path / "out", **options))


def test_a_run_goes_on_with_what_it_began_with(hub, plan, tmp_path):
    began = plan(ask=True, required=True)
    (tmp_path / "out").mkdir()
    keep_commits(began, tmp_path / "out")
    hub.commit = NEW
    for options in ({"ask": True, "required": True}, {"ask": True}, {}):  # run, plan; status and report
        again = plan(**options)
        assert again.start_model == f"org/model@{OLD}"
        assert [one.digest for one in again.stages] == [one.digest for one in began.stages]
    assert hub.asked == 1
    (tmp_path / "out" / COMMITS_FILE).unlink()
    assert plan(ask=True).start_model == f"org/model@{NEW}"


def test_what_was_resolved_earlier_stays_in_the_file(hub, plan, tmp_path):
    file = tmp_path / "out" / COMMITS_FILE
    file.parent.mkdir()
    keep_commits(plan(ask=True), tmp_path / "out")
    values = json.loads(file.read_text("utf-8"))
    values["commits"]["dataset org/set@main"] = NEW
    values["lm_eval_tasks"]["lm-eval 0: mmlu"] = [["cais/mmlu", None]]
    file.write_text(json.dumps(values), "utf-8")
    keep_commits(plan(), tmp_path / "out")
    assert json.loads(file.read_text("utf-8")) == values
    assert values["commits"]["model org/model@main"] == OLD


def test_a_run_that_asks_nothing_of_the_hub_has_no_file(tmp_path):
    path = tmp_path / "suite.yaml"
    path.write_text(SUITE.replace("org/model", "nano"), "utf-8")
    keep_commits(make_plan(load_suite(path), revisions_of(tmp_path / "out", ask=True)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_plan_says_commits_dates_and_how_to_take_newer_ones(hub, plan, tmp_path):
    assert list(revision_lines(plan(ask=True), tmp_path / "out")) == [
        f"model org/model@main: {OLD}, from the Hub",
        "Today's date in chat templates: 2025-01-01 (model.template_date).",
    ]
    (tmp_path / "out").mkdir()
    keep_commits(plan(ask=True), tmp_path / "out")
    first, second, _ = revision_lines(plan(), tmp_path / "out")
    assert first == f"model org/model@main: {OLD}, from the run's own file"
    assert second.endswith(f"{tmp_path / 'out' / COMMITS_FILE}; delete it to take the newest.")


def test_without_network_and_cache_a_plan_says_so_and_a_run_ends(hub, plan, tmp_path):
    hub.commit = None
    first, *_ = revision_lines(plan(ask=True), tmp_path / "out")
    assert first.startswith("model org/model@main: not resolved yet: needs the network")
    with pytest.raises(ModelError, match=r"model\.revision: the commit of org/model@main is not known"):
        plan(ask=True, required=True)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"commits": {"model a/b@main": "main"}, "lm_eval_tasks": {}}',
     '{"commits": {}, "lm_eval_tasks": {"x": 1}}', "\udcff"],
)  # fmt: skip
def test_a_damaged_file_is_told(plan, tmp_path, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / COMMITS_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(
        StoreError, match=r"revisions\.json: the file with the commits of this run is damaged"
    ):
        plan()


def test_a_file_that_can_not_be_read_is_told(plan, tmp_path):
    (tmp_path / "out" / COMMITS_FILE).mkdir(parents=True)
    with pytest.raises(StoreError, match="is damaged"):
        plan()
