"""The page of published figures has the tables of today, and its gains are those of the same study."""

import importlib.util
import json

import pytest
from command_line import ROOT

PAGE = ROOT / "docs" / "reference-figures.md"


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location(
        "reference_table", ROOT / "benchmarks" / "reference_table.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_the_tables_of_today(table):
    """Else: cut its tables off, and ``python benchmarks/reference_table.py >> docs/reference-figures.md``."""
    assert PAGE.read_text("utf-8").endswith("\n".join(table.lines()) + "\n")


@pytest.fixture
def root(tmp_path):
    """One study with a start model, one without, a claim, and a run of its suite."""
    (tmp_path / "results" / "reference").mkdir(parents=True)
    (tmp_path / "results" / "published" / "nano" / "x").mkdir(parents=True)
    (tmp_path / "results" / "reference" / "published.csv").write_text(
        "study,model,labels,benchmark,metric,value,protocol\n"
        "A,Qwen2.5-Math-7B (base),,math500,pass@1,60.0,greedy\n"
        "A,better,,math500,pass@1,75.5,greedy\n"
        "A,better,,math500,avg@3,74.0,greedy\n"
        "B,better,,math500,pass@1,70.0,greedy\n",
        "utf-8",
    )
    (tmp_path / "results" / "reference" / "claims.csv").write_text(
        "claim,source,suite\nmore helps,abstract,nano/x\nless helps,abstract,nano/y\nall helps,abstract,\n",
        "utf-8",
    )
    (tmp_path / "results" / "published" / "nano" / "x" / "contrasts.csv").write_text(
        "treatment,reference,unique_pairs,benchmark,metric,role,treatment_mean,reference_mean,"
        "difference,difference_low,difference_high\n"
        "b,a,1024,nano_easy,greedy,primary,0.6,0.5,0.1,0.05,0.15\n"
        "b,a,1024,math500,greedy,sequence,0.6,0.5,0.1,,\n"
        "c,a,1024,nano_easy,greedy,secondary,0.6,0.5,0.1,0.05,0.15\n",
        "utf-8",
    )
    declares(tmp_path, [{"declared": ["b - a"]}])
    return tmp_path


def declares(root, declarations):
    origin = root / "results" / "published" / "nano" / "x" / "provenance.json"
    origin.write_text(json.dumps({"declarations": declarations}), "utf-8")


def test_a_gain_needs_a_start_model_of_the_same_study_metric_and_benchmark(table, root):
    none = "no: the study has no start model that was measured in the same way"
    assert list(table.others(root))[2:] == [
        "| A | better |  | pass@1 | math500 75.5 (+15.5) | the gains, with other gains of A |",
        f"| A | better |  | avg@3 | math500 74.0 | {none} |",
        f"| B | better |  | pass@1 | math500 70.0 | {none} |",
    ]


def test_declared_contrasts_of_published_runs_stand_beside_them(table, root):
    assert [line.split(" | ")[1:] for line in list(table.ours(root))[2:]] == [
        ["b - a", "1,024", "nano_easy greedy", "50.0", "60.0", "+10.0 [+5.0, +15.0]",
         "with runs of this project alone: no one else has the benchmark |"],
        ["b - a", "1,024", "math500 greedy", "50.0", "60.0", "+10.0 [–, –]",
         "gains, with those of a study that evaluated in the same way |"],
    ]  # fmt: skip


@pytest.mark.parametrize("declared", [True, False])
def test_a_run_whose_suite_names_nothing_that_it_tests_is_left_out(declared, table, root):
    declares(root, [{"declared": declared}])
    assert len(list(table.ours(root))[2:]) == (2 if declared else 0)


def test_a_claim_is_set_beside_the_run_of_its_suite(table, root):
    how = [line.split(" | ")[2:] for line in list(table.claims(root))[2:]]
    assert how == [
        ["`nano/x`", "in direction alone: the paper's figures are not at hand |"],
        ["`nano/y`", "not yet: no run of it is published here |"],
        ["no suite yet", "not yet: no run of it is published here |"],
    ]
