"""Evaluate a random model on real questions, in a process of its own, since vLLM changes the one it runs in.

python real_run.py FOLDER CONTEXT LIMIT TASK[,TASK…] …    writes FOLDER/results.json
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from byte_model import write_byte_model
from real_tasks import write_tasks

from lorr_bench.evaluate.general import evaluate_general
from lorr_bench.generate.engine import Engine, EngineSettings


def main(folder: Path, context: int, limit: int, evaluations: list[str]) -> None:
    tasks = folder / "tasks"
    tasks.mkdir()
    write_tasks(tasks)
    model = write_byte_model(folder / "model")
    settings = EngineSettings("float32", context, 1, 0.5, enforce_eager=True, trust_remote_code=False)
    engine = Engine(str(model), None, settings)
    results = [
        evaluate_general(
            engine.llm, model_path=model, tasks=names.split(","), include_path=tasks, limit=limit
        )
        for names in evaluations
    ]
    (folder / "results.json").write_text(json.dumps([asdict(result) for result in results]), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
