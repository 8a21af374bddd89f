"""What is tested travels with the results."""

from finished_suite import SUITE, plan_of

from lorr_bench.store.results import load_results
from lorr_bench.store.store import Store
from lorr_bench.values import Analysis, Contrast


def test_results_have_what_is_tested_and_how_it_changed(tmp_path):
    plan = plan_of({**SUITE, "analysis": {"measure": "easy avg@2"}}, tmp_path)
    results = load_results(plan, Store(tmp_path / "store"), {}, ["Changed on a day"])
    contrast = Contrast("dpo+lorr", "dpo+plain")
    assert results.analysis == Analysis(
        "easy", "avg@2", (contrast,), budgets=(8, 16), declared=True, changes=("Changed on a day",)
    )
    assert "measure:\n    benchmark: easy\n" in results.suite_text


def test_nothing_is_late_unless_somebody_says_so(tmp_path):
    assert load_results(plan_of(SUITE, tmp_path), Store(tmp_path / "store"), {}).analysis.changes == ()
