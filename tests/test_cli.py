"""The command line as a user meets it."""

import json
import re
import subprocess
import sys

import pytest
from command_line import ROOT, lorr_bench, lorr_bench_here

QUICKSTART = ROOT / "suites" / "quickstart.yaml"
SUITES = sorted((ROOT / "suites").rglob("*.yaml"))


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_shipped_suites_load(suite):
    from lorr_bench.spec.load import load_suite

    first = suite.read_text("utf-8").splitlines()[0]
    schema = first.partition("$schema=")[2]
    assert (suite.parent / schema).resolve() == ROOT / "lorr_bench" / "spec" / "suite.schema.json"
    assert load_suite(suite).suite.description


@pytest.mark.slow
def test_validate_says_arms_and_stages():
    done = lorr_bench("validate", QUICKSTART)
    assert done.returncode == 0
    # 3 seeds × (collect + reference + 2 searches for a benchmark) + 27 trainings + 28 models × 3 evaluations
    assert done.stdout == f"{QUICKSTART}: valid, 4 arms, 184 stages\n"


def test_a_wrong_key_has_its_line_and_the_nearest_name(tmp_path):
    suite = tmp_path / "suite.yaml"
    text = QUICKSTART.read_text("utf-8").replace("num_samples:", "num_sampels:")
    suite.write_text(text, "utf-8")
    line = next(i for i, row in enumerate(text.splitlines(), start=1) if "num_sampels" in row)
    done = lorr_bench_here("validate", suite)
    assert done.returncode == 2
    assert f"suite.yaml:{line}" in done.stderr
    assert "num_samples" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_that_climbs_out_is_refused():
    done = lorr_bench_here("validate", QUICKSTART, "--set", "name=../../etc")
    assert done.returncode == 2
    assert "name" in done.stderr


@pytest.mark.slow
def test_a_missing_suite_is_one_message():
    done = lorr_bench("run", "no_such.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no_such.yaml")
    assert "Traceback" not in done.stderr


def test_a_missing_model_is_one_message():
    done = lorr_bench_here("validate", QUICKSTART, "--set", "model=no/such/folder")
    assert done.returncode == 3
    assert "no model folder" in done.stderr


def test_an_arm_over_budget_is_refused_before_it_runs(tmp_path):
    done = lorr_bench_here(
        "run", QUICKSTART, "--set", "budget.limits.optimizer_steps=50", "-o", tmp_path / "out"
    )
    assert done.returncode == 2
    assert "dpo+lorr at 1024 pairs needs 96 optimizer_steps, the limit is 50" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_plan_shows_what_each_arm_will_use():
    done = lorr_bench_here("plan", QUICKSTART)
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if "dpo+lorr" in line and "1,024" in line)
    assert "3,072" in row  # pair visits
    assert "Held equal: prompts, unique pairs, verifier calls" in done.stdout


@pytest.mark.slow
def test_plan_says_what_will_be_tested_before_anything_runs(tmp_path):
    primary = "analysis.primary=[lorr - plain, dpo+lorr - dpo+no_reset]"
    done = lorr_bench_here("plan", QUICKSTART, "-o", tmp_path / "out", "--set", primary)
    assert (
        "Will be tested (Holm's correction over 2, 5 seeds): nano_easy greedy at 1,024 pairs: "
        "dpo+lorr - dpo+plain; dpo+lorr - dpo+no_reset. Below that in fixed sequence: 512, 256. "
        "Everything else is secondary."
    ) in " ".join(line.strip() for line in done.stdout.splitlines())
    assert not (tmp_path / "out").exists()


def test_an_unknown_arm_of_the_analysis_is_one_message(tmp_path):
    done = lorr_bench_here("validate", QUICKSTART, "--set", "analysis.primary=[dpo+lor - dpo+plain]")
    assert done.returncode == 2
    assert "no arm is called dpo+lor; did you mean `dpo+lorr`" in done.stderr


@pytest.mark.slow
def test_plan_shows_methods_that_make_their_own_answers(tmp_path):
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        QUICKSTART.with_name("smoke.yaml")
        .read_text("utf-8")
        .replace("../lorr_bench", str(ROOT / "lorr_bench"))
        .replace("methods:\n", "methods:\n  grpo: {num_generations: 4, plugins: [plain]}\n"),
        "utf-8",
    )
    settings = ("data.collect.num_prompts=1400", "budget.equal=prompts", "budget.unique_pairs=[256]")
    done = lorr_bench_here("plan", suite, *(part for setting in settings for part in ("--set", setting)))
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if "grpo+plain" in line)
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    # 4 answers to each of 1,400 prompts; 2 prompts a step of 8 answers
    assert cells == ["grpo+plain", "0", "1,400", "5,600", "0", "700", "8"]
    assert "Held equal: prompts." in done.stdout


def table_of(text):
    """Rows of a printed table, as cells."""
    lines = [line for line in text.splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in lines]


def test_list_methods_says_what_each_needs_and_takes():
    done = lorr_bench_here("list", "methods")
    assert done.returncode == 0
    header, *rows = table_of(done.stdout)
    assert header == ["method", "backend", "needs", "SFT term", "source"]
    answers = {(row[0], row[1]): row[2:4] for row in rows}
    assert answers["dpo", "trl"] == ["pairs, reference", "yes"]
    assert answers["simpo", "native"] == ["pairs", "yes"]
    assert answers["kto", "trl"] == ["labels, reference", "yes"]
    assert answers["rejection_sampling", "trl"] == ["right answers", "no"]
    assert answers["grpo", "trl"] == ["prompts, online", "no"]
    assert "2305.18290" in done.stdout


def test_list_of_something_else_is_an_error():
    done = lorr_bench_here("list", "planets")
    assert done.returncode == 1
    assert "can't list 'planets'" in done.stderr


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("benchmarks", ("gsm8k", "1,319", "olympiadbench", "674 or 675", "aime25")),
        ("protocols", ("fast", "qwen-greedy", "sober", "2504.07086")),
        ("presets", ("classic", "hellaswag", "leaderboard_musr", "acc_norm")),
    ],
)
def test_benchmarks_protocols_and_presets_are_listed(what, names):
    done = lorr_bench_here("list", what)
    assert done.returncode == 0
    assert [name for name in names if name not in done.stdout] == []


def test_status_before_any_run(tmp_path):
    done = lorr_bench_here("status", QUICKSTART, "-o", tmp_path / "out")
    assert done.returncode == 0
    # Fingerprint, 5 collections, 5 references, 40 trainings, 41 models × 3 stages, 5 seeds × 2 benchmarks
    assert "0 of 184 stages done" in done.stdout


@pytest.mark.slow
def test_a_report_before_any_run_says_that_nothing_ran(tmp_path):
    done = lorr_bench_here("report", QUICKSTART, "-o", tmp_path / "out")
    assert done.returncode == 0
    page = (tmp_path / "out" / "report" / "report.html").read_text("utf-8")
    assert "not run yet" in page
    record = json.loads((tmp_path / "out" / "analysis.json").read_text("utf-8"))
    # 5 seeds × (2 + 2 + 4) arms × 2 benchmarks
    assert [(one["known"], one["evaluations"]) for one in record["declarations"]] == [(0, 80)]


def test_an_unknown_option_is_a_usage_error():
    done = lorr_bench_here("run", QUICKSTART, "--sede", "1")
    assert done.returncode == 2
    assert "--sede" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version():
    assert lorr_bench_here("--version").stdout.startswith("lorr-bench 0.")


@pytest.mark.slow
def test_help_and_validate_import_nothing_heavy():
    heavy = ("torch", "transformers", "vllm", "trl", "lm_eval", "pandas", "matplotlib", "datasets", "numpy")
    code = (
        "import sys; sys.argv = ['lorr-bench', 'validate', sys.argv[1]]\n"
        "from lorr_bench.cli import main\n"
        "try: main()\n"
        f"finally: print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(QUICKSTART)],
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.stdout.endswith("[]\n")
