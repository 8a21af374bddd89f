"""The smoke suite as a user runs it: TRL trains, vLLM generates, Math-Verify grades, lm-eval scores."""

import csv
import gzip
import json
import os
import re
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from command_line import ROOT, SMOKE, lorr_bench_here, lorr_bench_warm
from installed import needs_vllm
from warm_process import start_warm

pytestmark = [pytest.mark.slow, needs_vllm]

# 1 fingerprint, 1 collect, 1 reference, 2 budgets × 2 arms; 5 models answer, are graded and take lm-eval's tasks; 2 searches
# for a benchmark among the training prompts, 1 for the families of the word problems
STAGES = 1 + 1 + 1 + 4 + 15 + 2 + 1


def records(output):
    return {
        path.parent.name: json.loads(path.read_text("utf-8")) for path in output.glob("store/*/*/record.json")
    }


def test_every_stage_has_a_record(smoke):
    output, done = smoke
    assert len(records(output)) == STAGES
    assert f"{STAGES} of {STAGES} stages run" in done.stdout


def test_a_pipe_gets_the_result_and_errors_get_plain_lines(smoke):
    output, done = smoke
    assert done.stdout.splitlines()[1:] == [f"Report: {output / 'report' / 'report.html'}"]
    lines = done.stderr.splitlines()
    assert lines[-1].startswith(f"[{STAGES}/{STAGES}] done: ")
    assert all(line.startswith("[") and line.isprintable() for line in lines)


def test_every_stage_has_a_log_of_its_own(smoke):
    output, _ = smoke
    assert len(list((output / "logs").glob("*/*.log"))) == STAGES


def test_the_report_shows_both_arms_on_math_and_general(smoke):
    output, _ = smoke
    with (output / "report" / "scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["arm"] for row in rows} == {"start", "dpo+plain", "dpo+lorr"}
    assert {row["kind"] for row in rows} == {"math", "general"}
    metrics = {row["metric"] for row in rows if row["kind"] == "math"}
    assert metrics == {"greedy", "avg@2", "pass@2", "maj@2"}
    page = (output / "report" / "report.html").read_text("utf-8")
    assert "dpo+lorr" in page
    assert "Incomplete:" not in page


def test_the_arms_differ_in_updates_and_share_the_data(smoke):
    output, _ = smoke
    with (output / "report" / "ledger.csv").open(encoding="utf-8") as file:
        rows = {(row["arm"], float(row["budget_pairs"])): row for row in csv.DictReader(file)}
    plain, lorr = rows["dpo+plain", 32], rows["dpo+lorr", 32]
    for equal in ("prompts", "unique_pairs", "verifier_calls"):
        assert plain[equal] == lorr[equal]
    # 32 pairs in batches of 16 are 2 steps; LoRR makes 2 replays
    assert (float(plain["optimizer_steps"]), float(lorr["optimizer_steps"])) == (2, 4)


def test_a_smaller_budget_is_a_prefix_of_a_larger(smoke):
    output, _ = smoke
    spends = {
        (record["stage"]["params"]["unique_pairs"]): record["outcome"]["spend"]["prompts"]
        for record in records(output).values()
        if record["stage"]["kind"] == "train"
    }
    assert 16 <= spends[16] < spends[32] <= 80


def test_a_second_run_does_nothing_and_says_so(smoke):
    output, _ = smoke
    before = {name: record["started"] for name, record in records(output).items()}
    done = lorr_bench_here("run", SMOKE, "-o", output)
    assert done.returncode == 0
    assert f"Nothing to run: all {STAGES} stages were done before." in done.stdout
    assert {name: record["started"] for name, record in records(output).items()} == before


def copied(output, folder):
    """A copy of the output of a run."""
    return shutil.copytree(output, folder / "out", ignore=shutil.ignore_patterns("logs"))


@pytest.fixture(scope="module")
def changed(smoke, tmp_path_factory):
    """The finished run with another seed for the evaluation, and a budget above what the collection gave.

    It is killed once something new is stored, and begun again.
    """
    copy = copied(smoke[0], tmp_path_factory.mktemp("changed"))
    changes = ("evaluation.seed=1", "evaluation.general=[]", "budget.unique_pairs=[16,79]")
    words = ["run", SMOKE, "-o", copy, *(word for change in changes for word in ("--set", change))]
    kept = set(records(copy))
    process = start_warm("-m", "lorr_bench.cli", *words, environment=os.environ, cwd=ROOT)
    deadline = time.monotonic() + 300
    while len(records(copy)) == len(kept):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    at_kill = records(copy)
    done = lorr_bench_warm(*words)
    new = {record["stage"]["kind"] for name, record in records(copy).items() if name not in kept}
    return SimpleNamespace(copy=copy, done=done, new=new, at_kill=at_kill)


def test_a_killed_run_keeps_what_was_done_and_does_the_rest(changed):
    """That the rest gives the same numbers, the greedy answers below say, and tests/run/test_kill.py of weights."""
    now = records(changed.copy)
    assert {name: record["started"] for name, record in changed.at_kill.items()} == {
        name: now[name]["started"] for name in changed.at_kill
    }
    assert len(now) > len(changed.at_kill)


def test_a_failing_arm_leaves_the_others(changed):
    """That budget fails, the rest is reported, the exit code says so."""
    copy, done = changed.copy, changed.done
    assert done.returncode == 1
    assert "the budget is 79 pairs, there are" in done.stderr
    page = (copy / "report" / "report.html").read_text("utf-8")
    assert "the budget is 79 pairs" in page
    scores = (copy / "report" / "scores.csv").read_text("utf-8")
    assert "dpo+lorr,16" in scores


def test_another_seed_draws_other_samples_and_the_same_greedy_answers(smoke, changed):
    def scores(folder, sampling):
        drawn = (folder / "report" / "scores.csv").read_text("utf-8").splitlines()
        return [
            line for line in drawn if f",{sampling}," in line and ",32," not in line and "nano_easy" in line
        ]

    output, copy, new = smoke[0], changed.copy, changed.new
    assert new == {
        "answer_math",
        "grade_math",
        "contamination",
        "reference",
    }  # the last is of the other budget
    assert len(scores(copy, "greedy")) == 3  # the start model, and both arms at 16 pairs
    assert scores(copy, "greedy") == scores(output, "greedy")
    assert scores(copy, "avg@2") != scores(output, "avg@2")


def test_problems_of_a_family_have_their_verbs_in_common(smoke):
    """The families that the report has, beside the problems that were asked, in the order of the scores."""
    output, _ = smoke
    results = json.loads(gzip.decompress((output / "report" / "results.json.gz").read_bytes()))
    (families,) = results["families"].values()
    assert list(results["families"]) == ["nano_easy"]
    for path in output.glob("store/answer_math/*/problems.jsonl"):
        asked = [json.loads(line)["problem"] for line in path.read_text("utf-8").splitlines()]
        for problem, family in zip(asked, families, strict=True):
            assert re.findall(r"(?:She|He) (\w+) \d\.", problem) == family.split()
    scores = [score for score in results["scores"] if score["benchmark"] == "nano_easy"]
    assert {len(score["per_problem"]) for score in scores} == {len(families)}


@pytest.mark.usefixtures("warm_workers")
def test_other_policies_grade_the_same_answers_again_without_a_model(smoke, tmp_path):
    output, _ = smoke
    copy = copied(output, tmp_path)
    kept = set(records(copy))
    words = ("regrade", SMOKE, "-o", copy, "--set", "evaluation.grading.units=ignore")
    done = lorr_bench_here(*words)
    assert done.returncode == 0, done.stderr
    assert "5 of 5 sets of answers graded." in done.stdout
    new = [record for name, record in records(copy).items() if name not in kept]
    assert {record["stage"]["kind"] for record in new} == {"grade_math"}
    assert (copy / "report" / "scores.csv").read_bytes() == (output / "report" / "scores.csv").read_bytes()
    assert "Nothing to grade" in lorr_bench_here(*words).stdout


LOST = "the report has 8 evaluations of trained models; of those planned now none is stored"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("report",), 5, f"report: {LOST}"),
        (("run", "--only", "families of *"), 0, f"{LOST}; it is left as it is"),
    ],
    ids=["report", "run"],
)
def test_a_report_is_not_written_anew_without_its_models(smoke, tmp_path, command, code, said):
    """Verdicts of another policy, which nobody asked for yet; a run that was told to do something else."""
    output, _ = smoke
    copy = copied(output, tmp_path)
    before = {path: path.read_bytes() for path in (copy / "report").rglob("*") if path.is_file()}
    changes = ("--set", "evaluation.general=[]", "--set", "evaluation.grading.units=ignore")
    done = lorr_bench_here(command[0], SMOKE, *command[1:], "-o", copy, *changes)
    assert done.returncode == code
    assert said in done.stderr
    assert "Report:" not in done.stdout
    assert {path: path.read_bytes() for path in (copy / "report").rglob("*") if path.is_file()} == before


def test_other_tools_read_what_is_exported(smoke, tmp_path):
    from lm_eval.utils import get_results_filenames, get_sample_results_filenames

    output, _ = smoke
    done = lorr_bench_here("export", SMOKE, tmp_path / "out", "-o", output)
    assert done.returncode == 0, done.stderr
    folders = sorted((tmp_path / "out" / "lm_eval").iterdir())
    assert len(folders) == 5  # the start model, 2 arms at 2 budgets
    for folder in folders:
        names = [str(path) for path in folder.iterdir()]
        (results,) = get_results_filenames(names)
        assert len(get_sample_results_filenames(names)) == 4
        found = json.loads(Path(results).read_text("utf-8"))["results"]
        assert set(found) == {"nano_easy", "nano_compare", "nano_true_false", "nano_order"}
    curves = json.loads((tmp_path / "out" / "marl_eval.json").read_text("utf-8"))
    assert set(curves["smoke"]["nano_easy"]) == {"dpo+plain", "dpo+lorr"}


def test_runs_of_one_suite_are_set_side_by_side(smoke, tmp_path):
    output, _ = smoke
    copy = tmp_path / "copy"
    shutil.copytree(output / "report", copy / "report")
    table = tmp_path / "table.csv"
    done = lorr_bench_here("compare", output, copy, "--to", table)
    assert done.returncode == 0, done.stderr
    assert "nano_easy · greedy" in done.stdout
    with table.open(encoding="utf-8") as file:
        differences = [row["difference"] for row in csv.DictReader(file)]
    assert {value for value in differences if value} == {"0.0"}
