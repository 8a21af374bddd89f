"""What is told of a running engine, on a stand-in that works in steps, and on vLLM itself."""

import json
import os
from types import SimpleNamespace

import pytest
from installed import needs_vllm
from warm_process import run_warm

from lorr_bench.generate.counting import counted
from lorr_bench.plan.identity.origins import NANO_MODEL


def part(tokens, scored=None):
    return SimpleNamespace(new_token_ids=[7] * tokens, new_prompt_logprobs_tensors=scored)


class Core:
    """Gives out the outputs of one step after the other."""

    def __init__(self, *steps):
        self.steps = iter(steps)

    def get_output(self):
        return SimpleNamespace(outputs=next(self.steps))


class FakeEngine:
    def __init__(self, core, unfinished):
        self.engine_core = core
        self.unfinished = unfinished

    def get_num_unfinished_requests(self):
        return self.unfinished

    def step(self, left):
        self.engine_core.get_output()
        self.unfinished = left


@pytest.fixture
def told():
    return []


def fake(*steps, unfinished):
    return SimpleNamespace(llm_engine=FakeEngine(Core(*steps), unfinished))


def test_answers_and_tokens_are_told_with_every_step_and_at_the_end(told):
    llm = fake([part(1), part(1)], [part(2), part(1)], [part(1)], unfinished=2)
    with counted(llm, lambda *of: told.append(of)):
        for left in (2, 1, 0):
            llm.llm_engine.step(left)
    assert told == [(0, 2, 2), (0, 2, 5), (1, 2, 6), (2, 2, 6)]


def test_requests_of_a_later_call_add_to_those_of_the_first(told):
    llm = fake([part(3)], [part(4)], unfinished=1)
    with counted(llm, lambda *of: told.append(of)):
        llm.llm_engine.step(0)
        llm.llm_engine.unfinished = 5
        llm.llm_engine.step(4)
    assert told == [(0, 1, 3), (0, 5, 7), (1, 5, 7)]


def test_the_token_that_comes_with_the_scores_of_a_prompt_does_not_count(told):
    llm = fake([part(1, scored="log-probabilities"), part(1)], unfinished=2)
    with counted(llm, lambda *of: told.append(of)):
        llm.llm_engine.step(0)
    assert told[-1] == (2, 2, 1)


def test_the_engine_is_left_as_it_was(told):
    llm = fake([part(1)], unfinished=1)
    with pytest.raises(ZeroDivisionError), counted(llm, lambda *of: told.append(of)):
        raise ZeroDivisionError
    llm.llm_engine.step(0)
    assert told == []


REAL = """
import json, sys
from lorr_bench.generate.engine import Engine, EngineSettings, Sampling
engine = Engine(sys.argv[1], None, EngineSettings("float32", 128, 1, 0.5, True, False))
drawn = Sampling(n=2, temperature=1.0, top_p=1.0, max_tokens=12, seed=3, stop=("7",))
prompts, told = ["1 + 2 =", "5 + 6 =", "9 + 9 ="], []
plain = engine.generate(prompts, drawn)
same = engine.generate(prompts, drawn, lambda *of: told.append(of)) == plain
print(json.dumps([same, sum(answer.tokens for row in plain for answer in row), told]))
"""


@pytest.mark.slow
@needs_vllm
def test_vllm_answers_the_same_and_every_token_is_told():
    done = run_warm("-c", REAL, NANO_MODEL, environment=os.environ)
    same, tokens, told = json.loads(done.stdout.splitlines()[-1])
    assert same
    assert {total for _, total, _ in told} == {6}
    assert told[-1] == [6, 6, tokens]
