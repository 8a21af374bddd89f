"""Scores and differences of every published run, from its verdicts by sums alone."""

import pandas as pd
import pytest
from command_line import ROOT

PUBLISHED = ROOT / "results" / "published"
RUNS = sorted(file.parent.relative_to(PUBLISHED).as_posix() for file in PUBLISHED.rglob("verdicts.parquet"))
BY_MODEL = ["arm", "unique_pairs", "seed", "benchmark", "metric"]


@pytest.fixture(scope="module", params=RUNS)
def folder(request):
    return PUBLISHED / request.param


@pytest.fixture(scope="module")
def by_seed(folder):
    """Mean verdict of every trained model on math, over its problems."""
    verdicts = pd.read_parquet(folder / "verdicts.parquet").astype({"score": float})
    return verdicts[verdicts["kind"] == "math"].groupby(BY_MODEL, observed=True)["score"].mean()


def test_scores_are_means_of_verdicts(folder, by_seed):
    table = pd.read_csv(folder / "comparison.csv")
    table = table[table["kind"] == "math"].set_index(["arm", "unique_pairs", "benchmark", "metric"])["mean"]
    means = by_seed.groupby(["arm", "unique_pairs", "benchmark", "metric"], observed=True).mean()
    assert len(table) == len(means)
    for place, value in table.items():
        assert means[place] == pytest.approx(value, abs=1e-12)


def test_declared_differences_are_those_of_the_means_of_seeds(folder, by_seed):
    table = pd.read_csv(folder / "contrasts.csv")
    declared = table[table["role"] == "primary"]
    assert len(declared)
    for row in declared.itertuples():
        treatment, reference = (
            by_seed.xs((arm, pairs, row.benchmark, row.metric), level=(0, 1, 3, 4))
            for arm, pairs in ((row.treatment, row.unique_pairs), (row.reference, row.reference_pairs))
        )
        assert (treatment - reference).mean() == pytest.approx(row.difference, abs=1e-12)
        assert (treatment - reference).notna().sum() == row.paired_seeds
