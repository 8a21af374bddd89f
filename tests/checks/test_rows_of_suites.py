"""The rows that a suite names, read before a run begins."""

import json
import subprocess
import sys

import pytest
import yaml

from lorr_bench.checks import rows
from lorr_bench.checks.rows import prompt_lines
from lorr_bench.errors import DataError


@pytest.fixture
def asking(plan_of, values, tmp_path):
    """A plan that collects answers to rows of a file."""

    def plan(problems, **columns):
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in problems), "utf-8")
        collect = {**values["data"]["collect"], "source": str(file), "num_prompts": len(problems), **columns}
        return plan_of(data={"collect": collect}, budget={"unique_pairs": [2]})

    return plan


ROWS = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in (1, 2, 3, 1)]


def test_prompts_are_counted_with_those_that_repeat(asking):
    assert list(prompt_lines(asking(ROWS[:3]), fetch=False)) == ["Prompts of seed 0: 3, all different."]
    assert list(prompt_lines(asking(ROWS), fetch=False)) == [
        "Prompts of seed 0: 4; 1 repeat the text of one before them."
    ]


def test_all_prompts_of_an_extended_collection_are_counted(asking):
    [line] = prompt_lines(asking(ROWS, extends=[3]), fetch=False)
    assert line.startswith("Prompts of seed 0: 4;")


def test_a_column_that_is_missing_is_told(asking):
    with pytest.raises(DataError, match="question"):
        list(prompt_lines(asking(ROWS, problem_column="question"), fetch=False))


def test_a_large_file_is_read_where_it_was_asked_for(asking, monkeypatch):
    monkeypatch.setattr(rows, "QUICK_BYTES", 10)
    assert list(prompt_lines(asking(ROWS), fetch=False)) == []
    assert list(prompt_lines(asking(ROWS), fetch=True)) != []


@pytest.mark.slow
def test_validate_reads_rows_where_it_is_asked_to(values, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n' * 60, "utf-8")
    values["data"]["collect"]["source"] = "rows.jsonl"
    suite = tmp_path / "suite.yaml"
    suite.write_text(yaml.safe_dump(values), "utf-8")
    command = [sys.executable, "-m", "lorr_bench.cli", "validate", str(suite)]
    quick = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path, text=True, timeout=60)
    assert quick.returncode == 0
    full = [*command, "--data"]
    done = subprocess.run(full, capture_output=True, check=False, cwd=tmp_path, text=True, timeout=60)
    assert (done.returncode, "problem" in done.stderr) == (3, True)
