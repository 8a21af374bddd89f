"""The page on Python: its examples run, in a folder with a few pairs and a finished suite of the same shape."""

import json
import re
import subprocess
import sys
import warnings

import matplotlib as mpl
import pytest
from command_line import ROOT
from finished_suite import SUITE, finish

import lorr_bench

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
SNIPPETS = BLOCK.findall(PAGE)
MODEL = "Qwen/Qwen2.5-0.5B-Instruct"


def run(snippets, given, **names):
    """What the snippets have made, with some of their words replaced."""
    text = "\n".join(snippets)
    for word, other in given.items():
        text = text.replace(word, str(other))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without GPU
        exec(compile(text, "docs/python.md", "exec"), names)
    return names


def test_the_trainers_of_the_page_train(small_model, nano_pairs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    pairs = [{"prompt": p.prompt, "chosen": p.chosen, "rejected": p.rejected} for p in nano_pairs[:4]]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs), "utf-8")
    first, second = [snippet for snippet in SNIPPETS if MODEL in snippet]
    here = {MODEL: small_model, "num_train_epochs=3": "num_train_epochs=3, use_cpu=True, bf16=False"}
    made = run([first], here)
    assert made["trainer"].state.global_step == 3
    assert made["trainer"].lorr.resets_done == 2
    run([second], here, **made)


def test_the_example_of_the_readme_is_the_one_that_trains():
    assert BLOCK.findall((ROOT / "README.md").read_text("utf-8")) == [SNIPPETS[0]]


def test_the_notebook_of_the_page_plots_and_tests_a_finished_run(tmp_path, monkeypatch, capsys):
    from lorr_bench.plan.plan import make_plan
    from lorr_bench.spec.load import load_suite
    from lorr_bench.store.store import Store

    monkeypatch.chdir(tmp_path)
    mpl.use("agg")
    (tmp_path / "suite.yaml").write_text(json.dumps(SUITE), "utf-8")
    for number, stage in enumerate(make_plan(load_suite(tmp_path / "suite.yaml")).stages):
        finish(Store(tmp_path / "results" / "store"), stage, score=number % 2)
    made = run([snippet for snippet in SNIPPETS if MODEL not in snippet], {"quickstart": "suite.yaml"})
    assert (tmp_path / "accuracy.png").stat().st_size > 1000
    assert (tmp_path / "results" / "runs" / "sample" / "report" / "report.html").exists()
    assert set(made["greedy"]["arm"]) == {"dpo+plain", "dpo+lorr"}
    assert (
        made["frames"].scores.query("metric == 'greedy' and arm == 'dpo+lorr'").shape[0] == 4
    )  # seeds × budgets
    assert capsys.readouterr().out.startswith("+0.000 [")  # the same two problems are right in both


def test_every_column_that_the_page_names_is_one(tmp_path, monkeypatch):
    from lorr_bench.report.contrasts import COLUMNS, CORRECTED, LATER
    from lorr_bench.report.tables.comparison import COLUMNS as COMPARISON
    from lorr_bench.report.tables.scores import COLUMNS as SCORES

    columns = {"comparison": COMPARISON, "contrasts": (*COLUMNS, *CORRECTED, *LATER), "scores": SCORES}
    for name, known in columns.items():
        (row,) = re.findall(rf"^\| `{name}` \| [^:]*: (.*) \|$", PAGE, re.MULTILINE)
        told = re.findall(r"`(\w+)`", row)
        assert told
        assert set(told) <= set(known)


def test_every_statistic_that_the_page_names_is_public():
    from lorr_bench import stats

    table = PAGE.partition("| function |")[2]
    told = re.findall(r"`(\w+)`", table)
    assert len(told) >= 8
    assert set(told) <= set(stats.__all__)


def test_the_names_for_notebooks_are_there_when_they_are_asked_for():
    """In a fresh process: the package alone loads none of what they need."""
    code = "import lorr_bench, sys; print('lorr_bench.notebook' in sys.modules); print(callable(lorr_bench.run_suite))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        lorr_bench.other  # noqa: B018
