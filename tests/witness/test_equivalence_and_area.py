"""The report's equivalence and areas against arithmetic on raw verdicts that shares no code with it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from equivalence_and_area import check, drawn_p, residual_mean_square, trapezoids

from lorr_bench.report.contents import frames_of
from lorr_bench.report.write import csv_bytes
from lorr_bench.stats import area_over_setting, paired_difference, seed_spread
from lorr_bench.values import Analysis, ArmParts, Contrast, Point, Results, Score, Sweep, SweepLine

pytestmark = pytest.mark.slow

PLUGINS = ("plain", "two", "four", "eight")


def answers(rng: np.random.Generator, level: float, difficulty: np.ndarray, seeds: int) -> np.ndarray:
    """Verdicts (seeds, problems) that scatter over seeds and problems."""
    logits = level + difficulty + 0.1 * rng.standard_normal((seeds, 1))
    return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("gain", [0.0, 0.15])
def test_drawn_levels_give_the_same_equivalence(seeds: int, gain: float) -> None:
    """Margins at which p is near 5 %, where κ is that of the level asked."""
    rng = np.random.default_rng([seeds, int(100 * gain)])
    difficulty = 1.5 * rng.standard_normal((1, 300))
    one, two = answers(rng, gain, difficulty, seeds), answers(rng, 0.0, difficulty, seeds)
    found = paired_difference(one, two, level=0.9)
    edge = max(abs(found.low), abs(found.high))
    assert found.equivalence_p(edge) == pytest.approx(0.05, rel=1e-6)
    assert drawn_p(one - two, edge) == pytest.approx(0.05, abs=0.003)
    assert found.equivalence_p(1.3 * edge) < 0.05 < found.equivalence_p(0.8 * edge)
    assert drawn_p(one - two, 1.3 * edge) < 0.05 < drawn_p(one - two, 0.8 * edge)


def test_with_seeds_pooled_over_arms_as_well() -> None:
    rng = np.random.default_rng(4)
    difficulty = 1.5 * rng.standard_normal((1, 300))
    arms = [answers(rng, 0.0, difficulty, 3) for _ in range(6)]
    spread = seed_spread([table.mean(axis=1) for table in arms]).between(0, 1)
    found = paired_difference(arms[0], arms[1], level=0.9, spread=spread)
    edge = max(abs(found.low), abs(found.high))
    pooled = residual_mean_square(arms)
    assert drawn_p(arms[0] - arms[1], edge, pooled) == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize("values", [[1, 2, 3, 5, 10, 20], [0, 0.1, 0.2, 0.3], [1e-4, 2e-4, 3e-4], [-1, 0, 5]])
def test_areas_are_trapezoids(values: list[float]) -> None:
    rng = np.random.default_rng(len(values))
    tables = [rng.integers(0, 2, (4, 60)).astype(float) for _ in values]
    wanted = trapezoids(values, [table.sum() / table.size for table in tables])
    assert area_over_setting(values, tables).mean == pytest.approx(wanted, abs=1e-12)


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A store with raw verdicts and the report's tables of the same results."""
    rng, scores = np.random.default_rng(7), []
    difficulty = 1.5 * rng.standard_normal((1, 200))
    for number, plugin in enumerate(PLUGINS):
        for seed, row in enumerate(answers(rng, 0.1 * number, difficulty, 3)):
            label = f"easy: dpo+{plugin}, 1,024 pairs, seed {seed}"
            folder = tmp_path / "store" / "grade_math" / f"{plugin}{seed}"
            folder.mkdir(parents=True)
            (folder / "record.json").write_text(json.dumps({"stage": {"label": label}}), "utf-8")
            lines = [
                {"id": str(n), "sampling": "greedy", "correct": bool(right)} for n, right in enumerate(row)
            ]
            (folder / "verdicts.jsonl").write_text(
                "".join(json.dumps(line) + "\n" for line in lines), "utf-8"
            )
            point = Point(f"dpo+{plugin}", 1024, seed)
            scores.append(Score(point, "easy", "math", "greedy", float(row.mean()), tuple(row)))
    arms = {f"dpo+{plugin}": ArmParts("dpo", plugin) for plugin in PLUGINS}
    swept = ("dpo+two", "dpo+four", "dpo+eight")
    results = Results(
        suite="made up", description="", suite_text="", baselines=dict.fromkeys(arms, "dpo+plain"), arms=arms,
        held_equal="data", equal_quantities=(), scores=scores, spends={}, diagnostics={}, answers=[], times=[],
        versions={}, missing={},
        analysis=Analysis(
            "easy", "greedy", (Contrast("dpo+two", "dpo+plain"), Contrast("dpo+four", "dpo+two")), budgets=(1024,),
            equivalence_margin=0.08, sweep=Sweep("replays", (SweepLine("dpo+*", swept, (2.0, 4.0, 8.0)),)),
        ),
    )  # fmt: skip
    frames = frames_of(results)
    for name in ("contrasts", "sweep"):
        (tmp_path / f"{name}.csv").write_bytes(csv_bytes(getattr(frames, name)))
    return tmp_path


def test_a_report_agrees_with_the_raw_verdicts(finished: Path) -> None:
    assert list(check(finished / "store", finished)) == []
    (row,) = csv.DictReader((finished / "sweep.csv").read_text("utf-8").splitlines())
    means = []
    for plugin in PLUGINS[1:]:
        files = sorted(finished.glob(f"store/grade_math/{plugin}?/verdicts.jsonl"))
        rights = [
            json.loads(line)["correct"] for file in files for line in file.read_text("utf-8").splitlines()
        ]
        means.append(sum(rights) / len(rights))
    assert float(row["area"]) == pytest.approx(trapezoids([2, 4, 8], means), abs=1e-12)
    assert float(row["best"]) == pytest.approx(max(means))


def test_a_report_of_other_verdicts_is_told(finished: Path) -> None:
    file = finished / "store" / "grade_math" / "two0" / "verdicts.jsonl"
    file.write_text(file.read_text("utf-8").replace('"correct": true', '"correct": false', 5), "utf-8")
    assert any(
        line.startswith("dpo+two - dpo+plain at (1024, 1024): ")
        for line in check(finished / "store", finished)
    )
