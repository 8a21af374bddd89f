"""The files are read with lm-eval's own functions, and with pandas and datasets."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pandas as pd
import pytest

from lorr_bench.errors import DataError
from lorr_bench.export.lm_eval_files import GeneralEvaluation, MathEvaluation, write_lm_eval
from lorr_bench.store.generations import GradedAnswer
from lorr_bench.values import Point, Score

POINT = Point("dpo+lorr", 512, 0)
TIME = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
MODEL = "nano/dpo+lorr/512/0"
NAN = math.nan


def score(metric, values, value=None, reason=""):
    mean = sum(values) / len(values) if value is None else value
    return Score(POINT, "gsm8k", "math", metric, mean, tuple(values), reason=reason)


def graded(number, sampling, repeat, text, correct):
    extracted = None if text is None else text.removeprefix("It is ") or None
    return GradedAnswer(
        problem={
            "id": f"p{number}",
            "problem": f"1 + {number}?",
            "prompt": f"1 + {number}?\n",
            "gold": f"{1 + number}",
        },
        answer={
            "id": f"p{number}",
            "sampling": sampling,
            "repeat": repeat,
            "text": text,
            "tokens": 3 if text else 0,
            "truncated": text == "It is ",
        },
        verdict={
            "extracted": extracted,
            "correct": correct,
            "reason": "missing" if text is None else "equal" if correct else "different",
        },
    )


ANSWERS = [
    graded(0, "greedy", 0, "It is 1", True),
    graded(1, "greedy", 0, "It is ", False),
    graded(2, "greedy", 0, "It is 9", False),
    graded(0, "sampled", 0, "It is 1", True),
    graded(1, "sampled", 0, "It is 2", True),
    graded(2, "sampled", 0, None, None),
    graded(0, "sampled", 1, "It is 7", False),
    graded(1, "sampled", 1, "It is 2", True),
    graded(2, "sampled", 1, None, None),
]
WHY = "1 of 3 problems lacks answers"
GSM8K = MathEvaluation(
    "gsm8k",
    [
        score("greedy", [1.0, 0.0, 0.0]),
        score("avg@2", [0.5, 1.0, NAN], NAN, WHY),
        score("maj@2", [0.5, 1.0, 1.0]),
    ],
    ANSWERS,
    {"template": "{problem}\n"},
)
GENERAL = GeneralEvaluation(
    results={
        "results": {
            "arc": {"alias": "arc", "acc,none": 0.5, "acc_stderr,none": 0.5, "sample_len": 2},
            "both": {"alias": "both", "acc,none": 0.5, "acc_stderr,none": "N/A"},
        },
        "groups": {"both": {"alias": "both", "acc,none": 0.5, "acc_stderr,none": "N/A"}},
        "group_subtasks": {"both": ["arc"]},
        "configs": {"arc": {"task": "arc"}},
        "versions": {"arc": 1.0, "both": 2.0},
        "n-shot": {"arc": 25},
        "higher_is_better": {"arc": {"acc": True}},
        "n-samples": {"arc": {"original": 2, "effective": 2}},
        "config": {"model": "vllm", "model_args": {"pretrained": "elsewhere"}, "limit": 2},
        "task_hashes": {"arc": "0123"},
        "lm_eval_version": "0.4.13",
    },
    samples={
        "arc": [
            {"doc_id": i, "doc_hash": "a", "prompt_hash": "b", "target_hash": "c", "acc": float(i)}
            for i in range(2)
        ]
    },
)


@pytest.fixture
def written(tmp_path):
    return write_lm_eval(tmp_path, model=MODEL, time=TIME, math=[GSM8K], general=[GENERAL])


@pytest.fixture
def results(written):
    return json.loads(written.read_text("utf-8"))


def test_lm_eval_finds_the_files_by_their_names(written, tmp_path):
    from lm_eval import utils

    later = write_lm_eval(tmp_path, model=MODEL, time=TIME.replace(microsecond=1), math=[GSM8K], general=[])
    files = sorted(map(str, tmp_path.glob("**/*")))
    assert utils.get_results_filenames(files) == [str(written), str(later)]
    assert utils.get_latest_filename(utils.get_results_filenames(files)) == str(later)
    samples = [file.rsplit("/", 1)[1] for file in utils.get_sample_results_filenames(files)]
    assert [utils.get_file_task_name(name) for name in samples] == ["arc", "gsm8k", "gsm8k"]
    assert [utils.get_file_datetime(name) for name in samples[:2]] == ["2026-03-04T05-06-07.000000"] * 2


@pytest.mark.slow
def test_lm_eval_prints_its_table_from_the_results(results):
    from lm_eval.utils import make_table

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in make_table(results).splitlines()[2:]]
    # The root of the sample variance of 1, 0, 0 is sqrt(1/3); over the root of 3 that is 1/3. For maj@2 the
    # values 1/2, 1, 1 have sqrt(1/12), over the root of 3 that is 1/6.
    columns = ("Filter", "Metric", "Value", "Stderr")
    places = dict(
        zip(
            ("Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", "±", "Stderr"),
            range(9),
            strict=True,
        )
    )
    found = {tuple(row[places[name]] for name in columns) for row in rows}
    assert found == {
        ("none", "acc", "0.5000", "0.5000"),
        ("none", "acc", "0.5000", "N/A"),
        ("greedy", "exact_match", "0.3333", "0.3333"),
        ("avg@2", "exact_match", "N/A", "N/A"),
        ("maj@2", "exact_match", "0.8333", "0.1667"),
    }
    assert "both" in make_table(results, "groups")


def test_standard_errors_are_lm_evals(results):
    from lm_eval.api.metrics import mean_stderr

    found = results["results"]["gsm8k"]
    assert found["exact_match_stderr,greedy"] == pytest.approx(mean_stderr([1.0, 0.0, 0.0]))


def test_one_problem_has_no_standard_error(tmp_path):
    alone = MathEvaluation("one", [score("greedy", [1.0])], [], {})
    found = json.loads(write_lm_eval(tmp_path, model="m", time=TIME, math=[alone], general=[]).read_text())
    assert found["results"]["one"]["exact_match,greedy"] == 1.0
    assert found["results"]["one"]["exact_match_stderr,greedy"] == "N/A"


def test_a_missing_value_has_its_reason_beside_it(results):
    assert results["configs"]["gsm8k"]["metadata"] == {
        "conditions": {"template": "{problem}\n"},
        "missing": {"avg@2": WHY},
    }


def test_what_lm_eval_found_stands_as_it_was(results):
    for part in ("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes"):
        for task, value in GENERAL.results[part].items():
            assert results[part][task] == value
    assert results["groups"] == GENERAL.results["groups"]
    assert results["lm_eval_version"] == "0.4.13"
    assert results["config"] == {"model": "vllm", "model_args": {"pretrained": MODEL}, "limit": 2}


def test_pandas_reads_the_samples(written):
    (path,) = written.parent.glob("samples_gsm8k_*.jsonl")
    frame = pd.read_json(path, lines=True)
    assert frame["filter"].tolist() == ["greedy"] * 3 + ["avg@2"] * 3
    assert frame["doc_id"].tolist() == [0, 1, 2] * 2
    assert frame["target"].tolist() == [1, 2, 3] * 2
    assert frame["exact_match"].fillna(-1).tolist() == [1, 0, 0, 0.5, 1, -1]
    assert frame["resps"].tolist()[3:] == [[["It is 1", "It is 7"]], [["It is 2", "It is 2"]], [[]]]
    assert frame["filtered_resps"].tolist()[:3] == [["1"], ["[invalid]"], ["9"]]
    assert frame["truncated"].tolist()[:2] == [[False], [True]]
    assert frame["reasons"].tolist()[5] == ["missing", "missing"]


def test_datasets_reads_the_samples(written, tmp_path):
    from datasets import load_dataset

    (path,) = written.parent.glob("samples_gsm8k_*.jsonl")
    rows = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    assert rows["arguments"][0] == {"gen_args_0": {"arg_0": "1 + 0?\n"}}
    assert len(rows) == 6


def test_lm_eval_itself_would_write_the_same_folder_names_and_hashes(written, results, tmp_path):
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker

    (path,) = written.parent.glob("samples_gsm8k_*.jsonl")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    tracker = EvaluationTracker(str(tmp_path / "theirs"))
    tracker.general_config_tracker.log_experiment_args("vllm", {"pretrained": MODEL}, None, None, True)
    tracker.save_results_aggregated(results={"results": {}}, samples={"gsm8k": rows})
    (theirs,) = (tmp_path / "theirs").glob("*/results_*.json")
    assert theirs.parent.name == written.parent.name
    found = json.loads(theirs.read_text("utf-8"))
    assert found["task_hashes"]["gsm8k"] == results["task_hashes"]["gsm8k"]
    for key in ("model_source", "model_name", "model_name_sanitized"):
        assert results[key] == found[key]


def test_rows_have_lm_evals_hashes(written):
    from lm_eval.utils import hash_string

    (path,) = written.parent.glob("samples_gsm8k_*.jsonl")
    row = json.loads(path.read_text("utf-8").splitlines()[0])
    expected = hash_string(json.dumps(row["doc"], indent=2, ensure_ascii=False))
    assert row["doc_hash"] == expected
    assert (row["prompt_hash"], row["target_hash"]) == (hash_string("1 + 0?\n"), hash_string("1"))


def test_two_evaluations_of_one_name_are_an_error(tmp_path):
    with pytest.raises(DataError, match="two evaluations are called gsm8k"):
        write_lm_eval(tmp_path, model="m", time=TIME, math=[GSM8K, GSM8K], general=[])
    assert list(tmp_path.iterdir()) == []
