"""Collection with an engine that answers from a script."""

import json

import pytest

from lorr_bench.data.pairs import read_pairs
from lorr_bench.errors import DataError
from lorr_bench.plan.stage import Stage
from lorr_bench.stages.charge import collection_spend
from lorr_bench.stages.collect import collect, import_pairs, shuffled_pairs
from lorr_bench.stages.task import EngineRoom, Task
from lorr_bench.values import Completion, Pair

PROBLEMS = [("two and two", "4"), ("three and three", "6"), ("one and one", "2")]


class ScriptedEngine:
    """Gives each prompt the answers of a script, by the text of the prompt."""

    def __init__(self, script):
        self.script = script
        self.loaded = []

    def load(self, folder):
        self.loaded.append(folder)

    def generate(self, prompts, sampling, progress=None):
        return [
            [Completion(f"It is \\boxed{{{value}}}", 7, truncated=False) for value in self.script[prompt]]
            for prompt in prompts
        ]

    def chat(self, problem, today):
        return f"<user>{problem}, {today:%d %b}<assistant>"


@pytest.fixture
def task(tmp_path):
    source = tmp_path / "problems.jsonl"
    rows = [{"problem": problem, "answer": answer} for problem, answer in PROBLEMS]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def make(script, **changes):
        params = {
            "problem_column": "problem",
            "answer_column": "answer",
            "template": "{problem}",
            "chat_template": False,
            "num_prompts": 3,
            "num_samples": 3,
            "temperature": 1.0,
            "top_p": 1.0,
            "max_tokens": 9,
            "reward_model": None,
            "grading": {},
            "pair_rule": "one_each",
            "seed": 0,
            "dtype": "float32",
            "max_model_len": None,
            "trust_remote_code": False,
            **changes,
        }
        setting = {
            "source": str(source),
            "model_path": "a model",
            "revision": None,
            "kv_cache_gib": 1,
            "gpu_memory_utilization": 0.5,
            "enforce_eager": True,
            "tensor_parallel_size": 1,
        }
        (tmp_path / "out").mkdir()
        engine = ScriptedEngine(script)
        return Task(
            stage=Stage("collect", "collect, seed 0", params, setting=setting),
            inputs={},
            output=tmp_path / "out",
            scratch=tmp_path / "scratch",
            engines=EngineRoom(lambda model, revision, settings: engine),
            progress=lambda *_: None,
        )

    return make


def test_prompts_with_both_verdicts_give_a_pair_each(task):
    job = task(
        {"two and two": ["4", "5", "4"], "three and three": ["6", "6", "6"], "one and one": ["3", "3", "2"]}
    )
    outcome = collect(job)
    pairs = read_pairs(job.output / "pairs.jsonl")
    assert {pair.prompt for pair in pairs} == {"two and two", "one and one"}
    by_prompt = {pair.prompt: pair for pair in pairs}
    assert by_prompt["two and two"].chosen == "It is \\boxed{4}"
    assert by_prompt["two and two"].rejected == "It is \\boxed{5}"
    assert outcome.metrics["pairs"] == 2
    assert outcome.metrics["correct_share"] == pytest.approx(6 / 9)
    assert outcome.spend == {"prompts": 3, "verifier_calls": 9, "generated_tokens": 63}


def test_every_answer_is_kept_with_its_verdict(task):
    job = task({problem: ["4", "5", "6"] for problem, _ in PROBLEMS})
    collect(job)
    rows = [json.loads(line) for line in (job.output / "answers.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 9
    assert {(row["gold"], row["extracted"], row["correct"]) for row in rows if row["gold"] == "4"} == {
        ("4", "4", True),
        ("4", "5", False),
        ("4", "6", False),
    }


def test_the_chat_template_wraps_every_prompt(task):
    job = task(
        {f"<user>{problem}, 24 Dec<assistant>": ["4", "6", "2"] for problem, _ in PROBLEMS},
        chat_template=True,
        template_date="2024-12-24",
    )
    collect(job)
    assert all(pair.prompt.endswith(", 24 Dec<assistant>") for pair in read_pairs(job.output / "pairs.jsonl"))


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"4": ["4"] * 3, "6": ["6"] * 3, "2": ["2"] * 3}, "harder problems"),
        ({"4": ["0"] * 3, "6": ["0"] * 3, "2": ["0"] * 3}, "No answer was right"),
        ({"4": ["4"] * 3, "6": ["0"] * 3, "2": ["0"] * 3}, "Raise num_samples"),
    ],
)
def test_no_valid_pair_is_an_error_with_advice_and_keeps_nothing_half_done(task, values, advice):
    job = task({problem: values[answer] for problem, answer in PROBLEMS})
    with pytest.raises(
        DataError, match="pair_rule one_each finds no pair among the answers to 3 prompts"
    ) as caught:
        collect(job)
    assert advice in caught.value.fix


def test_a_budget_is_charged_every_prompt_up_to_its_last_pair(tmp_path):
    """Prompts 0 and 2 gave pairs, 1 gave none: two pairs cost three prompts."""
    rows = [
        {"id": str(i), "answers": 4, "generated_tokens": tokens} for i, tokens in enumerate([10, 20, 30, 40])
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    pairs = [Pair("a", "p", "c", "r", 0), Pair("b", "p", "c", "r", 2), Pair("c", "p", "c", "r", 3)]
    assert collection_spend(tmp_path, pairs[:2]) == {
        "prompts": 3,
        "verifier_calls": 12,
        "generated_tokens": 60,
    }


def test_ready_made_pairs_cost_no_prompts(tmp_path):
    assert collection_spend(tmp_path, [Pair("a", "p", "c", "r", 0)]) == {}


def test_ready_made_pairs_are_shuffled_by_seed_and_lose_none(tmp_path):
    pairs = [Pair(str(i), f"p{i}", "good", "bad", i) for i in range(30)]
    first, other = shuffled_pairs(pairs, 0), shuffled_pairs(pairs, 1)
    assert {pair.id for pair in first} == {pair.id for pair in pairs}
    assert [pair.id for pair in first] != [pair.id for pair in other]
    assert [pair.prompt_index for pair in first] == list(range(30))


def test_import_writes_them(tmp_path):
    file = tmp_path / "pairs.jsonl"
    rows = [{"q": f"p{i}", "good": "g", "bad": "b"} for i in range(4)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    params = {
        "revision": None,
        "split": "train",
        "prompt_column": "q",
        "chosen_column": "good",
        "rejected_column": "bad",
        "seed": 0,
        "source": "identity",
    }
    (tmp_path / "out").mkdir()
    stage = Stage("import_pairs", "pairs, seed 0", params, setting={"source": str(file)})
    task = Task(stage, {}, tmp_path / "out", tmp_path / "scratch", EngineRoom(), lambda *_: None)
    outcome = import_pairs(task)
    assert outcome.metrics == {"pairs": 4, "dropped": 0}
    assert len(read_pairs(tmp_path / "out" / "pairs.jsonl")) == 4
