"""What is looked at of a reward model before answers are drawn for it: its template, its length, its room."""

import json
import shutil

import pytest

from lorr_bench.checks import reward_model as module
from lorr_bench.checks.reward_model import readiness_lines, reward_model_lines
from lorr_bench.errors import ModelError
from lorr_bench.forecast.memory import Machine
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.identity.origins import NANO_MODEL

WEIGHTS = read_model_size(str(NANO_MODEL)).parameters * 4
TOKENS = 8 * 64
BLOCK = TOKENS * (2 * 128 + 3 * 384) * 4
CACHE = TOKENS * 2 * 4 * 4 * 32 * 4
"""Eight answers of 64 tokens: a block of 128 and 384 units, keys and values of 4 layers and 4 heads of 32."""


@pytest.fixture
def judge(tmp_path):
    """A copy of the embedded model that says it scores, with some keys of its tokenizer's settings changed."""

    def copy(**settings):
        folder = tmp_path / "judge"
        shutil.copytree(NANO_MODEL, folder)
        changes = {
            "config": {"architectures": ["LlamaForSequenceClassification"], "id2label": {"0": "good"}},
            "tokenizer_config": settings,
        }
        for name, more in changes.items():
            file = folder / f"{name}.json"
            file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **more}), "utf-8")
        return str(folder)

    return copy


@pytest.fixture
def planned(plan_of, values):
    def make(path, max_length=64, **changes):
        scorer = {"path": path, "max_length": max_length, "dtype": "float32"}
        collect = {**values["data"]["collect"], "reward_model": scorer, "pair_rule": "best_worst"}
        return plan_of(data={"collect": collect}, **changes)

    return make


@pytest.mark.slow
def test_a_template_that_does_not_take_an_answer_is_refused(planned, judge):
    folder = judge(chat_template="{{ raise_exception('only one turn') }}")
    with pytest.raises(
        ModelError, match=r"does not take a question and an answer: .*only one turn"
    ) as refused:
        list(reward_model_lines(planned(folder)))
    assert refused.value.where == "data.collect.reward_model.path"


@pytest.mark.slow
def test_a_length_without_room_for_anything_is_refused(planned, judge):
    """The template alone writes 5 words around each of the two turns."""
    folder = judge(chat_template="{% for m in messages %}two two two two two {{ m.content }} {% endfor %}")
    assert list(reward_model_lines(planned(folder))) == []
    with pytest.raises(ModelError, match="longer ones than 10 get no score") as refused:
        list(reward_model_lines(planned(folder, max_length=10)))
    assert refused.value.where == "data.collect.reward_model.max_length"


@pytest.fixture
def ready(planned, judge):
    """What is said of a run on a machine."""

    def lines(gpus=(), main=1 << 40, folder=None, **changes):
        plan = planned(folder or judge(), **changes)
        return list(readiness_lines(plan.suite, plan.stages, lambda: Machine(gpus, main)))

    return lines


@pytest.mark.parametrize(
    "place",
    [
        {"main": WEIGHTS - 1},
        {"gpus": (2 * WEIGHTS - 2,), "engine": {"gpu_memory_utilization": 0.5}},
        {"gpus": (WEIGHTS - 1,) * 2, "engine": {"gpu_memory_utilization": 0.5, "data_parallel_size": 1}},
    ],
)
def test_weights_without_room_are_refused_before_anything_is_drawn(ready, place):
    with pytest.raises(
        ModelError, match=r"the weights of .* are .* in float32, and .* has .* for them"
    ) as refused:
        ready(**place)
    assert refused.value.where == "data.collect.reward_model.path"


@pytest.mark.parametrize(
    ("gpus", "engine"),
    [
        ((2 * (WEIGHTS + BLOCK + CACHE),), {"gpu_memory_utilization": 0.5}),
        ((WEIGHTS + BLOCK + CACHE,) * 2, {"gpu_memory_utilization": 0.5, "data_parallel_size": 1}),
    ],
)
def test_a_model_that_fits_beside_the_engine_is_not_warned_of(planned, judge, gpus, engine):
    plan = planned(judge(), engine=engine)
    assert list(readiness_lines(plan.suite, plan.stages, lambda: Machine(gpus, 0))) == []
    less = tuple(size - 2 for size in gpus)
    (line,) = readiness_lines(plan.suite, plan.stages, lambda: Machine(less, 0))
    assert line.startswith("Memory: the reward model needs ")
    assert "for 8 answers of 64 tokens, and a GPU" in line
    assert "Lower batch_size or max_length of data.collect.reward_model" in line


def nobody():
    raise AssertionError("nobody may ask for the memory")


def test_a_cluster_has_machines_of_its_own(planned, judge):
    plan = planned(judge(), execution={"executor": "ray"})
    assert list(readiness_lines(plan.suite, plan.stages, nobody)) == []


def test_without_answers_to_score_nothing_is_looked_at(planned, plan_of):
    plan = plan_of()
    assert list(readiness_lines(plan.suite, plan.stages, nobody)) == []
    assert list(reward_model_lines(plan)) == []


def test_of_a_model_of_the_hub_the_description_is_fetched_and_looked_at(planned, judge, monkeypatch):
    monkeypatch.setattr(module, "folder_here", lambda path, revision: None)
    asked, plan = [], planned("owner/judge")
    monkeypatch.setattr(module, "fetch_description", lambda *of: asked.append(of))
    assert list(reward_model_lines(plan)) == []
    assert asked == []
    assert list(readiness_lines(plan.suite, plan.stages, nobody)) == []  # the Hub does not answer
    assert [(path, where) for path, _, where in asked] == [("owner/judge", "data.collect.reward_model.path")]
    folder = judge(pad_token=None)
    config = module.Path(folder) / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text("utf-8")), "pad_token_id": None}), "utf-8")
    monkeypatch.setattr(module, "fetch_description", lambda *of: module.Path(folder))
    (padding,) = readiness_lines(plan.suite, plan.stages, lambda: Machine((), 1 << 40))
    assert padding.startswith("Padding: neither the reward model nor its tokenizer has a padding token")
    language_model = module.Path(folder) / "config.json"
    shutil.copy(NANO_MODEL / "config.json", language_model)
    with pytest.raises(ModelError, match="owner/judge is a language model"):
        list(readiness_lines(plan.suite, plan.stages, nobody))
