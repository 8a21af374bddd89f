"""A model that is cut into two answers as the whole one does. Both engines live in a process of their own."""

import json
import os

import pytest
from installed import needs_vllm
from warm_process import run_warm

pytestmark = [pytest.mark.slow, needs_vllm]

SCRIPT = """
import json, multiprocessing, os, pathlib, sys
os.environ.update(CXX="none is installed", TORCHINDUCTOR_CACHE_DIR=__file__ + ".compiled")  # for the parts
from vllm.v1.executor import multiproc_executor
assert callable(multiproc_executor.get_mp_context)
multiproc_executor.get_mp_context = lambda: multiprocessing.get_context("fork")  # what is imported need not be again
from lorr_bench.generate.engine import Engine, EngineSettings, Sampling
from lorr_bench.generate.fingerprint import take_fingerprint
from lorr_bench.ports.trainer import StartModel

def main(start, other, output):
    seen = [answers(start, other, parts) for parts in (1, 2)]
    pathlib.Path(output).write_text(json.dumps(seen))

def answers(start, other, parts):
    settings = EngineSettings("float32", 96, 1, 0.5, True, False, parts)
    engine = Engine(start, None, settings)
    prompts = ["How many apples are there?", "Two plus two is"]
    greedy = Sampling(n=1, temperature=0.0, top_p=1.0, max_tokens=8, seed=1)
    drawn = Sampling(n=4, temperature=1.0, top_p=1.0, max_tokens=8, seed=3)
    seen = []
    for model in (start, other, start):
        engine.load(model, None)
        assert engine.disagreement(take_fingerprint(StartModel(model, None, "float32", False))) is None
        seen.append([[[answer.text for answer in row] for row in engine.generate(prompts, sampling)]
                     for sampling in (greedy, drawn)])
    engine.close()
    return seen

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


@pytest.fixture
def other_model(small_model, tmp_path):
    """Other weights of the same shape."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(small_model)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.2, generator=generator)
    model.save_pretrained(tmp_path / "other")
    AutoTokenizer.from_pretrained(small_model).save_pretrained(tmp_path / "other")
    return tmp_path / "other"


def test_two_parts_answer_as_one_also_with_swapped_weights(small_model, other_model, tmp_path):
    script = tmp_path / "answers.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    output = tmp_path / "answers.json"
    done = run_warm(script, small_model, other_model, output, environment=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    whole, parted = json.loads(output.read_text())
    assert whole[0] == whole[2] != whole[1]
    assert parted == whole
