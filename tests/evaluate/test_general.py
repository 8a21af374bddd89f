from __future__ import annotations

import importlib.metadata
import json
import logging
import random
import socket
import sys
import weakref
from pathlib import Path
from types import ModuleType, SimpleNamespace

import lm_eval.tasks
import numpy as np
import pytest
import torch

from lorr_bench.data.nano import general
from lorr_bench.errors import DataError, MissingPackageError, StageError
from lorr_bench.evaluate import harness, scores
from lorr_bench.evaluate.general import evaluate_general

NANO = ("nano_compare", "nano_true_false", "nano_order")


class Engine:
    """Stands for a running vLLM engine."""

    def __init__(self):
        self.resets = 0

    def reset_prefix_cache(self):
        self.resets += 1


def right_answers() -> dict[str, str]:
    answers = {}
    for family in general.FAMILIES:
        for _, question in zip(range(400), general.questions(family, "test", 0), strict=False):
            answers[question.text] = question.answer
    return answers


@pytest.fixture(scope="module")
def scholar():
    """An lm-eval model that knows every answer, but is wrong on every fourth question it sees first."""
    from lm_eval.api.model import LM

    class Scholar(LM):
        answers = right_answers()
        cut_prompts: set[tuple[int, ...]] = set()  # noqa: RUF012 - one object only
        seen: list[str] = []  # noqa: RUF012 - one object only

        def _wrong(self, question):
            return list(self.answers).index(question.rsplit("\n\n", 1)[-1]) % 4 == 0

        def loglikelihood(self, requests):
            self.seen += [request.args[0] for request in requests]
            return [(self._score(*request.args), True) for request in requests]

        def _score(self, prompt, answer):
            is_right = self.answers[prompt.rsplit("\n\n", 1)[-1]] == answer
            return float(is_right != self._wrong(prompt))

        def generate_until(self, requests):
            return [
                " no" if self._wrong(question) else self.answers[question].removesuffix(".")
                for question, _ in (request.args for request in requests)
            ]

        def loglikelihood_rolling(self, requests):
            raise NotImplementedError

    return Scholar()


@pytest.fixture
def evaluate(scholar, monkeypatch, tmp_path):
    """``evaluate_general`` with the scholar for an engine, and without network."""

    def no_network(*_args, **_options):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr("lorr_bench.evaluate.general.harness_model", lambda llm, path: scholar)

    def evaluate(*tasks, llm=None, **options):
        options = {"trust_task_files": True, **options}  # tests/security has those that are not trusted
        return evaluate_general(llm or Engine(), model_path=tmp_path / "model", tasks=tasks, **options)

    return evaluate


@pytest.fixture
def folder(tmp_path):
    """A folder with local task files; ``write`` adds one."""
    (tmp_path / "tasks").mkdir()

    def write(name, text):
        (tmp_path / "tasks" / f"{name}.yaml").write_text(text)
        return tmp_path / "tasks"

    return write


@pytest.mark.slow
def test_a_group_of_tasks_with_different_metrics_gives_a_score_for_each(evaluate):
    result = evaluate("nano_general")
    assert result.members == {"nano_general": NANO}
    assert [(s.task, s.members, s.metric, s.filter, s.version, s.n) for s in result.scores] == [
        ("nano_compare", ("nano_compare",), "acc", "none", "1.0", 400),
        ("nano_true_false", ("nano_true_false",), "acc", "none", "1.0", 400),
        ("nano_order", ("nano_order",), "exact_match", "none", "1.0", 400),
    ]
    for score in result.scores:
        assert (score.value, score.aggregation) == (0.75, "lm-eval")
        assert score.per_problem == (0.0, 1.0, 1.0, 1.0) * 100
        assert score.all_metrics == {f"{score.metric},none": 0.75}


GROUP = """
group: choices
task: [nano_true_false, nano_compare]
metadata: {version: 7}
"""
AGGREGATED = """
aggregate_metric_list:
  - {metric: acc, weight_by_size: true}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "aggregation", "all_metrics"),
    [
        (GROUP, "mean over questions", {}),
        (GROUP + AGGREGATED, "lm-eval", {"acc,none": 0.6}),
    ],
)
def test_a_group_whose_tasks_share_the_metric_gives_one_score(
    evaluate, folder, text, aggregation, all_metrics
):
    result = evaluate("choices", include_path=folder("choices", text), limit=5)
    (score,) = result.scores
    assert (score.task, score.members) == ("choices", ("nano_true_false", "nano_compare"))
    # Every fourth question is answered wrong, from the first on: 2 of 5.
    assert score.per_problem == (0.0, 1.0, 1.0, 1.0, 0.0) * 2
    assert score.value == pytest.approx(0.6)
    assert (score.aggregation, score.version) == (aggregation, "7")
    assert score.all_metrics == pytest.approx(all_metrics)
    assert [identifier for identifier, _ in score.questions[4:6]] == ["nano_true_false/4", "nano_compare/0"]


def test_the_records_have_lm_evals_shape(evaluate, tmp_path):
    result = evaluate("nano_order", limit=3)
    assert json.loads(json.dumps([result.results, result.samples])) == [result.results, result.samples]
    assert result.results["results"]["nano_order"]["exact_match,none"] == pytest.approx(2 / 3)
    assert result.results["config"]["model"] == "vllm"
    assert result.results["config"]["model_args"] == {"pretrained": str(tmp_path / "model")}
    assert {"configs", "versions", "n-shot", "n-samples", "task_hashes", "lm_eval_version"} <= set(
        result.results
    )
    rows = result.samples["nano_order"]
    assert [row["doc_id"] for row in rows] == [0, 1, 2]
    assert rows[0]["arguments"]["gen_args_0"]["arg_0"] == rows[0]["doc"]["question"]
    assert rows[1]["resps"] == [[rows[1]["target"]]]


def test_the_prompt_is_the_question_as_it_is(evaluate, scholar):
    scholar.seen.clear()
    evaluate("nano_compare", limit=2)
    first = next(general.questions("nano_compare", "test", 0))
    assert scholar.seen == [first.text, first.text, *scholar.seen[2:]]


@pytest.mark.slow
def test_a_second_evaluation_gives_the_same_and_loads_nothing(evaluate, monkeypatch):
    first = evaluate("nano_compare", "nano_order", limit=20)
    monkeypatch.setattr(harness, "_load", None)
    again = evaluate("nano_compare", "nano_order", limit=20)
    assert again.scores == first.scores
    assert again.samples == first.samples


def test_the_engines_prefix_cache_is_emptied(evaluate):
    engine = Engine()
    evaluate("nano_order", limit=1, llm=engine)
    assert engine.resets == 1


def test_random_states_are_left_as_they_were(evaluate):
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    expected = random.random(), np.random.random(), torch.rand(1).item()
    random.seed(5), np.random.seed(5), torch.manual_seed(5)
    evaluate("nano_order", limit=1)
    assert (random.random(), np.random.random(), torch.rand(1).item()) == expected


def test_no_progress_bars(evaluate, capsys):
    evaluate("nano_order", limit=1)
    assert "it/s" not in capsys.readouterr().err


OWN_TASK = """
task: own_compare
custom_dataset: !function own.documents
dataset_kwargs: {family: nano_compare}
test_split: test
fewshot_split: test
output_type: multiple_choice
doc_to_text: question
doc_to_choice: choices
doc_to_target: gold
target_delimiter: ""
metric_list:
  - {metric: acc, aggregation: mean, higher_is_better: true}
  - {metric: f1, aggregation: f1, higher_is_better: true}
"""


@pytest.fixture
def own_folder(folder):
    path = folder("own_compare", OWN_TASK)
    (path / "own.py").write_text("from lorr_bench.data.nano.tasks.nano_documents import documents\n")
    return path


def test_own_tasks_and_few_shot_examples(evaluate, own_folder, scholar):
    scholar.seen.clear()
    options = {"include_path": own_folder, "num_fewshot": 2, "limit": 4}
    result = evaluate("own_compare", **options, seed=1)
    score = result.scores[0]
    prompts = list(scholar.seen)
    assert score.value == 0.75
    assert result.results["results"]["own_compare"]["f1_stderr,none"] == "N/A"
    assert set(score.all_metrics) == {"acc,none", "f1,none"}
    assert all(prompt.count("Which is") == 3 for prompt in prompts)
    scholar.seen.clear()
    evaluate("own_compare", **options, seed=2)
    assert scholar.seen != prompts
    scholar.seen.clear()
    evaluate("own_compare", **options, seed=1)
    assert scholar.seen == prompts


def test_the_first_metric_with_a_number_for_each_question_is_reported(evaluate, folder, own_folder):
    metrics = OWN_TASK.split("metric_list:\n")[1].strip("\n").split("\n")
    text = OWN_TASK.replace("own_compare", "own_f1").replace("\n".join(metrics), "\n".join(metrics[::-1]))
    folder("own_f1", text)
    assert evaluate("own_f1", include_path=own_folder, limit=4).scores[0].metric == "acc"


def test_a_task_without_such_a_metric_is_an_error(evaluate, folder, own_folder):
    metrics = OWN_TASK.split("metric_list:\n")[1].strip("\n").split("\n")
    folder("own_f1", OWN_TASK.replace("own_compare", "own_f1").replace(metrics[0] + "\n", ""))
    with pytest.raises(StageError, match="own_f1: no metric has a number"):
        evaluate("own_f1", include_path=own_folder, limit=4)


@pytest.mark.slow
def test_the_metric_is_chosen_by_name(evaluate, folder):
    text = OWN_TASK.replace("  - {metric: f1, aggregation: f1", "  - {metric: acc_norm, aggregation: mean")
    path = folder("own_norm", text.replace("own_compare", "own_norm"))
    (path / "own.py").write_text("from lorr_bench.data.nano.tasks.nano_documents import documents\n")
    for metric in ("acc", "acc_norm", "acc_norm,none"):
        (score,) = evaluate("own_norm", include_path=path, limit=4, metric=metric).scores
        assert (score.metric, score.filter) == (metric.removesuffix(",none"), "none")


FILTERS = """
include: {include}
task: own_order
filter_list:
  - name: mute
    filter: [{{function: regex, regex_pattern: "(no such text)"}}, {{function: take_first}}]
  - name: plain
    filter: [{{function: take_first}}]
"""


def test_the_filter_is_chosen_with_the_metric(evaluate, folder):
    path = folder("own_order", FILTERS.format(include=harness.NANO_TASKS / "nano_order.yaml"))
    options = {"include_path": path, "limit": 4}
    assert [(s.filter, s.value) for s in evaluate("own_order", **options).scores] == [("mute", 0.0)]
    for metric, filter_name, value in [
        ("exact_match", "mute", 0.0),
        ("exact_match,plain", "plain", 0.75),
    ]:
        (score,) = evaluate("own_order", metric=metric, **options).scores
        assert (score.metric, score.filter, score.value) == ("exact_match", filter_name, value)


@pytest.mark.parametrize("metric", ["acc_norm", "acc,strict", "acc_stderr,none"])
def test_an_unknown_metric_is_refused_before_anything_is_asked(evaluate, scholar, metric):
    scholar.seen.clear()
    with pytest.raises(
        DataError, match=f"nano_compare: the task has no metric '{metric}'\n  it has acc,none"
    ):
        evaluate("nano_compare", metric=metric)
    assert scholar.seen == []


@pytest.mark.slow
def test_a_metric_that_one_task_of_a_group_lacks_is_an_error(evaluate):
    with pytest.raises(DataError, match="nano_order: the task has no metric 'acc'"):
        evaluate("nano_general", metric="acc", limit=1)


def test_a_metric_without_a_number_for_each_question_is_an_error(evaluate, own_folder):
    with pytest.raises(StageError, match="own_compare: f1 has no number for each question"):
        evaluate("own_compare", include_path=own_folder, metric="f1", limit=4)


def test_the_questions_are_kept_without_examples(evaluate, own_folder):
    (score,) = evaluate("own_compare", include_path=own_folder, num_fewshot=2, limit=2).scores
    asked = [
        question.text
        for _, question in zip(range(2), general.questions("nano_compare", "test", 0), strict=False)
    ]
    assert score.questions == (("own_compare/0", asked[0]), ("own_compare/1", asked[1]))


class Document:
    """An lm-eval task that says how it would look for contamination."""

    def __init__(self, column, text):
        self.config = SimpleNamespace(doc_to_decontamination_query=column)
        self.doc_to_text = lambda document: text
        self.doc_to_choice = lambda document: ["first", "second"]


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (Document("sentence", 0), "The sentence."),
        (Document("Question: {{sentence}}", "The prompt."), "The prompt."),
        (Document(None, 1), "first second"),
    ],
)
def test_the_text_of_a_question(task, expected):
    assert scores.question_text(task, {"sentence": "The sentence."}) == expected


def test_a_missing_package_is_named_with_its_command(evaluate, monkeypatch):
    monkeypatch.setattr("lorr_bench.evaluate.general.packages_needed", lambda tasks: ("nltk>=3.9.1",))
    with pytest.raises(MissingPackageError, match=r"ifeval needs nltk>=3.9.1\n.*pip install 'nltk>=3.9.1'"):
        evaluate("ifeval")


def test_cut_prompts_are_counted_anew_each_time(evaluate, scholar):
    scholar.cut_prompts.add((1, 2))
    assert evaluate("nano_order", limit=1).cut_prompts == 0


def test_an_unknown_task_gets_near_names(evaluate, folder, monkeypatch):
    real = lm_eval.tasks.TaskManager

    def without_its_own(include_path, include_defaults):  # which take seconds to index
        return real(include_path=include_path, include_defaults=False)

    monkeypatch.setattr(lm_eval.tasks, "TaskManager", without_its_own)
    path = folder("own_compare", OWN_TASK)
    with pytest.raises(DataError, match=r"no task 'nano_compar'\n  did you mean nano_compare"):
        evaluate("nano_order", "nano_compar", include_path=path)
    with pytest.raises(DataError, match="lm_eval ls tasks"):
        evaluate("qqqq", include_path=path)


def test_lm_evals_own_index_is_read_only_for_tasks_of_its_own(folder, monkeypatch):
    real, asked = lm_eval.tasks.TaskManager, []

    class OwnTasks:
        task_index = {"arc_challenge": 1}  # noqa: RUF012

        def load(self, names):
            return {"tasks": dict.fromkeys(names, "a task"), "groups": {}}

    def manager(include_path, include_defaults):
        asked.append(include_defaults)
        return OwnTasks() if include_defaults else real(include_path=include_path, include_defaults=False)

    monkeypatch.setattr(lm_eval.tasks, "TaskManager", manager)
    path = folder("own_compare", OWN_TASK)
    harness.load_tasks(("nano_order",), path, None)
    assert asked == [False]
    assert harness.load_tasks(("arc_challenge",), path, None).by_name == {"arc_challenge": "a task"}
    assert asked == [False, True]  # the first index is kept


def test_no_task_named_is_an_error(evaluate):
    with pytest.raises(DataError, match="no task is named"):
        evaluate()


@pytest.mark.slow
def test_a_task_asked_for_twice_is_an_error(evaluate):
    with pytest.raises(DataError, match="nano_order: asked for twice: nano_order"):
        evaluate("nano_general", "nano_order")


def test_a_missing_include_path_is_an_error(evaluate, tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        evaluate("nano_order", include_path=tmp_path / "nowhere")


def test_a_task_that_cannot_be_loaded_says_why(evaluate, folder):
    path = folder("broken", OWN_TASK.replace("own_compare", "broken"))
    with pytest.raises(DataError, match="lm-eval task broken: the task cannot be loaded: ImportError"):
        evaluate("broken", include_path=path)


def exchange_and_fail(module):
    with harness.exchanged(module, name=2):
        raise KeyError(module.name)


def test_exchanged_names_are_put_back_after_an_error():
    module = ModuleType("a_module")
    module.name = 1
    with pytest.raises(KeyError, match="2"):
        exchange_and_fail(module)
    assert module.name == 1


@pytest.fixture
def vllm_module(monkeypatch):
    """lm-eval's module as far as it is used: its class builds an engine and asks for vLLM's version."""
    module = ModuleType("lm_eval.models.vllm_causallms")
    module.LLM = module.version = "untouched"
    module.eval_logger = logging.getLogger("a logger that is heard")
    module.cuts = []

    class VLLM:
        max_length = 10

        def __init__(self, **options):
            self.options = options
            self.model = module.LLM(model="x", dtype="y")
            self.version = module.version("vllm")
            self.other = module.version("numpy")

        def loglikelihood(self, requests):
            return self._loglikelihood_tokens(requests, disable_tqdm=False)

        def _loglikelihood_tokens(self, requests, disable_tqdm):
            module.eval_logger.warning("Truncating context.")
            return [(0.0, disable_tqdm)] * len(requests)

        def generate_until(self, requests, disable_tqdm):
            for tokens, count in requests:
                module.maybe_truncate(tokens, max_gen_toks=count, max_model_len=10, side="left", verbose=True)
            return [""] * len(requests)

    module.VLLM = VLLM
    module.maybe_truncate = lambda tokens, **options: module.cuts.append((tokens, options))
    package = ModuleType("vllm")
    package.__version__ = "0.32.0"
    monkeypatch.setitem(sys.modules, "vllm", package)
    monkeypatch.setitem(sys.modules, "lm_eval.models.vllm_causallms", module)
    return module


def test_the_harness_gets_the_running_engine_and_its_version(vllm_module, tmp_path):
    engine, usual = Engine(), importlib.metadata.version
    model = harness.harness_model(engine, tmp_path)
    assert harness.harness_model(engine, tmp_path) is model
    assert (model.version, model.other) == ("0.32.0", np.__version__)
    assert model.options["pretrained"] == str(tmp_path)
    model.model.reset_prefix_cache()
    assert engine.resets == 1
    assert vllm_module.LLM == vllm_module.version == "untouched"
    assert importlib.metadata.version is usual
    gone = weakref.ref(engine)
    del engine
    assert gone() is None


@pytest.fixture
def model(vllm_module, tmp_path):
    engine = Engine()
    yield harness.harness_model(engine, tmp_path)
    assert engine.resets == 0


def test_scored_prompts_that_are_cut_are_noted_once_and_without_a_warning(model, caplog):
    long, full = list(range(8)), list(range(7))  # 8 + 2 tokens and one to generate do not fit into 10
    answers = model.loglikelihood([("", long, [1, 2]), ("", long, [3, 4]), ("", full, [1, 2])])
    assert answers == [(0.0, False)] * 3
    assert model.cut_prompts == {tuple(long)}
    assert caplog.records == []


def test_generating_prompts_that_are_cut_are_noted(model, vllm_module):
    assert model.generate_until([([1, 2, 3], 8), ([1, 2], 8)]) == ["", ""]
    assert model.cut_prompts == {(1, 2, 3)}
    assert [options["verbose"] for _, options in vllm_module.cuts] == [False, False]


def test_an_answer_that_fills_the_context_is_an_error(model):
    with pytest.raises(StageError, match="an answer may need 10 tokens, the context has 10"):
        model.generate_until([([1], 10)])
    with pytest.raises(StageError, match="leave the task out"):
        model.loglikelihood([("", [1], [2] * 9)])


def test_task_files_name_their_version():
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: node.value)
    files = sorted(Path(harness.NANO_TASKS).glob("*.yaml"))
    assert {file.stem for file in files} == {*NANO, "nano_general"}
    for file in files:
        assert yaml.load(file.read_text(), Loader)["metadata"]["version"] == 1.0
