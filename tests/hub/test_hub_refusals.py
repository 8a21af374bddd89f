"""What the Hub does not give is refused before any stage has begun: each time by a sentence that says what to do."""

from __future__ import annotations

import pytest
from hub_contents import FIRST

pytestmark = pytest.mark.slow

NEWCOMER, MEMBER = {"HF_TOKEN": "newcomer"}, {"HF_TOKEN": "member"}
NOWHERE = "9" * 40
UNUSABLE = 3
"""The exit code where data or a model can't be used."""
LICENCE = ("Accept its licence at", "`hf auth login`")
CASES = {
    "a missing model": (
        ["model.path=tiny/absent"],
        {},
        ("model: the Hub has no model called tiny/absent", "Correct the name"),
    ),
    "a missing model, with an account": (
        ["model.path=tiny/absent"],
        NEWCOMER,
        ("model: the Hub has no model called tiny/absent", "Correct the name"),
    ),
    "a missing revision": (
        ["model={path: tiny/model, revision: v9}"],
        {},
        ("model.revision: the model tiny/model has no revision v9", "Give a commit, branch or tag"),
    ),
    "a missing commit": (
        [f"model={{path: tiny/model, revision: '{NOWHERE}'}}"],
        {},
        (f"model.path: the model tiny/model has no revision {NOWHERE}", "Give a commit, branch or tag"),
    ),
    "a gated model, without an account": (
        ["model.path=tiny/gated"],
        {},
        ("model.path: the model tiny/gated is gated, and this user may not read it", *LICENCE),
    ),
    "a gated model, not let in": (
        ["model.path=tiny/gated"],
        NEWCOMER,
        ("model.path: the model tiny/gated is gated, and this user may not read it", *LICENCE),
    ),
    "a gated reward model, not let in": (
        [
            "data={collect: {source: nano/train, num_prompts: 12, max_tokens: 8, pair_rule: best_worst, "
            "reward_model: {path: tiny/gated}}}",
            "model=nano",
        ],
        NEWCOMER,
        ("data.collect.reward_model.path: the model tiny/gated is gated", *LICENCE),
    ),
    "a model of pickled weights": (
        ["model.path=tiny/pickled"],
        {},
        ("model.path: the model tiny/pickled has no *.safetensors", "save_pretrained, and name that folder"),
    ),
    "an adapter": (
        ["model.path=tiny/adapter"],
        {},
        ("model.path: the model tiny/adapter holds an adapter", "merge_and_unload"),
    ),
    "misspelt pairs": (
        ["data.pairs.source=tiny/pears"],
        {},
        ("data.pairs: the Hub has no data set called tiny/pears", "Correct the name"),
    ),
    "pairs at a missing commit": (
        [f"data.pairs.revision='{NOWHERE}'"],
        {},
        (f"data.pairs: the data set tiny/pairs has no revision {NOWHERE}", "Give a commit, branch or tag"),
    ),
    "gated pairs": (
        ["data.pairs={source: tiny/gated, split: train}"],
        NEWCOMER,
        ("data.pairs: the data set tiny/gated is gated, and this user may not read it", *LICENCE),
    ),
    "a misspelt subset": (
        ["data.pairs.subset=esy"],
        {},
        (
            "data.pairs.subset: the data set tiny/pairs has no subset 'esy'",
            "Did you mean 'easy'? It has easy, hard.",
        ),
    ),
    "no subset of several": (
        ["data.pairs.subset=null"],
        {},
        (
            "data.pairs.subset: the data set tiny/pairs has several subsets, and the suite names none",
            "easy, hard",
        ),
    ),
    "a misspelt split": (
        ["evaluation.math=[{name: gsm8k, split: tset, max_tokens: 4}]"],
        {},
        ("evaluation.math.split: the data set openai/gsm8k has no split 'tset'", "Did you mean 'test'?"),
    ),
    "a gated data set of lm-eval": (
        [
            "evaluation.general=[{name: arc, tasks: [arc_of_the_hub], include_path: tasks, data_sets: {tiny/gated: main}}]"
        ],
        {},
        ("evaluation.general: the data set tiny/gated is gated, and this user may not read it", *LICENCE),
    ),
}


def words(name: str, command: str, changes: list[str]) -> list[str]:
    sets = [word for change in changes for word in ("--set", change)]
    return [command, "suite.yaml", "-o", name.replace(" ", "_"), *sets]


@pytest.fixture(scope="module")
def said(place):
    """What each run says, by its case; and what the plan of somebody says who may read the gated model."""
    runs = [(words(name, "run", changes), token) for name, (changes, token, _) in CASES.items()]
    member = (words("member", "plan", ["model.path=tiny/gated"]), MEMBER)
    *each, let_in = place.online(*runs, member)
    return {**dict(zip(CASES, each, strict=True)), "member": let_in}


@pytest.mark.parametrize("name", CASES)
def test_a_run_says_what_is_not_to_be_had_where_and_what_to_do(said, name):
    *_, sentences = CASES[name]
    text = " ".join(said[name].err.split())
    assert said[name].code == UNUSABLE, text
    assert [sentence for sentence in sentences if sentence not in text] == [], text


def test_no_stage_has_begun(said, place):
    assert said
    assert [
        file.name for file in place.folder.iterdir() if file.name not in ("suite.yaml", "tasks", "home")
    ] == []


def test_who_was_let_in_may_plan(said):
    assert said["member"].code == 0, said["member"].err
    assert f"model tiny/gated@main: {FIRST}, from the Hub" in said["member"].out


def test_no_content_is_fetched_for_it(said, place):
    assert said
    assert dict(place.hub.fetched) == {}
