"""All that is looked at before a run begins, in the order of what it takes."""

from __future__ import annotations

from lorr_bench.checks.hub_data import check_hub_data
from lorr_bench.checks.hub_models import check_hub_models
from lorr_bench.checks.lengths import length_lines
from lorr_bench.checks.precision import check_precision
from lorr_bench.checks.reward_model import reward_model_lines
from lorr_bench.checks.task_names import check_task_names
from lorr_bench.checks.templates import check_template, template_lines
from lorr_bench.checks.tokens import padding_lines
from lorr_bench.checks.trained_tensors import check_trained_tensors, target_lines
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
        SuiteError: A reset or an adapter finds no tensor of the model, or its weights are of a type that is
            too coarse for a learning rate.
        ModelError: A model can't be had, has no chat template where one is asked for, or no tokenizer that
            loads and ends texts; or a reward model does not score.
        DataError: lm-eval has no task of a name; or a data set of the Hub can't be had.
    """
    lines = _lines(plan, task_names=task_names)
    if plan.tries is not None and plan.tries.plan.arms:
        lines += [line for line in _lines(plan.tries.plan, task_names=False) if line not in lines]
    return lines


def _lines(plan: Plan, *, task_names: bool) -> list[str]:
    """What is looked at in a plan without its tries."""
    model = model_size(plan.model.path, plan.model.commit)
    check_trained_tensors(plan.arms, model)
    check_precision(plan)
    check_template(plan)
    check_hub_models(plan)
    check_hub_data(plan)
    if task_names:
        check_task_names(plan)
    return [
        *target_lines(plan.arms, model),
        *length_lines(plan),
        *template_lines(plan),
        *reward_model_lines(plan),
        *padding_lines(plan),
    ]
