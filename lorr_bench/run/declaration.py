"""What was declared to be tested, when, and how much was known by then: kept in the output folder.

What a suite tests may change until the first trained model is evaluated. A later change stays possible, and
the report says it. Seeds and data budgets count as part of it, since a test that is repeated with more of
them until it finds something finds too much, and so do the settings of the arms that are tested and the
search for them: an arm that is set anew until it wins was tuned on the test problems. Secondary contrasts
claim little, so of those only what the suite names itself is compared.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from lorr_bench.errors import StoreError
from lorr_bench.outside import visible_text
from lorr_bench.plan.arms import Arm
from lorr_bench.plan.json_values import canonical_digest
from lorr_bench.plan.plan import Plan
from lorr_bench.run.planned_tests import contrasts_text, margin_text, measure_text
from lorr_bench.store.disk import storage_error, write_text
from lorr_bench.store.lock import guarded
from lorr_bench.store.store import Store, done_stages
from lorr_bench.values import BUDGET_SIGN, START, Analysis, Contrast

ANALYSIS_FILE: Final = "analysis.json"
DAMAGED_FILE: Final = "analysis.damaged.json"
MARGIN: Final = "equivalence_margin"
SETTINGS: Final = "settings"
SEEN: Final = "seen"
TUNING: Final = "tuning"
SHOWN_DIGITS: Final = 16
"""Of the digest of what an arm is set to."""

Clock = Callable[[], datetime]


def now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What was declared at some time.

    Attributes:
        analysis: Measure and contrasts; of the secondary ones those that the suite names.
        unique_pairs: The data budgets.
        seeds: The training seeds.
        time: When it was first seen, in UTC.
        known: Evaluations of trained models that had results then.
        evaluations: Evaluations of trained models that the suite had then.
        is_restart: Whether an earlier record was damaged.
        settings: Of each arm that is tested a digest of its settings as the suite says them, and of the
            tuning where there is one; empty in records from before they were kept.
        seen: The most of its evaluations that had results, then or when it was looked at later.
    """

    analysis: Analysis
    unique_pairs: tuple[int, ...]
    seeds: tuple[int, ...]
    time: datetime
    known: int
    evaluations: int
    is_restart: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    seen: int = 0

    @classmethod
    def of(cls, plan: Plan, store: Store, time: datetime) -> Declaration:
        """What a plan declares now.

        The start model's evaluations are not counted: they tell nothing about a contrast.
        """
        trained = [evaluation for evaluation in plan.evaluations if evaluation.point != START]
        digests = {evaluation.digest for evaluation in trained}
        done = done_stages([stage for stage in plan.settled_stages if stage.digest in digests], store)
        known = sum(evaluation.digest in done for evaluation in trained)
        return cls(
            replace(plan.analysis, secondary=_named_secondary(plan), budgets=()),
            plan.suite.budget.unique_pairs,
            tuple(sorted(plan.suite.seeds)),
            time.astimezone(UTC),
            known,
            len(trained),
            settings=_settings(plan),
            seen=known,
        )

    @property
    def so_far(self) -> str:
        """``2026-11-26, when 12 of 40 evaluations were``."""
        return f"{self.time:%Y-%m-%d}, when {self.known:,} of {self.evaluations:,} evaluations were"


def declare(plan: Plan, store: Store, output: Path, clock: Clock = now) -> tuple[str, ...]:
    """Keep what a plan tests in its output folder, beside what was declared before.

    Args:
        plan: The plan.
        store: Where results lie; what is in it is known.
        output: Output folder; made if it isn't there.
        clock: Gives the time, with its zone.

    Returns:
        A sentence for each time that something was declared after results were known.

    Raises:
        StoreError: The record can't be read or written.
    """
    file = output / ANALYSIS_FILE
    try:
        output.mkdir(parents=True, exist_ok=True)
        with guarded(output):  # a run and a report may look at the same time
            before = _history(file)
            after = _continued(before, Declaration.of(plan, store, clock()))
            if after != before:
                if before is None:
                    file.replace(output / DAMAGED_FILE)
                write_text(
                    file, json.dumps({"declarations": [_to_dict(one) for one in after]}, indent=1) + "\n"
                )
    except OSError as error:
        raise storage_error(error, file) from error
    return tuple(_sentences(after, plan.arms))


def foreseen(plan: Plan, store: Store, output: Path, clock: Clock = now) -> tuple[str, ...]:
    """The sentences that ``declare`` would return and that no report has said yet; nothing is written.

    Args:
        plan: The plan.
        store: Where results lie.
        output: Output folder.
        clock: Gives the time, with its zone.

    Raises:
        StoreError: The record can't be read.
    """
    before = _history(output / ANALYSIS_FILE)
    after = _continued(before, Declaration.of(plan, store, clock()))
    said = set(_sentences(before or (), plan.arms))
    return tuple(sentence for sentence in _sentences(after, plan.arms) if sentence not in said)


def most_seen(output: Path) -> int:
    """The most evaluations of trained models that were known to whoever ran or reported into a folder.

    Args:
        output: Output folder; 0 where nothing was declared in it.

    Raises:
        StoreError: The record can't be read.
    """
    return max((one.seen for one in _history(output / ANALYSIS_FILE) or ()), default=0)


def _continued(history: Sequence[Declaration] | None, declared: Declaration) -> tuple[Declaration, ...]:
    """The history with what is declared now; None is a damaged one."""
    if history is None:
        return (replace(declared, is_restart=True),)
    if not history:
        return (declared,)
    last = replace(history[-1], settings=history[-1].settings or declared.settings)
    if _tested(last) == _tested(declared):
        return (*history[:-1], replace(last, seen=max(last.seen, declared.known)))
    return (*history, declared) if declared.known or last.seen else (declared,)


def _sentences(history: Sequence[Declaration], arms: Sequence[Arm]) -> list[str]:
    said = [_first_sentence(one) for one in history[:1] if one.known]
    for before, after in pairwise(history):
        so_far = f"{after.so_far} known"
        if after.known < before.seen:
            earlier = f"{before.seen:,} evaluations of what was declared before"
            so_far = f"{after.time:%Y-%m-%d}, when {earlier} were known"
        said.append(f"Changed on {so_far}; before: {_difference(before, after, arms)}")
    return list(map(visible_text, said))  # names of lm-eval's tasks may be any text


def _first_sentence(first: Declaration) -> str:
    """Not beforehand, and no reproach: another suite may have made the same results in the same store."""
    if first.is_restart:
        return f"The record of what was declared was damaged; declared anew on {first.so_far} known"
    what = "Declared" if first.analysis.declared else "The suite declares nothing; its default was recorded"
    return f"{what} on {first.so_far} already in the store"


def _tested(declared: Declaration) -> dict[str, Any]:
    """What makes two declarations the same; the order of contrasts does not."""
    analysis = declared.analysis
    return {
        "measure": (analysis.benchmark, analysis.metric),
        "primary": set(analysis.primary),
        "secondary": set(analysis.secondary),
        "margin": analysis.equivalence_margin,
        "unique_pairs": declared.unique_pairs,
        "seeds": declared.seeds,
        SETTINGS: declared.settings,
    }


def _difference(before: Declaration, after: Declaration, arms: Sequence[Arm]) -> str:
    """What was declared before, as far as it is another."""
    old, new = _tested(before), _tested(after)
    changed = {name for name, value in old.items() if value != new[name]}
    analysis = before.analysis
    told = []
    if changed & {"measure", "primary"}:
        told.append(f"{measure_text(analysis)}: {contrasts_text(analysis.primary, arms) or 'nothing'}")
    if "secondary" in changed:
        told.append(f"secondary: {contrasts_text(analysis.secondary, arms) or 'nothing'}")
    if "margin" in changed:
        margin = analysis.equivalence_margin
        told.append(
            "no margin of equivalence" if margin is None else f"equivalence within {margin_text(margin)}"
        )
    if "unique_pairs" in changed:
        told.append(f"budgets of {', '.join(f'{pairs:,}' for pairs in before.unique_pairs)} pairs")
    if "seeds" in changed:
        told.append(f"seeds {', '.join(map(str, before.seeds))}")
    for name, digest in before.settings.items():
        if after.settings.get(name, digest) != digest:
            told.append("another tuning" if name == TUNING else f"other settings of {name}")
    if (TUNING in before.settings) != (TUNING in after.settings):
        told.append("a tuning" if TUNING in before.settings else "no tuning")
    return "; ".join(told)


def _settings(plan: Plan) -> dict[str, str]:
    """Digests of the settings of the arms in primary contrasts, and of the tuning."""
    suite = plan.suite
    tested = {name for one in plan.analysis.primary for name in (one.treatment, one.reference)}
    said = {
        arm.name: [
            suite.methods[arm.method].model_dump(mode="json", exclude_defaults=True),
            suite.plugins[arm.plugin].model_dump(mode="json", exclude_defaults=True),
            {key: value for key, value in suite.overrides.items() if key.split(BUDGET_SIGN)[0] == arm.name},
        ]
        for arm in plan.arms
        if arm.name in tested
    }
    digests = {name: canonical_digest(value)[:SHOWN_DIGITS] for name, value in sorted(said.items())}
    if suite.tuning is not None:
        tuning = suite.tuning.model_dump(mode="json", exclude_defaults=True)
        digests[TUNING] = canonical_digest(tuning)[:SHOWN_DIGITS]
    return digests


def _named_secondary(plan: Plan) -> tuple[Contrast, ...]:
    """Without those that are looked at anyway."""
    baselines = plan.baselines
    return tuple(
        one
        for one in plan.analysis.secondary
        if one.names_budgets or baselines[one.treatment] != one.reference
    )


def _to_dict(declared: Declaration) -> dict[str, Any]:
    analysis = declared.analysis
    return {
        "time": declared.time.isoformat(timespec="seconds"),
        "known": declared.known,
        "evaluations": declared.evaluations,
        "benchmark": analysis.benchmark,
        "metric": analysis.metric,
        "primary": list(map(_to_list, analysis.primary)),
        "secondary": list(map(_to_list, analysis.secondary)),
        "declared": analysis.declared,
        "unique_pairs": list(declared.unique_pairs),
        "seeds": list(declared.seeds),
        "is_restart": declared.is_restart,
        # Records of suites without a margin are as they were before there was one.
        **({} if analysis.equivalence_margin is None else {MARGIN: analysis.equivalence_margin}),
        SETTINGS: dict(declared.settings),
        SEEN: declared.seen,
    }


def _to_list(contrast: Contrast) -> list[str | int | None]:
    """Both arms, and their budgets where it names them."""
    budgets = [contrast.treatment_pairs, contrast.reference_pairs] if contrast.names_budgets else []
    return [contrast.treatment, contrast.reference, *budgets]


def _from_dict(values: Mapping[str, Any]) -> Declaration:
    primary, secondary = (tuple(map(_from_list, values[part])) for part in ("primary", "secondary"))
    margin = values.get(MARGIN)
    benchmark, metric = str(values["benchmark"]), str(values["metric"])
    return Declaration(
        Analysis(
            benchmark,
            metric,
            primary,
            secondary,
            declared=bool(values["declared"]),
            equivalence_margin=None if margin is None else float(margin),
        ),
        tuple(map(int, values["unique_pairs"])),
        tuple(map(int, values["seeds"])),
        datetime.fromisoformat(values["time"]).astimezone(UTC),
        int(values["known"]),
        int(values["evaluations"]),
        bool(values["is_restart"]),
        {str(name): str(digest) for name, digest in values.get(SETTINGS, {}).items()},
        int(values.get(SEEN, values["known"])),
    )


def _from_list(values: Sequence[Any]) -> Contrast:
    treatment, reference, *budgets = values
    return Contrast(str(treatment), str(reference), *map(int, budgets))


def _history(file: Path) -> tuple[Declaration, ...] | None:
    """What was declared so far; None where the record is damaged.

    Raises:
        StoreError: It can't be read.
    """
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        fix = "Check its permissions; it says what was declared before results were known."
        raise StoreError(f"can't be read: {error.strerror or error}", where=str(file), fix=fix) from error
    try:
        declarations = tuple(map(_from_dict, json.loads(text)["declarations"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return declarations or None
