"""Swaps weights in real engines, well and badly, and writes down what the engine said of each.

    python swap_work.py WORK.json FOUND.json

Runs in a process of its own, which the engines keep.
"""

import json
import sys
from pathlib import Path

from lorr_bench.generate import engine as engine_module
from lorr_bench.generate.engine import Engine, EngineSettings
from lorr_bench.generate.fingerprint import take_fingerprint
from lorr_bench.ports.trainer import StartModel


def main(work, found):
    asked = json.loads(Path(work).read_text("utf-8"))
    answers = {name: swaps(asked["prompts"], **folders) for name, folders in asked["models"].items()}
    Path(found).write_text(json.dumps(answers), "utf-8")


def swaps(prompts, start, trained, other, retokenized):
    engine = Engine(start, None, EngineSettings("float32", 64, 1, 0.5, True, False))
    said = {"start": engine.disagreement(fingerprint(start))}
    engine.load(trained, None)
    said["trained"] = engine.disagreement(fingerprint(trained))
    answers = [list(answer.outputs[0].token_ids) for answer in raw(engine, prompts)]
    engine.load(start, None)
    said["start again"] = engine.disagreement(fingerprint(start))
    said["the head left as it was"] = with_the_old_head(engine, trained)
    engine.load(other, None)
    said["another model's weights"] = engine.disagreement(fingerprint(trained))
    said["a tokenizer exchanged"] = engine.disagreement(fingerprint(retokenized))
    engine.close()
    return {"said": said, "answers": answers}


def with_the_old_head(engine, trained):
    """What is said of a swap as vLLM makes it, without the mend."""
    mend = engine_module.pack_tied_heads
    engine_module.pack_tied_heads = leave_it
    try:
        engine.load(trained, None)
        return engine.disagreement(fingerprint(trained))
    finally:
        engine_module.pack_tied_heads = mend


def leave_it(worker):
    pass


def raw(engine, prompts):
    """vLLM's own answers, with their token numbers."""
    from vllm import SamplingParams

    asked = [{"prompt_token_ids": tokens} for tokens in prompts]
    return engine.llm.generate(asked, SamplingParams(temperature=0.0, max_tokens=12), use_tqdm=False)


def fingerprint(folder):
    return take_fingerprint(StartModel(folder, None, "float32", trust_remote_code=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
