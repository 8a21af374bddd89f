"""Stages that several engines answer together: the same files, whatever the number of parts."""

from __future__ import annotations

import hashlib
import io
import json
import random

import pytest
from scripted_engine import ScriptedEngine
from scripted_fingerprint import put_fingerprint
from small_suite import SUITE, load

from lorr_bench.errors import StageError
from lorr_bench.generate.engine import Sampling
from lorr_bench.plan.parts import in_parts
from lorr_bench.plan.plan import make_plan
from lorr_bench.run.agenda import Agenda
from lorr_bench.run.executor import Order
from lorr_bench.run.retention import Retention
from lorr_bench.run.worker import EventWriter, serve
from lorr_bench.stages.part_answers import FILE, answer_rows, put_together, share_of
from lorr_bench.stages.task import EngineRoom
from lorr_bench.store.record import Outcome
from lorr_bench.store.store import Store
from lorr_bench.values import Completion, Prompt

__all__ = ["load"]

JUDGE = {"path": "nano"}
DRAWN = Sampling(n=2, temperature=1.0, top_p=1.0, max_tokens=8, seed=3)


class Scripted(ScriptedEngine):
    """Answers by prompt and sampling alone, as an engine does whose answers have a random state each."""

    def chat(self, problem, chat):
        return f"<user>{problem}"

    def generate(self, prompts, sampling, progress=None, names=None):
        self.asked.append(len(prompts))
        return [[self._answer(f"{prompt} {sampling} {n}") for n in range(sampling.n)] for prompt in prompts]

    def _answer(self, asked):
        drawn = random.Random(hashlib.sha256(asked.encode()).digest())
        right = drawn.random() < 0.5
        return Completion(f"\\boxed{{{int(right)}}}", drawn.randint(1, 9), drawn.random() < 0.1, "<end>")


@pytest.fixture
def world(tmp_path, load):
    """Runs a stage of a kind in so many parts, by orders as a worker reads them; gives its files and outcome.

    Of 12 problems two are too long to ask, and three have the same text.
    """
    texts = [f"say {n % 10}" if n % 6 else f"one two three four five six {n}" for n in range(12)]
    rows = [{"problem": text, "answer": "1"} for text in texts]
    (tmp_path / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    collect = {"source": "problems.jsonl", "num_prompts": 12, "num_samples": 3, "max_tokens": 8}
    math = {"name": "own", "source": "problems.jsonl", "max_tokens": 8, "repeats": 2}

    def plan_of(judge=None, repeats=2, **more):
        scored = {"reward_model": judge, "pair_rule": "best_worst"} if judge else {}
        data = {"collect": {**collect, **more, **scored}}
        evaluation = {"math": [{**math, "repeats": repeats}]}
        suite = {
            **SUITE,
            "seeds": [0],
            "budget": {"unique_pairs": [2]},
            "data": data,
            "evaluation": evaluation,
        }
        return make_plan(load(suite))

    def run(kind, parts, **changes):
        plan = plan_of(**changes)
        waiting = {stage.digest for stage in plan.stages}
        cut = in_parts(plan, waiting, parts, drawn=True) if parts > 1 else plan
        stages, store, engine = {s.digest: s for s in cut.stages}, Store(tmp_path / f"{parts}"), Scripted()
        for stage in cut.stages:
            belongs = stage.kind == kind or (stage.kind == "part" and stage.whole.kind == kind)
            if stage.kind == "fingerprint":
                with store.writing(stage) as draft:
                    put_fingerprint(draft.folder)
                    draft.commit(Outcome())
            elif belongs and set(stage.inputs) <= {"start", "collection"}:
                inputs = {role: stages[digest] for role, digest in stage.inputs.items()}
                order = Order(stage, inputs, store.location, tmp_path, [stages[d] for d in stage.parts])
                said = io.StringIO()
                serve(
                    json.loads(json.dumps(order.to_dict())), EngineRoom(lambda *_: engine), EventWriter(said)
                )
                assert json.loads(said.getvalue().splitlines()[-1])["event"] == "Ended", said.getvalue()
                last = stage
        files = {p.name: p.read_bytes() for p in store.folder(last).iterdir() if p.name != "record.json"}
        return files, store.read(last).outcome, engine.asked

    run.plan_of = plan_of
    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("answer_math", {}),
        ("collect", {}),
        ("collect", {"extends": [5], "chat_template": True}),
        ("sample", {"judge": JUDGE}),
    ],
)
def test_the_files_are_the_same_whatever_the_number_of_parts(world, kind, changes):
    whole, outcome, asked = world(kind, 1, **changes)
    assert len(whole) >= 2
    for parts in (2, 3, 20):
        files, same, asked_then = world(kind, parts, **changes)
        assert (files, same.metrics, same.spend) == (whole, outcome.metrics, outcome.spend)
        assert sum(asked_then) == sum(asked)
        assert max(asked_then) < max(asked)


def test_parts_change_no_digest_and_stand_before_what_they_belong_to(world):
    plan = world.plan_of()
    cut = in_parts(plan, {stage.digest for stage in plan.stages}, 3, drawn=True)
    parts = [stage for stage in cut.stages if stage.kind == "part"]
    assert [s.digest for s in cut.stages if s.kind != "part"] == [s.digest for s in plan.stages]
    wholes = [stage for stage in cut.stages if stage.parts]
    assert {stage.kind for stage in wholes} == {"collect", "answer_math"}
    assert [digest for stage in wholes for digest in stage.parts] == [stage.digest for stage in parts]
    place = {stage.digest: number for number, stage in enumerate(cut.stages)}
    assert all(place[needed] < place[s.digest] for s in cut.stages for needed in s.needs)
    assert parts[0].label == f"{wholes[0].label}, part 1 of 3"
    assert (parts[0].whole.digest, parts[0].inputs) == (wholes[0].digest, wholes[0].inputs)
    assert sum(part.work({}).units for part in parts[:3]) == pytest.approx(wholes[0].work({}).units)


def test_where_a_process_draws_greedy_benchmarks_alone_are_cut(world):
    for repeats, kinds in ((2, set()), (0, {"answer_math"})):
        plan = world.plan_of(repeats=repeats)
        cut = in_parts(plan, {stage.digest for stage in plan.stages}, 2, drawn=False)
        assert {stage.kind for stage in cut.stages if stage.parts} == kinds


def test_what_is_done_is_not_cut(world):
    plan = world.plan_of()
    assert in_parts(plan, set(), 2, drawn=True).stages == plan.stages


def test_a_stage_begins_when_its_parts_are_done(world):
    plan = world.plan_of()
    digests = {stage.digest for stage in plan.stages}
    cut = in_parts(plan, digests, 2, drawn=True)
    (start,) = (stage.digest for stage in cut.stages if stage.kind == "fingerprint")
    todo = {stage.digest for stage in cut.stages} - {start}
    agenda = Agenda(cut.stages, todo, {start}, lambda _: True)
    collect = next(stage for stage in cut.stages if stage.kind == "collect")
    first, second = (agenda.take(lambda stage: stage.digest in collect.parts) for _ in range(2))
    agenda.done(first.digest)
    assert agenda.take(lambda stage: stage.digest == collect.digest) is None
    agenda.done(second.digest)
    taken = set()
    while (stage := agenda.take(lambda _: True)) is not None:
        taken.add(stage.digest)
    assert collect.digest in taken


def test_answers_of_parts_are_freed_when_the_stage_has_them(world, tmp_path):
    world("collect", 2)
    plan, store = world.plan_of(), Store(tmp_path / "2")
    cut = in_parts(plan, {stage.digest for stage in plan.stages}, 2, drawn=True)
    done = {stage.digest for stage in cut.stages if store.read(stage) is not None}
    (collect,) = (stage for stage in cut.stages if stage.kind == "collect")
    parts = [stage for stage in cut.stages if stage.digest in collect.parts]
    retention = Retention(cut, store, "last")
    retention.stage_done(done - {collect.digest})
    assert all(map(store.whole, parts))
    retention.stage_done(done)
    assert not any(map(store.whole, parts))
    assert store.whole(collect)


def test_prompts_of_the_same_text_stay_together():
    prompts = [Prompt(str(place), text, "") for place, text in enumerate("abacab")]
    assert [share_of(prompts, number, 2) for number in (0, 1)] == [[0, 2, 3, 4], [1, 5]]


def test_parts_of_other_prompts_are_refused(tmp_path):
    rows = answer_rows(DRAWN, [0, 2], [[Completion("a", 1, truncated=False)], []])
    (tmp_path / FILE).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with pytest.raises(StageError, match="the parts have answers to 2 of 3 prompts"):
        put_together([tmp_path], DRAWN, 3)
