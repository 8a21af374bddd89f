"""A suite whose model and data lie on a Hub: run against it, and continued from the cache without it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from hub_contents import FIRST, GSM8K_COMMIT, SECOND, move_branches
from installed import needs_vllm

pytestmark = [pytest.mark.slow, needs_vllm]

RUN = ["run", "suite.yaml", "-o", "out"]
MORE = ["--set", "seeds=[0, 1]"]
LOADED = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture(scope="module")
def story(place) -> SimpleNamespace:
    """A run against the Hub; then its branches move, and what is said; then no Hub, and the run with a seed more."""
    (began,) = place.online((RUN, {}))
    fetched = dict(place.hub.fetched)
    move_branches(place.hub)
    continued, anew = place.online((["plan", *RUN[1:]], {}), (["plan", "suite.yaml", "-o", "new"], {}))
    asked = len(place.hub.asked)
    offline, unknown = place.offline([*RUN, *MORE]), place.offline(["run", "suite.yaml", "-o", "new"])
    out = place.folder / "out"
    return SimpleNamespace(
        kept=json.loads((out / "revisions.json").read_text("utf-8")),
        records=list((out / "store").glob("answer_math/*/record.json")),
        began=began,
        fetched=fetched,
        continued=continued,
        anew=anew,
        offline=offline,
        unknown=unknown,
        asked_offline=place.hub.asked[asked:],
    )


def of(fetched: dict[str, int], repository: str) -> set[str]:
    """Files of a repository that were fetched."""
    return {name.removeprefix(f"{repository}/") for name in fetched if name.startswith(f"{repository}/")}


def test_a_suite_runs_on_what_the_hub_has(story):
    assert story.began.code == 0, story.began.err
    assert "12 of 12 stages run" in story.began.out


def test_each_name_is_said_with_its_commit(story):
    for line in (f"model tiny/model@main: {FIRST}", f"dataset allenai/ai2_arc@main: {FIRST}"):
        assert f"{line}, from the Hub" in story.began.err


def test_of_the_model_only_the_files_are_fetched_that_are_loaded(story):
    assert of(story.fetched, "tiny/model") == LOADED


@pytest.mark.parametrize(
    ("repository", "files"),
    [
        ("tiny/pairs", {"README.md", "easy/train.jsonl"}),
        ("openai/gsm8k", {"README.md", "main/train.parquet", "main/test.parquet"}),
        (
            "allenai/ai2_arc",
            {"README.md", *(f"ARC-Easy/{part}.parquet" for part in ("train", "validation", "test"))},
        ),
    ],
)
def test_of_a_data_set_only_the_configuration_of_the_suite_is_fetched(story, repository, files):
    assert of(story.fetched, repository) == files


def test_each_file_is_fetched_once(story):
    assert set(story.fetched.values()) == {1}


def test_the_commits_of_a_run_are_kept(story):
    assert story.kept["commits"] == {
        "model tiny/model@main": FIRST,
        "dataset tiny/pairs@main": FIRST,
        "dataset allenai/ai2_arc@main": FIRST,
    }


def test_records_hold_the_registered_commit_of_a_benchmark(story):
    records = [json.loads(file.read_text("utf-8")) for file in story.records]
    assert {record["stage"]["params"]["revision"] for record in records} == {GSM8K_COMMIT}


def test_a_run_goes_on_with_its_commit_when_the_branch_has_moved(story):
    assert f"model tiny/model@main: {FIRST}, from the run's own file" in story.continued.out
    assert "The run goes on with the commits in" in story.continued.out


def test_another_run_takes_the_commit_to_which_the_branch_has_moved(story):
    assert f"model tiny/model@main: {SECOND}, from the Hub" in story.anew.out


def test_offline_the_run_is_continued_from_the_cache(story):
    assert story.offline.code == 0, story.offline.err
    # Of the second seed: pairs, reference, training, answers, their grades, lm-eval, two comparisons with the prompts.
    assert "8 of 20 stages run, 12 reused" in story.offline.out


def test_offline_nobody_is_asked(story):
    assert story.asked_offline == []


def test_offline_a_run_without_commits_says_what_to_do(story):
    assert story.unknown.code == 3
    assert "the commit of tiny/model@main is not known: the Hub does not answer" in story.unknown.err
    assert "hf download tiny/model --revision main" in story.unknown.err
