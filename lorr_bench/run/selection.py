"""Which stages a user means by ``--only``."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from lorr_bench.errors import SuiteError
from lorr_bench.plan.kinds.registry import KINDS
from lorr_bench.plan.plan import Plan
from lorr_bench.spec.diagnosis import nearest


def select(plan: Plan, patterns: Sequence[str]) -> set[str]:
    """Digests of the stages that any of the patterns names.

    Args:
        plan: Whose stages.
        patterns: Each is an arm such as ``dpo+lorr``, a kind of stage such as ``train``, or a whole label;
            ``*`` and ``?`` stand for letters in arms and labels.

    Raises:
        SuiteError: A pattern names nothing.
    """
    found: set[str] = set()
    for pattern in patterns:
        named = _named(plan, pattern)
        if not named:
            names = [*dict.fromkeys(point.arm for point in plan.training), *KINDS]
            some = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            known = [*names, *(stage.label for stage in plan.stages)]
            fix = f"{nearest(pattern, known)}give an arm, a kind of stage, or a label with stars: {some}"
            raise SuiteError(f"nothing is called {pattern!r}", where="--only", fix=fix)
        found |= named
    return found


def _named(plan: Plan, pattern: str) -> set[str]:
    arms = {digest for point, digest in plan.training.items() if fnmatchcase(point.arm, pattern)}
    for evaluation in plan.evaluations:
        if fnmatchcase(evaluation.point.arm, pattern):
            arms |= {evaluation.digest, evaluation.answers}
    if arms:
        return arms
    kinds = {stage.digest for stage in plan.stages if stage.kind == pattern}
    return kinds or {stage.digest for stage in plan.stages if fnmatchcase(stage.label, pattern)}
