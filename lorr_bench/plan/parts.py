"""Stages that several engines answer together: cut into parts, which decide nothing of their identity."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.kinds.answers.part import Part, PartParameters, PartSetting
from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.plan import Plan
from lorr_bench.plan.stage import Stage


def in_parts(plan: Plan, waiting: Container[str], parts: int, *, drawn: bool) -> Plan:
    """The same work with its collections and benchmarks cut; the parts stand before what they belong to.

    Args:
        plan: What is to be done.
        waiting: Digests of the stages that a run is going to do; others are not cut.
        parts: How many of each, above 1.
        drawn: Whether sampled answers may be cut, too: where each has a random state of its own.
    """
    stages = (
        each
        for stage in plan.stages
        for each in (
            _cut(stage, parts) if stage.digest in waiting and can_be_cut(stage, drawn=drawn) else (stage,)
        )
    )
    return replace(plan, stages=tuple(stages))


def can_be_cut(stage: Stage, *, drawn: bool) -> bool:
    """Whether engines can share a stage; rows of a refresh are drawn among pairs, and too few.

    Args:
        stage: The stage.
        drawn: As for ``in_parts``.
    """
    if isinstance(stage, AnswerMath):
        return drawn or stage.parameters.repeats == 0
    asks_all = isinstance(stage, Collect) or (isinstance(stage, Sample) and "pairs" not in stage.inputs)
    return drawn and asks_all


def _cut(whole: Stage, parts: int) -> Iterator[Stage]:
    """The parts of a stage, and the stage that puts their answers together."""
    described = PartSetting(stage=whole.to_dict())
    made = [
        Part(
            label=f"{whole.label}, part {number + 1} of {parts}",
            parameters=PartParameters(whole=whole.digest, number=number, parts=parts),
            setting=described,
            inputs=whole.inputs,
        )
        for number in range(parts)
    ]
    yield from made
    yield replace(whole, parts=tuple(part.digest for part in made))
