"""A collection that goes on from a smaller one: whom it asks, and that it is what all at once would be."""

import json
import random

import pytest
from scripted_engine import ScriptedEngine
from scripted_fingerprint import put_fingerprint
from small_suite import SUITE, load

from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.worker import run_stage
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store
from lorr_bench.values import Completion

pytestmark = pytest.mark.slow

__all__ = ["load"]

FILES = ("answers.jsonl", "prompts.jsonl", "pairs.jsonl")
FIRST, ALL = 25, 40


class Counting(ScriptedEngine):
    """An engine that answers by the text of a prompt alone, and remembers what it was asked."""

    def generate(self, prompts, sampling, progress=None, names=None):
        self.asked += prompts
        return [[self._answer(int(prompt.split()[-1]), n) for n in range(sampling.n)] for prompt in prompts]

    def _answer(self, number, n):
        wrong = number % 4 != 0 and n % 2
        return Completion(f"\\boxed{{{number + wrong}}}", 3 + n, truncated=number % 5 == n, end="<end>")


@pytest.fixture
def collected(tmp_path, load):
    """Run the collections of a suite in a store; gives outcome and files of the whole, and what was asked.

    Of the problems every tenth is too long, and others repeat after 17.
    """
    texts = [f"say {n % 17}" if n % 10 else f"one two three four five {n}" for n in range(ALL)]
    rows = [{"problem": text, "answer": text.split()[-1]} for text in texts]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")

    def run(folder, **changes):
        collect = {"source": "problems.jsonl", "num_samples": 4, "max_tokens": 32, **changes}
        plan = make_plan(
            load({**SUITE, "seeds": [0], "budget": {"unique_pairs": [2]}, "data": {"collect": collect}})
        )
        store, engine = Store(tmp_path / folder), Counting()
        for stage in plan.stages:
            if store.read(stage) is None and stage.kind == "fingerprint":
                with store.writing(stage) as draft:
                    put_fingerprint(draft.folder)
                    draft.commit(Outcome())
            elif store.read(stage) is None and isinstance(stage, Collect):
                inputs = {other.digest: other for other in plan.stages}
                run_stage(
                    stage,
                    {role: inputs[digest] for role, digest in stage.inputs.items()},
                    store,
                    EngineRoom(lambda *_: engine),
                    progress=lambda *_: None,
                    notice=lambda _: None,
                )
        whole = store.folder(plan.first_pairs)
        files = {name: (whole / name).read_bytes() for name in FILES}
        return store.read(plan.first_pairs).outcome, files, engine.asked

    return run


def test_a_larger_collection_asks_only_the_prompts_that_are_new(collected):
    """And is what all at once would be: where answers depend on the prompt alone, as here."""
    at_once, files, asked = collected("at once", num_prompts=ALL)
    assert at_once.metrics["repeated_pairs"] > 0
    assert at_once.metrics["left_out_prompts"] == 4
    first, _, asked_first = collected("store", num_prompts=FIRST)
    whole, extended, asked_then = collected("store", num_prompts=ALL, extends=[FIRST])
    assert 0 < len(asked_first) < len(asked)
    assert asked_first + asked_then == asked
    assert extended == files
    assert whole.metrics == at_once.metrics
    assert {name: first.spend[name] + value for name, value in whole.spend.items()} == at_once.spend


def test_extensions_give_the_same_from_nothing(collected):
    collected("store", num_prompts=FIRST)
    grown = collected("store", num_prompts=ALL, extends=[FIRST, 30])
    again, files, asked = collected("another", num_prompts=ALL, extends=[FIRST, 30])
    assert (again.metrics, again.spend, files) == (grown[0].metrics, grown[0].spend, grown[1])
    assert asked == collected("at once", num_prompts=ALL)[2]


@pytest.mark.parametrize(
    "changes", [{"temperature": 0.5}, {"top_p": 0.9}, {"max_tokens": 31}, {"num_samples": 3}]
)
def test_all_are_asked_anew_where_answers_are_drawn_otherwise(collected, changes):
    collected("store", num_prompts=FIRST)
    _, _, asked = collected("store", num_prompts=ALL, extends=[FIRST], **changes)
    assert asked == collected("at once", num_prompts=ALL)[2]


def test_an_extension_by_prompts_that_can_not_be_asked_keeps_what_is_there(collected, tmp_path):
    order = list(range(4))
    random.Random("prompts/0").shuffle(order)
    texts = ["one two three four five 1"] * 4
    texts[order[0]] = "say 1"
    rows = [json.dumps({"problem": text, "answer": "1"}) for text in texts]
    (tmp_path / "problems.jsonl").write_text("\n".join(rows), "utf-8")
    first, files, _ = collected("store", num_prompts=2)
    outcome, extended, asked = collected("store", num_prompts=4, extends=[2])
    assert asked == []
    assert outcome.metrics == {**first.metrics, "left_out_prompts": 3}
    assert outcome.spend == {"prompts": 0, "verifier_calls": 0, "generated_tokens": 0}
    assert {name: extended[name] for name in ("answers.jsonl", "pairs.jsonl")} == {
        name: files[name] for name in ("answers.jsonl", "pairs.jsonl")
    }
