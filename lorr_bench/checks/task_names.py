"""Whether lm-eval has the tasks that a suite names."""

from __future__ import annotations

from pathlib import Path

from lorr_bench.errors import DataError
from lorr_bench.plan.identity.task_data import defines_all, names_in
from lorr_bench.plan.identity.task_index import own_folder
from lorr_bench.plan.identity.task_source import NANO_TASKS
from lorr_bench.plan.kinds.evaluate_general import EvaluateGeneral
from lorr_bench.plan.plan import Plan
from lorr_bench.spec.diagnosis import nearest


def check_task_names(plan: Plan) -> None:
    """Refuse names that neither lm-eval's task files nor the suite's own define.

    Reading lm-eval's files takes seconds, so they are not read for the embedded tasks. Where lm-eval is not
    installed, nothing is checked.

    Args:
        plan: The plan.

    Raises:
        DataError: A name is not defined.
    """
    installed = own_folder()
    if installed is None:
        return
    asked: dict[str | None, dict[str, None]] = {}
    for stage in plan.stages:
        if isinstance(stage, EvaluateGeneral):
            asked.setdefault(stage.setting.include_path, {}).update(dict.fromkeys(stage.parameters.tasks))
    for include, names in asked.items():
        own = [NANO_TASKS, *([Path(include)] if include else [])]
        others = [name for name in names if not defines_all(own, [name])]
        for name in () if defines_all([installed, *own], others) else others:
            if not defines_all([installed, *own], [name]):
                near = nearest(name, names_in([installed, *own]))
                raise DataError(
                    f"lm-eval has no task, group or tag called {name!r}",
                    where="evaluation.general.tasks",
                    fix=f"{near}`lorr-bench list tasks '*'` lists them; task files of your own are named by "
                    "`include_path`.",
                )
