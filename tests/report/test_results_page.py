"""The page of results has the figures of the published folders."""

import importlib.util

import pytest
from command_line import ROOT

PAGE = ROOT / "docs" / "results.md"
SCORES = (
    "arm,unique_pairs,kind,mean,low,high,seeds\n"
    "start,0,math,0.4,0.35,0.45,1\n"
    "a,1024,math,0.6,0.55,0.65,5\n"
    "a,1024,general,0.7,0.6,0.8,5\n"
)
CONTRASTS = (
    "treatment,reference,unique_pairs,role,difference,difference_low,difference_high,p_holm,significant,"
    "equivalence_margin,equivalent\n"
    "b,a,1024,primary,0.1,0.05,0.15,0.0001,True,,False\n"
    "c,a,1024,primary,0.005,-0.01,0.015,1.0,False,0.02,True\n"
    "d,a,1024,primary,0.01,0.005,0.015,0.01,True,0.02,True\n"
    "e,a,1024,sequence,0.01,-0.05,0.07,,False,0.02,False\n"
    "f,a,1024,secondary,0.1,0.05,0.15,0.01,True,,False\n"
)


@pytest.fixture(scope="module")
def tables():
    file = ROOT / "benchmarks" / "results_tables.py"
    spec = importlib.util.spec_from_file_location("results_tables", file)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(file.parent)  # it imports the script beside it
        spec.loader.exec_module(module)
    return module


def test_the_page_has_the_figures_of_today(tables):
    """Else: ``python benchmarks/results_tables.py``."""
    text = PAGE.read_text("utf-8")
    assert tables.page(text) == text


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "results" / "published" / "nano" / "x"
    folder.mkdir(parents=True)
    (folder / "comparison.csv").write_text(SCORES, "utf-8")
    (folder / "contrasts.csv").write_text(CONTRASTS, "utf-8")
    (folder / "ledger.csv").write_text("arm,budget_pairs,optimizer_steps\na,1024,96.0\n", "utf-8")
    return tmp_path


def test_scores_are_those_of_math_with_the_updates_they_took(tables, root):
    text = tables.page("# Title\n\n<!-- scores nano/x -->\n| of | before |\n\nafter\n", root)
    assert text.splitlines() == [
        "# Title",
        "",
        "<!-- scores nano/x -->",
        "| arm | pairs | seeds | score (%) | 95 % interval | updates |",
        "|:--|--:|--:|--:|:--|--:|",
        "| start | – | – | 40.0 | 35.0 to 45.0 | – |",
        "| a | 1,024 | 5 | 60.0 | 55.0 to 65.0 | 96 |",
        "",
        "after",
    ]


def test_contrasts_are_those_that_were_declared_each_with_its_outcome(tables, root):
    rows = tables.page("<!-- contrasts nano/x -->\n", root).splitlines()[3:]
    assert rows == [
        "| b - a | +10.0 | +5.0 to +15.0 | < 0.001 | significant |",
        "| c - a | +0.5 | -1.0 to +1.5 | 1.000 | equivalent within ±2.0 points |",
        "| d - a | +1.0 | +0.5 to +1.5 | 0.010 | significant, but within ±2.0 points |",
        "| e - a | +1.0 | -5.0 to +7.0 | – | not shown |",
    ]


def test_of_several_budgets_each_contrast_says_its_own(tables, root):
    file = root / "results" / "published" / "nano" / "x" / "contrasts.csv"
    file.write_text(CONTRASTS.replace("e,a,1024", "e,a,512"), "utf-8")
    rows = tables.page("<!-- contrasts nano/x -->\n", root).splitlines()[3:]
    assert [row.split(" | ")[0] for row in rows] == [
        "| b - a, 1,024 pairs",
        "| c - a, 1,024 pairs",
        "| d - a, 1,024 pairs",
        "| e - a, 512 pairs",
    ]


def test_a_contrast_between_budgets_names_both(tables, root):
    file = root / "results" / "published" / "nano" / "x" / "contrasts.csv"
    head, first, *_ = CONTRASTS.splitlines()
    other = f"{first.replace('b,a,1024', 'b,a,256')},True,1024"
    file.write_text(f"{head},named_budgets,reference_pairs\n{first},False,1024\n{other}\n", "utf-8")
    rows = tables.page("<!-- contrasts nano/x -->\n", root).splitlines()[3:]
    assert [row.split(" | ")[0] for row in rows] == ["| b - a", "| b@256 - a@1024"]
