"""A whole suite over the real benchmark files: seven math sets and four general ones, on one engine."""

import csv
import json

import pytest
import yaml
from byte_model import write_byte_model
from command_line import ROOT, logs, lorr_bench_warm
from installed import needs_vllm
from real_tasks import write_tasks

pytestmark = [pytest.mark.slow, needs_vllm]

DATA = ROOT.parent / "shared" / "data"
MATH = {
    "gsm8k": "gsm8k_test",
    "math500": "math500",
    "minerva_math": "minerva_math",
    "olympiadbench": "olympiadbench_oe_to_maths_en_comp",
    "aime24": "aime24",
    "aime25": "aime25",
    "amc23": "amc23",
}
GENERAL = ("real_arc_challenge", "real_mmlu_pro", "real_bbh", "real_strategyqa")
LIMIT = 2


def suite(folder):
    """The suite as plain values, its files in a folder."""
    pairs = folder / "pairs.jsonl"
    rows = [{"prompt": f"Order {i}, 3 from", "chosen": f" {i}.", "rejected": " 0."} for i in range(9)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    tasks = folder / "tasks"
    tasks.mkdir()
    write_tasks(tasks, DATA / "general")
    general = {"tasks": list(GENERAL), "include_path": "tasks", "limit": LIMIT, "name": "real"}
    return {
        "name": "real",
        "model": str(write_byte_model(folder / "model")),
        "seeds": [0],
        "data": {"pairs": {"source": "pairs.jsonl"}},
        "budget": {"unique_pairs": [8]},
        "methods": {"dpo": {"per_device_train_batch_size": 4, "max_length": 64}},
        "plugins": {"plain": None},
        "evaluation": {
            "protocol": {"name": "sober", "greedy": True, "repeats": 2, "max_tokens": 8, "prompt": "plain"},
            "math": [
                {"name": name, "source": str(DATA / "math" / f"{file}.jsonl"), "limit": LIMIT}
                for name, file in MATH.items()
            ],
            "general": [general],
        },
        "engine": {"max_model_len": 4096},
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    if not DATA.is_dir():
        pytest.skip("the shared benchmark files are not beside this checkout")
    folder = tmp_path_factory.mktemp("real")
    path = folder / "suite.yaml"
    path.write_text(yaml.safe_dump(suite(folder)), "utf-8")
    output = folder / "out"
    run = lorr_bench_warm("run", path, "-o", output)
    assert run.returncode == 0, run.stderr + logs(output)
    return output


def scores(output):
    with (output / "report" / "scores.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def records(output):
    return [json.loads(path.read_text("utf-8")) for path in output.glob("store/*/*/record.json")]


def test_all_are_measured_before_and_after_training(done):
    for arm in ("start", "dpo+plain"):
        measured = {row["benchmark"] for row in scores(done) if row["arm"] == arm}
        assert measured == {*MATH, *GENERAL}


def test_the_engine_starts_once(done):
    starts = [record for record in records(done) if "engine_start" in record["outcome"]["parts"]]
    assert len(starts) == 1


def test_the_real_problems_were_asked(done):
    asked = {
        problem["problem"]: problem["gold"]
        for path in done.glob("store/answer_math/*/problems.jsonl")
        for problem in map(json.loads, path.read_text("utf-8").splitlines())
    }
    first = {
        name: json.loads((DATA / "math" / f"{file}.jsonl").read_text("utf-8").split("\n", 1)[0])
        for name, file in MATH.items()
    }
    assert {row["problem"] for row in first.values()} <= set(asked)
    assert len(asked) == LIMIT * len(MATH)
    assert asked[first["gsm8k"]["problem"]] == first["gsm8k"]["answer"]


def test_every_benchmark_was_looked_for_among_the_prompts(done):
    kinds = [record["stage"]["kind"] for record in records(done)]
    assert kinds.count("contamination") == len(MATH) + 1
