"""All that is looked at before a run begins, in the order of what it takes."""

from __future__ import annotations

from lorr_bench.checks.hub_data import check_hub_data
from lorr_bench.checks.hub_models import check_hub_models
from lorr_bench.checks.precision import precision_lines
from lorr_bench.checks.prompts import check_template, length_lines
from lorr_bench.checks.task_names import check_task_names
from lorr_bench.checks.trained_tensors import check_trained_tensors
from lorr_bench.forecast.measured import model_size
from lorr_bench.plan.plan import Plan


def check_plan(plan: Plan, *, task_names: bool = True) -> list[str]:
    """Refuse what would fail after hours, and say what would spoil a result.

    Args:
        plan: The plan.
        task_names: Whether lm-eval's task files may be read for the names of its tasks, which takes seconds.

    Returns:
        Warnings, one sentence or two each.

    Raises:
        SuiteError: A reset or an adapter finds no tensor of the model.
        ModelError: A model can't be had, or has no chat template where one is asked for.
        DataError: lm-eval has no task of a name; or a data set of the Hub can't be had.
    """
    check_trained_tensors(plan.arms, model_size(plan.model.path, plan.model.commit))
    check_template(plan)
    check_hub_models(plan)
    check_hub_data(plan)
    if task_names:
        check_task_names(plan)
    return [*precision_lines(plan), *length_lines(plan)]
