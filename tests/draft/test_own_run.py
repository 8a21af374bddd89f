"""A base model and rows of strings, from `init` to the report, without an edit; and the page that says how."""

import json
import os
import re

import pytest
from command_line import ROOT, logs, lorr_bench_here, lorr_bench_warm
from installed import needs_vllm

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path, small_model, nano_pairs):
    """A folder of a user: a model without a template, and 40 pairs of strings."""
    (tmp_path / "my-model").symlink_to(small_model)
    rows = ({"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in nano_pairs)
    (tmp_path / "pairs.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return tmp_path


def commands():
    """What docs/own-model.md tells people to type, in its order."""
    page = (ROOT / "docs" / "own-model.md").read_text("utf-8")
    block = re.search(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL).group(1)
    return [line.partition("#")[0].split() for line in block.splitlines()]


@pytest.fixture
def run(folder):
    """The last command of the page, where those before it have passed."""
    *before, run = commands()
    assert [words[:2] for words in (*before, run)] == [
        ["lorr-bench", name] for name in ("init", "validate", "plan", "run")
    ]
    for words in before:
        done = lorr_bench_here(*words[1:], cwd=folder)
        assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stdout
    return run[1:]


def test_the_commands_of_the_page_lead_to_a_run(run):
    assert run == ["run", "suite.yaml"]


@needs_vllm
@pytest.mark.skipif(
    os.environ.get("LORR_BENCH_ALL_FAMILIES") != "1",
    reason="takes a minute: LORR_BENCH_ALL_FAMILIES=1 runs it",
)
def test_the_run_leads_to_a_report(run, folder):
    done = lorr_bench_warm(*run, "--set", "seeds=[0]", cwd=folder)  # the other two would only take longer
    output = folder / "results" / "runs" / "my-model-pairs"
    assert done.returncode == 0, done.stderr + logs(output)
    results = (output / "report" / "scores.csv").read_text("utf-8")
    assert {"start", "dpo+plain", "dpo+lorr"} <= set(re.split(r"[,\n]", results))
    assert "held_out" in results
