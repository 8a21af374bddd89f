"""On a CPU nothing is compiled where the engine is eager: a laptop needs no C++ compiler."""

import os

import pytest
from installed import needs_vllm
from warm_process import run_warm

SCRIPT = """
import os, sys
import torch
os.environ["TORCHINDUCTOR_CACHE_DIR"] = sys.argv[2]  # nothing is compiled already
import torch._inductor.config
torch._inductor.config.cpp.cxx = (None, "a compiler that is not installed")
from lorr_bench.generate.engine import Engine, EngineSettings, Sampling

engine = Engine(sys.argv[1], None, EngineSettings("float32", 64, 1, 0.5, True, False))
[scores] = engine.score([[5, 6, 7]])
[[answer]] = engine.generate(["How many"], Sampling(n=1, temperature=1.0, top_p=0.5, max_tokens=4, seed=1))
[drawn] = engine.draw([[5, 6]], Sampling(n=1, temperature=1.0, top_p=0.5, max_tokens=4, seed=1))
assert len(scores) == 2 and answer.tokens and len(drawn.tokens)
assert "TORCH_COMPILE_DISABLE" not in os.environ
engine.close()

double = torch.compile(lambda number: 2 * number, backend="inductor")
try:
    double(torch.ones(3))
except Exception as error:  # what others compile in this process is theirs
    assert "compiler that is not installed" in str(error), error
else:
    raise AssertionError("nothing is compiled any more")
"""


@pytest.mark.slow
@needs_vllm
def test_an_engine_answers_and_scores_without_a_compiler(small_model, tmp_path):
    done = run_warm("-c", SCRIPT, small_model, tmp_path, environment=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]
