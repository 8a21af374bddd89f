"""What `lorr-bench plan` prints of costs, and the whole command on shipped suites."""

import io
import json
import re

import pytest
from command_line import ROOT, lorr_bench_here
from rich.console import Console

from lorr_bench.forecast.calibration import Figure
from lorr_bench.forecast.estimates import ArmMemory, Estimates
from lorr_bench.forecast.forecast import Forecast
from lorr_bench.forecast.memory import Machine, Memory
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.plan import make_plan
from lorr_bench.probe.probe import Probed
from lorr_bench.spec.load import load_suite
from lorr_bench.terminal.plan_tables import estimates_view, memory_table, probe_text

GIB = 1 << 30
WIDTH = 120
CPU = Machine((), 8 * GIB)


def printed(renderable):
    out = io.StringIO()
    Console(file=out, width=WIDTH).print(renderable)
    return out.getvalue()


def rows_of(text):
    """Cells of every row of the tables in a text, by the first of them."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
    rows = {}
    for row in cells:
        rows.setdefault(row[0], row[1:])
    return rows


def forecast(suite="smoke", machine=CPU, free=GIB, **more):
    plan = make_plan(load_suite(ROOT / "suites" / f"{suite}.yaml", ()))
    return Forecast(Estimates(plan, set(), [], read_model_size, machine), machine, free, **more)


def test_a_row_says_what_is_left_and_that_time_is_unknown():
    """The smoke suite: 80 prompts, 4 answers of 56 tokens; 4 models of 869,504 parameters of 4 bytes."""
    rows = rows_of(printed(estimates_view(forecast())))
    assert rows["collect"][:4] == ["0", "1", "unknown", "≤ 17.9 k"]
    assert rows["train"][-1] == "13.3 MiB"
    assert rows["train"][-2] == "fits 8 GiB"


@pytest.mark.slow
def test_gpu_hours_are_shown_where_there_are_gpus():
    text = printed(estimates_view(forecast(machine=Machine((8 * GIB,), GIB))))
    assert "GPU hours" in text
    assert "GPUs of 8 GiB" in text
    assert "GPU hours" not in printed(estimates_view(forecast()))


@pytest.mark.slow
def test_a_disk_too_small_for_what_is_sure_to_come_is_said():
    """The weights alone take 13.3 MiB."""
    assert "1 KiB free: too little" in printed(estimates_view(forecast(free=1024)))
    assert "too little" not in printed(estimates_view(forecast(free=14 << 20)))


def test_a_model_elsewhere_is_fetched_by_a_command():
    text = printed(estimates_view(forecast(missing_model="hf download org/name config.json")))
    assert "hf download org/name config.json" in text


@pytest.mark.slow
def test_everything_fits_into_120_columns():
    text = printed(estimates_view(forecast("paper/main_table", Machine((80 * GIB,), 512 * GIB))))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "…" not in text


def groups(number):
    return [
        ArmMemory((f"arm {n}",), Memory(Figure(float(n), "formula"), "fits", GIB))
        for n in range(number, 0, -1)
    ]


def test_many_different_needs_are_cut_short_and_counted():
    rows = rows_of(printed(memory_table(groups(11))))
    assert "arm 4" in rows
    assert "arm 3" not in rows
    assert rows["3 more arms"] == ["less", ""]


def test_many_arms_of_one_need_are_cut_short_and_counted():
    names = tuple(f"arm{n}" for n in range(9))
    [row] = rows_of(printed(memory_table([ArmMemory(names, groups(1)[0].memory)])))
    assert row == "arm0, arm1, arm2, arm3, arm4, arm5 and 3 more"


def test_a_probe_that_passed_says_measured_and_expected():
    text = probe_text(Probed("training", "", 75.0, GIB, 2 * GIB)).plain
    assert text == "Probe passed: training (1 min, peak memory 1 GiB, expected 2 GiB)"


def test_a_probe_of_the_engine_measures_nothing():
    assert probe_text(Probed("the engine", "", 30.0, None, GIB)).plain == "Probe passed: the engine (30 s)"


def test_a_probe_that_failed_says_why():
    assert probe_text(Probed("training", "out of memory", 1.0, None, None)).plain == (
        "Probe failed: training\n    out of memory"
    )


@pytest.mark.parametrize("suite", ["smoke", pytest.param("paper/main_table", marks=pytest.mark.slow)])
def test_the_command_prints_costs_of_shipped_suites(suite, tmp_path):
    file, output = ROOT / "suites" / f"{suite}.yaml", tmp_path / "out"
    done = lorr_bench_here("plan", file, "--output", output, cwd=tmp_path, COLUMNS=str(WIDTH))
    reading = "note: reading lm-eval's task files, to find the data sets of its tasks\n"
    assert (done.returncode, done.stderr) == (0, reading if suite.startswith("paper") else "")
    rows = rows_of(done.stdout)
    assert rows["train"][0] == "0"
    assert re.fullmatch(r"≤ [\d.]+ [kMB]", rows["train"][3])
    tables = [
        line for line in done.stdout.splitlines() if "│" in line or "━" in line
    ]  # sentences are not wrapped
    assert 0 < max(map(len, tables)) <= WIDTH
    assert not output.exists()


def planned(suite, folder, *arguments):
    file = ROOT / "suites" / f"{suite}.yaml"
    output = ("--output", folder / "out")
    return lorr_bench_here("plan", file, *arguments, *output, cwd=folder, COLUMNS=str(WIDTH))


@pytest.mark.slow
def test_the_command_says_how_to_learn_about_a_model_of_the_hub(tmp_path):
    done = planned("paper/main_table", tmp_path, "--set", "model.path=org/unheard-of")
    assert "hf download org/unheard-of config.json --revision 0cb88a4" in " ".join(done.stdout.split())


@pytest.mark.slow
def test_the_command_says_first_what_does_not_fit_on_gpus_that_are_asked_about(tmp_path):
    done = planned("paper/main_table", tmp_path, "--devices", "h100-80gb:8")
    first, *_ = done.stdout.splitlines()
    assert first.startswith("Memory: 16 of 17 arms do not fit on one H100 80 GB: ")
    assert "Smallest change that fits: " in first
    assert "Hours on 8 × H100 80 GB" in done.stdout
    assert "45% to 20% of 989 TFLOPS in bfloat16 and 70% to 30% of 3.35 TB/s" in " ".join(done.stdout.split())
    assert (done.returncode, (tmp_path / "out").exists()) == (0, False)


def test_gpus_that_are_not_here_are_not_probed(tmp_path):
    done = planned("smoke", tmp_path, "--devices", "h100-80gb", "--probe")
    assert done.returncode == 2
    assert "a probe tries this machine, and --devices asks about another" in done.stderr


def test_an_unknown_device_is_told_with_the_nearest(tmp_path):
    done = planned("smoke", tmp_path, "--devices", "h100:8")
    assert done.returncode == 2
    assert "Did you mean h100-80gb?" in done.stderr


@pytest.mark.slow
def test_gpus_that_are_asked_about_have_the_engine_s_build_for_gpus(tmp_path):
    """On a CPU the engine's type is the model's, float32; on a GPU it is bfloat16 if left out."""

    def stages_of(dtype):
        document = planned(
            "onegpu/main", tmp_path, "--devices", "h100-80gb", "--json", "--set", f"engine.dtype={dtype}"
        )
        return json.loads(document.stdout)["stages"]

    left_out, told, other = map(stages_of, ("null", "bfloat16", "float32"))
    assert left_out == told
    assert left_out != other
