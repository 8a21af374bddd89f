"""Measure the embedded start model: ``python benchmarks/start_model.py``, half a minute on two CPU cores.

Prints the table of the model's card: greedy accuracy, pass@1 and pass@8 of sampled answers, general tasks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lorr_bench.data.prompts import load_prompts
from lorr_bench.evaluate.general import evaluate_general
from lorr_bench.generate.engine import Engine, EngineSettings, Sampling
from lorr_bench.grade.grader import grade_many
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.spec.sources import PromptSpec

SPLITS = {"easy": 1000, "validation": 1000, "train": 1000, "hard": 500}
SAMPLES = 8


def measure(engine: Engine, split: str, count: int) -> tuple[float, float, float]:
    """Greedy accuracy, mean accuracy of ``SAMPLES`` sampled answers, share of problems with a right one."""
    prompts = load_prompts(PromptSpec(source=f"nano/{split}"), folder=Path(), count=count, seed=0)
    shares = []
    for n, temperature in ((1, 0.0), (SAMPLES, 1.0)):
        sampling = Sampling(n=n, temperature=temperature, top_p=1.0, max_tokens=64, seed=0)
        answers = engine.generate([prompt.text for prompt in prompts], sampling)
        right = [
            [verdict.correct for verdict in grade_many([(prompt.answer, one.text) for one in row])]
            for prompt, row in zip(prompts, answers, strict=True)
        ]
        shares += [sum(map(sum, right)) / (n * count), sum(map(any, right)) / count]
    greedy, _, sampled, at_least_one = shares
    return greedy, sampled, at_least_one


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(NANO_MODEL))
    model = parser.parse_args().model
    settings = EngineSettings("float32", 128, 1, 0.5, enforce_eager=True, trust_remote_code=False)
    engine = Engine(model, None, settings)
    print(f"| split | problems | greedy | pass@1, temperature 1 | pass@{SAMPLES} |\n|---|---|---|---|---|")
    for split, count in SPLITS.items():
        greedy, sampled, at_least_one = measure(engine, split, count)
        print(f"| {split} | {count} | {greedy:.3f} | {sampled:.3f} | {at_least_one:.3f} |")
    print("\n| lm-eval task | questions | score |\n|---|---|---|")
    for score in evaluate_general(engine.llm, model_path=Path(model), tasks=["nano_general"]).scores:
        print(f"| {score.task} | {score.n} | {score.value:.3f} |")


if __name__ == "__main__":
    main()
