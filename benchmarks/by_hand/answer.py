"""What people write to evaluate one model on math: ``python answer.py MODEL PROBLEMS SCORES``.

vLLM answers, Math-Verify grades. Without lorr-bench.
"""

import argparse
import json
from pathlib import Path

from math_verify import parse, verify
from vllm import LLM, SamplingParams

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "problems", "scores"):
        parser.add_argument(name)
    asked = parser.parse_args()
    rows = [json.loads(line) for line in Path(asked.problems).read_text("utf-8").splitlines()]
    engine = LLM(model=asked.model, dtype="float32", max_model_len=128, enforce_eager=True, seed=0)
    answers = engine.generate([row["prompt"] for row in rows], SamplingParams(temperature=0, max_tokens=56))
    right = [
        verify(parse(f"${row['gold']}$"), parse(answer.outputs[0].text))
        for row, answer in zip(rows, answers, strict=True)
    ]
    Path(asked.scores).write_text(json.dumps({"accuracy": sum(right) / len(right)}), "utf-8")
