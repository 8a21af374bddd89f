"""Code that comes with a model, a data set or a task file runs only where the suite says so in so many words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lorr_bench_adapters.loading import load_model

from lorr_bench.data.tokens import load_tokenizer
from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.evaluate.general import GeneralResult, evaluate_general
from lorr_bench.plan.identity.task_files import check_task_files
from lorr_bench.plan.plan import make_plan
from lorr_bench.ports.trainer import StartModel
from lorr_bench.spec.load import load_suite

SMOKE = Path(__file__).parents[2] / "suites" / "smoke.yaml"


def program(mark: Path) -> str:
    """Python that leaves a mark as soon as it is imported."""
    return f"from pathlib import Path\nPath({str(mark)!r}).touch()\n"


# --- models ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["model", "data.collect.reward_model", "evaluation.general.0"])
def test_the_word_is_false_by_default_and_no_other_word_stands_for_it(place: str) -> None:
    reward = "data.collect.reward_model={path: nano}"
    rule = "data.collect.pair_rule=best_worst"
    suite = load_suite(SMOKE, [reward, rule]).suite
    for part in place.split("."):
        suite = suite[int(part)] if part.isdigit() else getattr(suite, part)
    assert suite.trust_remote_code is False
    with pytest.raises(SuiteError, match="trust_remote_code"):
        load_suite(SMOKE, [reward, rule, f"{place}.trust_remote_code=please"])


def model_with_code(small_model: Path, folder: Path, mark: Path) -> Path:
    """A model folder whose configuration and tokenizer name classes in a Python file beside them."""
    shutil.copytree(small_model, folder)
    (folder / "evil.py").write_text(program(mark), "utf-8")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {"model_type": "evil", "architectures": ["Evil"]}
    config["auto_map"] = {"AutoConfig": "evil.EvilConfig", "AutoModelForCausalLM": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    tokenizer |= {
        "tokenizer_class": "EvilTokenizer",
        "auto_map": {"AutoTokenizer": ["evil.EvilTokenizer", None]},
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), "utf-8")
    return folder


def start(folder: Path, *, trusted: bool) -> StartModel:
    return StartModel(str(folder), None, "float32", trust_remote_code=trusted)


def test_code_beside_a_model_does_not_run(small_model: Path, tmp_path: Path, mark: Path) -> None:
    folder = model_with_code(small_model, tmp_path / "model", mark)
    with pytest.raises(ModelError, match="trust_remote_code"):
        load_model(start(folder, trusted=False))
    with pytest.raises(ModelError, match="trust_remote_code"):
        load_tokenizer(start(folder, trusted=False))
    assert not mark.exists()


def test_code_beside_a_model_runs_where_the_suite_says_so(
    small_model: Path, tmp_path: Path, mark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    folder = model_with_code(small_model, tmp_path / "model", mark)
    with pytest.raises((AttributeError, ModelError)):  # there is no such class in it
        load_model(start(folder, trusted=True))
    assert mark.exists()


# --- task files -----------------------------------------------------------------------------------------

DATA_TASK = """
task: mine
dataset_path: json
dataset_kwargs: {data_files: {test: ROWS}, cache_dir: CACHE}
test_split: test
output_type: multiple_choice
doc_to_text: "TEXT"
doc_to_choice: [" yes", " no"]
doc_to_target: 0
metric_list:
  - {metric: METRIC, aggregation: mean, higher_is_better: true}
metadata: {version: 1.0}
"""
ESCAPE = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
CODE = {
    "a function": "task: mine\nprocess_docs: !function evil.run\n",
    "a class": "task: mine\nclass: evil.Task\n",
    "an object": "task: mine\nmetadata: !!python/object/apply:os.system ['touch it']\n",
    "prompts": "task: mine\nuse_prompt: evil.yaml:all\n",
    "a file from elsewhere": "task: mine\ninclude: ../evil.yaml\n",
    "a file from elsewhere, by its whole path": "task: mine\ninclude: /evil.yaml\n",
    "consent to run answers": "task: mine\nunsafe_code: true\n",
    "a class in a group": "group: mine\ntask:\n  - {task: other, class: evil.Task}\n",
    "an alias": "task: &name mine\nalias: *name\n",
}


@pytest.fixture
def tasks(tmp_path: Path, mark: Path) -> Any:
    """Write one task file into a folder, with a program beside it."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "evil.py").write_text(program(mark) + "def run(documents):\n    return documents\n", "utf-8")
    (tmp_path / "rows.jsonl").write_text('{"question": "Is 2 + 2 = 4?"}\n' * 3, "utf-8")

    def write(text: str) -> Path:
        (folder / "mine.yaml").write_text(text, "utf-8")
        return folder

    return write


def data_task(tmp_path: Path, text: str = "{{question}}", metric: str = "acc") -> str:
    names = {
        "ROWS": str(tmp_path / "rows.jsonl"),
        "CACHE": str(tmp_path / "cache"),
        "TEXT": text,
        "METRIC": metric,
    }
    task = DATA_TASK
    for name, value in names.items():
        task = task.replace(name, value)
    return task


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_a_plan_refuses_task_files_that_hold_more_than_data(
    text: str, tasks: Any, mark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # from which lm-eval opens a file of prompts
    (tmp_path / "evil.yaml").touch()
    general = f"evaluation.general=[{{tasks: [mine], include_path: {tasks(text)}}}]"
    with pytest.raises(DataError, match="more than data") as caught:
        make_plan(load_suite(SMOKE, [general]))
    assert "trust_remote_code: true" in caught.value.fix
    assert not mark.exists()
    trusted = load_suite(SMOKE, [general, "evaluation.general.0.trust_remote_code=true"])
    stages = make_plan(trusted).stages
    assert any(stage.setting.trust_task_files for stage in stages if stage.kind == "evaluate_general")


def test_an_included_file_is_looked_at_too(tasks: Any) -> None:
    folder = tasks("task: mine\ninclude: [plain_yaml, worse_yaml]\n")
    (folder / "plain_yaml").write_text("output_type: generate_until\n", "utf-8")
    (folder / "worse_yaml").write_text("process_docs: !function evil.run\n", "utf-8")
    with pytest.raises(DataError, match=r"!function` is a tag") as caught:
        check_task_files(folder)
    assert caught.value.where == f"{folder / 'worse_yaml'}:1"


def test_a_task_file_nested_without_end_is_refused_as_a_suite_is(tasks: Any) -> None:
    with pytest.raises(DataError, match="more than data: nested deeper than 32 levels"):
        check_task_files(tasks("[" * 1_001))


@pytest.mark.parametrize(
    ("data", "what"), [(b"task: \xff\xfe", "can't be read"), (b"#" * (1 << 20) + b"\n#", "larger than 1 MiB")]
)
def test_a_task_file_that_can_not_be_read_is_refused(data: bytes, what: str, tasks: Any) -> None:
    folder = tasks("task: mine\n")
    (folder / "mine.yaml").write_bytes(data)
    with pytest.raises(DataError, match=what):
        check_task_files(folder)


def test_an_included_file_must_be_there(tasks: Any) -> None:
    with pytest.raises(DataError, match="can't be read"):
        check_task_files(tasks("task: mine\ninclude: gone_yaml\n"))


def test_files_that_include_each_other_come_to_an_end(tasks: Any) -> None:
    folder = tasks("task: mine\ninclude: other_yaml\n")
    (folder / "other_yaml").write_text("include: mine.yaml\n", "utf-8")
    check_task_files(folder)


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """``evaluate_general`` with a model that always says yes."""
    from lm_eval.api.model import LM

    class Yes(LM):
        cut_prompts: set[tuple[int, ...]] = set()  # noqa: RUF012 - one object only

        def loglikelihood(self, requests: Any) -> Any:
            return [(float(request.args[1] == " yes"), True) for request in requests]

        def generate_until(self, requests: Any) -> Any:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: Any) -> Any:
            raise NotImplementedError

    monkeypatch.setattr("lorr_bench.evaluate.general.harness_model", lambda *_: Yes())
    engine = SimpleNamespace(reset_prefix_cache=lambda: None)

    def run(folder: Path, *, trusted: bool = False) -> GeneralResult:
        return evaluate_general(
            engine,  # type: ignore[arg-type]
            model_path=tmp_path / "model",
            tasks=["mine"],
            include_path=folder,
            trust_task_files=trusted,
        )

    return run


def test_a_task_of_data_alone_needs_no_trust(tasks: Any, tmp_path: Path, evaluate: Any) -> None:
    (score,) = evaluate(tasks(data_task(tmp_path))).scores
    assert (score.value, score.n) == (1.0, 3)


def test_a_function_beside_a_task_file_does_not_run(
    tasks: Any, tmp_path: Path, mark: Path, evaluate: Any
) -> None:
    folder = tasks(data_task(tmp_path) + "process_docs: !function evil.run\n")
    with pytest.raises(DataError, match="more than data"):
        evaluate(folder)
    assert not mark.exists()
    assert evaluate(folder, trusted=True).scores[0].n == 3
    assert mark.exists()


@pytest.mark.slow
def test_a_template_does_not_leave_its_sandbox(tasks: Any, tmp_path: Path, evaluate: Any) -> None:
    folder = tasks(data_task(tmp_path, text=ESCAPE))
    with pytest.raises(DataError, match="unsafe"):
        evaluate(folder)
    assert evaluate(folder, trusted=True).scores[0].n == 3  # so that is what the sandbox is for


def test_a_template_that_leaves_its_sandbox_late_is_stopped_too(
    tasks: Any, tmp_path: Path, evaluate: Any
) -> None:
    late = "{% if question == 'last' %}{{ ''.__class__.__mro__ }}{% endif %}"
    folder = tasks(data_task(tmp_path, text=late))
    with (tmp_path / "rows.jsonl").open("a", encoding="utf-8") as rows:
        rows.write('{"question": "last"}\n')
    with pytest.raises(DataError, match="a template reaches for more than its document"):
        evaluate(folder)


def test_a_metric_of_the_hub_is_a_program(
    tasks: Any, tmp_path: Path, mark: Path, evaluate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metric").mkdir()
    (tmp_path / "metric" / "metric.py").write_text(program(mark), "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"no metric './metric' of its own"):
        evaluate(tasks(data_task(tmp_path, metric="./metric")))
    assert not mark.exists()
