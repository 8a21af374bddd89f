"""Differences, equivalence and areas of a finished suite, by arithmetic on its raw verdicts.

    python tests/witness/equivalence_and_area.py STORE REPORT

Reads the verdicts in a store and the CSV files of a report, and shares no code with what wrote them: means are sums
of verdicts, areas are written out as trapezoids, and whether two arms are equivalent comes from draws of both levels,
seeds and problems, in the place of the package's quadrature. Prints what differs; where the report took an arm out of its pool, that is a difference here.
"""

import csv
import json
import math
import re
import sys
from pathlib import Path

import numpy as np

LABEL = re.compile(r"^(.+): (\S+), ([\d,]+) pairs, seed (\d+)$")
DRAWS = 200_000


def verdicts(store):
    """Greedy verdicts (seeds, problems) by benchmark, arm and budget, from the files of a store."""
    rows = {}
    for file in sorted(store.glob("grade_math/*/record.json")):
        found = LABEL.match(json.loads(file.read_text("utf-8"))["stage"]["label"])
        if found is None:
            continue  # the start model
        lines = map(json.loads, (file.parent / "verdicts.jsonl").read_text("utf-8").splitlines())
        right = [float(line["correct"]) for line in lines if line["sampling"] == "greedy"]
        benchmark, arm, pairs, seed = found.groups()
        rows.setdefault((benchmark, arm, int(pairs.replace(",", ""))), {})[int(seed)] = right
    return {key: np.array([by_seed[seed] for seed in sorted(by_seed)]) for key, by_seed in rows.items()}


def two_parts(difference, pooled=None):
    """Variance of the mean of (seeds, problems) from training and from problems, by mean squares.

    The training part is 2·MS/S of the other arms where the report pooled it; ``pooled`` is MS and its freedom.
    """
    seeds, problems = difference.shape
    by_seed, by_problem = difference.mean(axis=1), difference.mean(axis=0)
    rest = difference - by_seed[:, None] - by_problem + difference.mean()
    error = (rest**2).sum() / ((seeds - 1) * (problems - 1)) / (seeds * problems)
    between = by_problem.var(ddof=1) / problems
    training, freedom = by_seed.var(ddof=1) / seeds, seeds - 1
    if pooled:
        training, freedom = 2 * pooled[0] / seeds, pooled[1]
    problem = between - error
    if problem < 0:  # by chance: part of the excess is taken off the other
        training = max(training + (freedom - 1) / (2 * freedom) * problem, 0.0)
    problem = max(problem, error / 4 - training, 0.0)
    unlike = problems * np.abs(difference - difference.mean()).mean() / 2
    return training, problem + max(1 - unlike, 0.0) / (problems * (problems + 2)), freedom


def residual_mean_square(tables):
    """Of seeds' means of arms (seeds, problems): what arm and seed leave, and its degrees of freedom."""
    means = np.array([table.mean(axis=1) for table in tables])
    rest = means - means.mean(axis=0) - means.mean(axis=1, keepdims=True) + means.mean()
    freedom = (means.shape[0] - 1) * (means.shape[1] - 1)
    return (rest**2).sum() / freedom, freedom


def drawn_p(difference, margin, pooled=None, level=0.05, seed=0):
    """One-sided p of equivalence from draws of both levels at the level that is asked."""
    training, problem, freedom = two_parts(difference, pooled)
    rng, problems = np.random.default_rng(seed), difference.shape[1]
    b = problem * (problems - 1) / rng.chisquare(problems - 1, DRAWS)
    kappa = (1 - 4 / (5 * freedom)) * min(1.0, 20 * 2 * level) ** (2 / freedom)
    # With b fixed, 1/a + κb/a² times the likelihood is a mixture of two inverse χ².
    more = 2 * (rng.random(DRAWS) * (training + kappa * b) < kappa * b)
    a = training * freedom / rng.chisquare(freedom + more) if training else np.zeros(DRAWS)
    noise = rng.standard_normal(DRAWS) * np.sqrt(a + b)
    return float((noise > margin - abs(difference.mean())).mean())


def trapezoids(values, scores):
    """Mean of scores over the values of a setting, over log2 where they span more than a factor of 3."""
    low, high = min(values), max(values)
    wide = low > 0 and high / low > 3.000001
    places = [math.log2(value) if wide else value for value in values]
    pieces = [
        (right - left) * (one + other) / 2
        for left, right, one, other in zip(places, places[1:], scores, scores[1:], strict=False)
    ]
    return sum(pieces) / (places[-1] - places[0])


def table(file):
    with file.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def check(store, report):
    """What differs, a line each."""
    raw = verdicts(store)
    for row in table(report / "contrasts.csv"):
        budgets = int(row["unique_pairs"]), int(row["reference_pairs"])
        keys = [
            (row["benchmark"], row[side], n)
            for side, n in zip(("treatment", "reference"), budgets, strict=True)
        ]
        if row["metric"] != "greedy" or not set(keys) <= raw.keys() or len(raw[keys[0]]) != len(raw[keys[1]]):
            continue
        difference = raw[keys[0]] - raw[keys[1]]
        name = f"{row['treatment']} - {row['reference']} at {budgets}"
        if abs(difference.mean() - float(row["difference"])) > 1e-9:
            yield f"{name}: {difference.mean()} and {row['difference']}"
        if not row["p_equivalence"]:
            continue
        seeds = len(difference)
        arms = [
            arrays[:seeds]
            for (benchmark, _, pairs), arrays in raw.items()
            if (benchmark, pairs) == (row["benchmark"], budgets[0]) and len(arrays) >= seeds
        ]
        pooled = residual_mean_square(arms) if row["pooled"] == "True" else None
        p, told = drawn_p(difference, float(row["equivalence_margin"]), pooled), float(row["p_equivalence"])
        if abs(p - told) > 0.02 or (p < 0.05) != (told < 0.05):
            yield f"{name}: equivalence p {p} and {told}"


def main():
    store, report = map(Path, sys.argv[1:3])
    found = list(check(store, report))
    print("\n".join(found) or "nothing differs")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
