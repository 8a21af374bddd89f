"""Data sets of the Hub before a run: what its answer and the card of a set say of the subset and split of a suite."""

from __future__ import annotations

import os
from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest
from huggingface_hub import DatasetCardData
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from lorr_bench.checks.check_plan import check_plan
from lorr_bench.errors import DataError

COMMIT = "a" * 40
TWO = [
    {"config_name": "easy", "data_files": [{"split": "train", "path": "e"}, {"split": "test", "path": "t"}]},
    {"config_name": "hard", "data_files": "hard/*"},
]


def said(kind):
    request = httpx.Request("GET", "https://huggingface.co/api/datasets/org/set")
    return kind("no", response=httpx.Response(404, request=request))


@pytest.fixture
def hub(monkeypatch, plan_of, values, tmp_path):
    """Checks a plan with a benchmark on the Hub, of whose data set it says what is given; notes what it is asked."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    asked = []

    def check(answer=None, *, configs=None, refused=None, **fields):
        def dataset_info(self, name, *, revision, timeout):
            asked.append((name, revision))
            if answer is not None:
                raise answer
            return SimpleNamespace(gated=refused is not None, card_data=DatasetCardData(configs=configs))

        def auth_check(self, name, *, repo_type):
            asked.append((name, repo_type))
            raise refused

        monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
        monkeypatch.setattr(huggingface_hub.HfApi, "auth_check", auth_check)
        given = {"source": "org/set", "revision": COMMIT, "split": "test", **fields}
        math = [{**values["evaluation"]["math"][0], "name": name, **given} for name in ("one", "two")]
        check_plan(plan_of(evaluation={**values["evaluation"], "math": math}))
        return asked

    return check


def test_a_data_set_is_asked_for_once_at_its_commit(hub):
    assert hub() == [("org/set", COMMIT)]


@pytest.mark.parametrize(
    ("fields", "configs"),
    [
        ({"subset": "easy"}, TWO),
        ({"subset": "hard", "split": "validation"}, TWO),  # the card names no splits of it
        ({}, TWO[:1]),
        ({}, [*TWO, {"config_name": "default", "data_files": [{"split": "test", "path": "x"}]}]),
        ({}, [{**TWO[0], "default": True}, TWO[1]]),
        ({"subset": "easy", "split": "test[:50%]"}, TWO),
        ({"subset": "any", "split": "any"}, None),
        ({"subset": "any"}, "no list"),
        ({"subset": "easy"}, [{"config_name": "easy", "data_files": ["x"]}, "no mapping"]),
    ],
)
def test_what_the_card_does_not_rule_out_is_taken(hub, fields, configs):
    assert hub(configs=configs, **fields) == [("org/set", COMMIT)]


@pytest.mark.parametrize(
    ("fields", "configs", "what", "fix"),
    [
        (
            {"subset": "esy"},
            TWO,
            "subset: the data set org/set has no subset 'esy'",
            "Did you mean 'easy'? It has",
        ),
        (
            {},
            TWO,
            "subset: the data set org/set has several subsets, and the suite names none",
            "It has easy, hard.",
        ),
        (
            {"split": "tset"},
            TWO[:1],
            "split: the data set org/set has no split 'tset'",
            "Did you mean 'test'?",
        ),
    ],
)
def test_a_subset_or_split_that_the_card_lacks_is_refused(hub, fields, configs, what, fix):
    with pytest.raises(DataError, match=rf"evaluation\.math\.{what}") as refused:
        hub(configs=configs, **fields)
    assert fix in refused.value.fix


def test_a_gated_data_set_is_refused_to_who_may_not_read_it(hub):
    with pytest.raises(DataError, match=r"evaluation\.math: the data set org/set is gated") as refused:
        hub(refused=said(GatedRepoError))
    assert f"{os.environ['HF_ENDPOINT']}/datasets/org/set" in refused.value.fix


def test_a_data_set_that_is_gone_is_refused_unless_it_was_prepared_before(hub, tmp_path):
    with pytest.raises(DataError, match="the Hub has no data set called org/set"):
        hub(said(RepositoryNotFoundError), subset="easy")
    (tmp_path / "org___set" / "easy" / "0.0.0" / COMMIT).mkdir(parents=True)
    assert hub(said(RepositoryNotFoundError), subset="easy")[-1] == ("org/set", COMMIT)


def test_a_hub_that_does_not_answer_refuses_no_data(hub):
    assert hub(OSError("no network")) == [("org/set", COMMIT)]
