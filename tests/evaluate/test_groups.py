"""Groups of tasks of different sizes: what we report of them, beside lm-eval's own evaluation of the same."""

import functools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from lorr_bench.evaluate.general import evaluate_general
from lorr_bench.evaluate.harness import exchanged
from lorr_bench.stats import weighted_table
from lorr_bench.values import Stratum

SIZES = {"small": 3, "middle": 5, "large": 12}
TASK = """
task: {name}
custom_dataset: !function own.documents
dataset_kwargs: {{size: {size}, task: {name}}}
test_split: test
output_type: multiple_choice
doc_to_text: question
doc_to_choice: choices
doc_to_target: gold
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
"""
SPOKEN = """
task: spoken
custom_dataset: !function own.documents
dataset_kwargs: {size: 4, task: spoken}
test_split: test
output_type: generate_until
doc_to_text: question
doc_to_target: "{{choices[gold]}}"
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""
FILTERED = """
task: {name}
include: spoken.yaml
dataset_kwargs: {{size: {size}, task: {name}}}
filter_list:
  - {{name: refusal, filter: [{{function: regex, regex_pattern: "^(no)"}}, {{function: take_first}}]}}
  - {{name: whole, filter: [{{function: take_first}}]}}
"""
OWN = """
from datasets import Dataset


def documents(size, task, **_):
    rows = [
        {"question": f"{task} {n}", "choices": ["no", "indeed", "perhaps, in a way"], "gold": n % 3}
        for n in range(size)
    ]
    return {"test": Dataset.from_list(rows)}
"""
GROUPS = {
    "by_size": "task: [small, middle, large]\naggregate_metric_list: [{metric: acc, weight_by_size: true}]",
    "by_task": "task: [small, middle, large]\naggregate_metric_list: [{metric: acc, weight_by_size: false}]",
    "of_groups": "task: [inner, large]\naggregate_metric_list: [{metric: acc, weight_by_size: false}]",
    "inner": "task: [small, middle]\naggregate_metric_list: [{metric: acc, weight_by_size: true}]",
    "twice": "task: [inner, again]\naggregate_metric_list: [{metric: acc}]",
    "again": "task: [middle, large]",
    "normed": "task: [small, large]\naggregate_metric_list: [{metric: acc_norm, weight_by_size: false}]",
    "both": "task: [small, large]\naggregate_metric_list: [{metric: acc_norm}, {metric: acc}]",
    "bare": "task: [small, large]",
    "mixed": "task: [inner, spoken]",
    "filtered": "task: [brief, long]\naggregate_metric_list:\n"
    "  - {metric: exact_match, filter_list: whole, weight_by_size: false}",
}


class Dummy:
    """Engine and answers: right or wrong by the letters of the question, and often by the length of a choice."""

    def __init__(self):
        from lm_eval.api.model import LM

        class Model(LM):
            cut_prompts = set()  # noqa: RUF012 - one object only

            def loglikelihood(self, requests):
                return [(-float(hash_of(*request.args)), True) for request in requests]

            def generate_until(self, requests):
                return [("no", "indeed")[hash_of(request.args[0]) % 2] for request in requests]

            def loglikelihood_rolling(self, requests):
                raise NotImplementedError

        self.model = Model()


def hash_of(*texts):
    """A number that is the same in every process."""
    return sum((place + 1) * ord(letter) for place, letter in enumerate(" ".join(texts))) % 101


@pytest.fixture(scope="module")
def dummy():
    return Dummy().model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    texts = {name: TASK.format(name=name, size=size) for name, size in SIZES.items()} | {"spoken": SPOKEN}
    texts |= {name: FILTERED.format(name=name, size=size) for name, size in (("brief", 3), ("long", 7))}
    texts |= {name: f"group: {name}\n{text}\n" for name, text in GROUPS.items()}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    (folder / "own.py").write_text(OWN, "utf-8")
    return folder


@pytest.fixture(scope="module")
def theirs(folder, dummy):
    """What lm-eval finds of a group: its whole table of results."""
    from lm_eval import evaluator
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    with exchanged(evaluator, add_env_info=lambda results: None):  # a survey of the machine, of four seconds
        yield functools.cache(
            lambda name: evaluator.simple_evaluate(model=dummy, tasks=[name], task_manager=manager)["results"]
        )


@pytest.fixture
def ours(folder, dummy, monkeypatch, tmp_path):
    monkeypatch.setattr("lorr_bench.evaluate.general.harness_model", lambda llm, path: dummy)
    engine = SimpleNamespace(reset_prefix_cache=lambda: None)

    def evaluate(name, **options):
        options = {"include_path": folder, "trust_task_files": True, **options}
        return evaluate_general(engine, model_path=tmp_path, tasks=(name,), **options).scores

    return evaluate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("by_size", "acc"),
        ("by_task", "acc"),
        ("of_groups", "acc"),
        ("twice", "acc"),
        ("normed", "acc_norm"),
        ("both", "acc_norm"),
    ],
)
def test_a_group_has_the_score_that_lm_eval_gives_it(ours, theirs, name, metric):
    [score] = ours(name)
    assert (score.task, score.metric, score.aggregation) == (name, metric, "lm-eval")
    assert score.value == theirs(name)[name][f"{metric},none"]


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("by_size", None),
        ("by_task", [1 / 3, 1 / 3, 1 / 3]),
        ("of_groups", [1 / 3, 1 / 3, 1 / 3]),  # lm-eval sees through groups: each task counts
        ("twice", [3 / 25, 10 / 25, 12 / 25]),  # and a task as often as it is named
    ],
)
def test_questions_weigh_as_the_group_weighs_its_tasks(ours, theirs, name, weights):
    [score] = ours(name)
    expected = [Stratum(size, weight) for size, weight in zip(SIZES.values(), weights or (), strict=False)]
    assert score.strata == tuple(expected)
    found = theirs(name)
    means = [found[task]["acc,none"] for task in SIZES]
    shares = weights or [size / 20 for size in SIZES.values()]
    assert len(set(means)) > 1
    assert score.value == pytest.approx(sum(share * mean for share, mean in zip(shares, means, strict=True)))


@pytest.mark.parametrize("name", ["by_task", "of_groups", "normed"])
def test_the_uncertainty_by_question_is_lm_evals_where_tasks_count_alike(ours, theirs, name):
    [score] = ours(name)
    sizes, weights = [one.problems for one in score.strata], [one.weight for one in score.strata]
    cells = weighted_table(np.array([score.per_problem]), sizes, weights)[0]
    assert cells.mean() == pytest.approx(score.value)
    stderr = theirs(name)[name][f"{score.metric}_stderr,none"]
    assert stderr > 0
    assert math.sqrt(cells.var(ddof=1) / len(cells)) == pytest.approx(stderr)


@pytest.mark.slow
def test_a_list_counts_for_the_filters_that_it_names(ours, theirs):
    [own], [other] = ours("filtered"), ours("filtered", metric="exact_match,refusal")
    assert (own.filter, own.value) == ("whole", theirs("filtered")["filtered"]["exact_match,whole"])
    assert own.strata == (Stratum(3, 0.5), Stratum(7, 0.5))
    assert (other.filter, other.aggregation, other.strata) == ("refusal", "mean over questions", ())


def test_another_metric_than_the_groups_own_is_the_mean_over_questions(ours, theirs):
    [score] = ours("normed", metric="acc")
    found = theirs("normed")
    assert "acc,none" not in found["normed"]
    assert (score.metric, score.aggregation, score.strata) == ("acc", "mean over questions", ())
    assert score.value == pytest.approx(
        (3 * found["small"]["acc,none"] + 12 * found["large"]["acc,none"]) / 15
    )


def test_a_group_without_a_list_is_the_mean_over_questions(ours, theirs):
    [score] = ours("bare")
    assert theirs("bare")["bare"].keys() == {"alias", "name"}
    assert (score.task, score.metric, score.aggregation, score.n) == (
        "bare",
        "acc",
        "mean over questions",
        15,
    )
    assert score.value == pytest.approx(sum(score.per_problem) / 15)


@pytest.mark.slow
def test_a_group_whose_tasks_have_no_metric_in_common_has_the_scores_of_its_parts(ours, theirs):
    inner, spoken = ours("mixed")
    found = theirs("mixed")
    assert (inner.task, inner.members, inner.value) == (
        "inner",
        ("small", "middle"),
        found["inner"]["acc,none"],
    )
    assert (spoken.task, spoken.value) == ("spoken", found["spoken"]["exact_match,none"])
