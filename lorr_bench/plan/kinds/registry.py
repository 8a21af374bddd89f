"""All kinds of stage by name, and stages read back from JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, get_type_hints

from lorr_bench.errors import StoreError
from lorr_bench.plan.kinds.answer_math import AnswerMath
from lorr_bench.plan.kinds.answers.pairs import PairScored, RefreshScored
from lorr_bench.plan.kinds.answers.part import Part
from lorr_bench.plan.kinds.answers.sample import Sample
from lorr_bench.plan.kinds.answers.score import Score
from lorr_bench.plan.kinds.collect import Collect
from lorr_bench.plan.kinds.contamination import Contamination
from lorr_bench.plan.kinds.evaluate_general import EvaluateGeneral
from lorr_bench.plan.kinds.families import Families
from lorr_bench.plan.kinds.fingerprint import Fingerprint
from lorr_bench.plan.kinds.grade_math import GradeMath
from lorr_bench.plan.kinds.import_pairs import ImportPairs
from lorr_bench.plan.kinds.reference import Reference
from lorr_bench.plan.kinds.refresh import Refresh
from lorr_bench.plan.kinds.train import Train
from lorr_bench.plan.stage import Kind, Parameters, Setting, Stage

KINDS: Final[Mapping[Kind, type[Stage]]] = {
    kind.kind: kind
    for kind in (
        Fingerprint,
        Collect,
        Refresh,
        Part,
        Sample,
        Score,
        PairScored,
        RefreshScored,
        ImportPairs,
        Reference,
        Train,
        AnswerMath,
        GradeMath,
        EvaluateGeneral,
        Contamination,
        Families,
    )
}
"""In the order of a suite's work."""


def stage_from_dict(values: Mapping[str, Any]) -> Stage:
    """The stage that ``Stage.to_dict`` described.

    Raises:
        StoreError: There is no such kind, or a key is missing or unknown.
    """
    where = str(values.get("label", ""))
    fix = "Another version of lorr-bench planned it; plan and run the suite with one version."
    kind = KINDS.get(values["kind"]) if isinstance(values.get("kind"), str) else None
    if kind is None:
        raise StoreError(f"there is no kind of stage {values.get('kind')!r}", where=where, fix=fix)
    parameters, setting = json_classes(kind)
    if unlike := (values.keys() - {"parts"}) ^ {"kind", "label", "params", "inputs", "setting", "counted_as"}:
        raise StoreError(f"{', '.join(sorted(unlike))} is missing or not known", where=where, fix=fix)
    return kind(
        label=values["label"],
        parameters=parameters.from_dict(values["params"]),
        setting=setting.from_dict(values["setting"]),
        inputs=values["inputs"],
        counted_as=values["counted_as"],
        parts=tuple(values.get("parts", ())),
    )


@cache
def json_classes(kind: type[Stage]) -> tuple[type[Parameters], type[Setting]]:
    """The classes of a kind's parameters and setting."""
    hints = get_type_hints(kind)
    return hints["parameters"], hints["setting"]
