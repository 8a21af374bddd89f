"""vLLM and lm-eval read the ids of every family's template, and its models stop where their training ended."""

import json
import os
from pathlib import Path

import pytest
from family_conversations import ANSWERS, QUESTIONS, numbers_of, response_of
from family_facts import FAMILIES
from installed import needs_vllm
from warm_process import run_warm

pytestmark = [pytest.mark.slow, needs_vllm]

STARTED = ("llama-3.2-base", "qwen2.5-base", "gemma-3", "mistral", "phi-3", "gpt-neox")
"""One of each way to begin and to end; the others differ from these in their architecture."""
ALL = os.environ.get("LORR_BENCH_ALL_FAMILIES") == "1"

TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {questions}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{text}"
doc_to_target: "?"
generation_kwargs: {{until: ["never written"], max_gen_toks: 60, do_sample: false}}
metric_list: [{{metric: exact_match}}]
"""
TEXTS = {"family_chat": "{{question}}", "family_plain": "Question: {{question}}\\nAnswer:"}


@pytest.fixture(scope="session")  # in one process tests run family by family, through all files for each
def found(family_folder, taught_folder, tmp_path_factory):
    """What each family read, and those that are started answered, each in a process of its own."""
    root = tmp_path_factory.mktemp("engines")
    (root / "tasks").mkdir()
    questions = root / "questions.jsonl"
    questions.write_text("".join(json.dumps({"question": q}) + "\n" for q in QUESTIONS), "utf-8")
    for name, text in TEXTS.items():
        task = TASK.format(name=name, questions=questions, text=text)
        (root / "tasks" / f"{name}.yaml").write_text(task, "utf-8")
    started = [family for family in FAMILIES if ALL or family.name in STARTED]
    alone = [str(family_folder(family)) for family in FAMILIES if family not in started]
    program = Path(__file__).with_name("family_engines.py")
    answered = {}
    for words in (*([str(taught_folder(family)), "--"] for family in started), ["--", *alone]):
        done = run_warm(program, root / "found.json", *words, environment=os.environ, timeout=1800)
        assert done.returncode == 0, done.stderr[-4000:]
        answered |= json.loads((root / "found.json").read_text("utf-8"))
    return answered


@pytest.fixture
def answered(family, found):
    """What the engine of a family that is started read and answered."""
    if not ALL and family.name not in STARTED:
        pytest.skip("LORR_BENCH_ALL_FAMILIES=1 starts the engine on every family")
    return found[family.name]


@pytest.fixture
def prompts(family, tokenizer):
    """The numbers of each prompt, by transformers alone."""
    asked = [numbers_of(family, tokenizer, question, "5") for question in QUESTIONS]
    return [list(ids[:prompt]) for ids, prompt in asked]


def test_the_engine_reads_the_ids_of_the_template(family, found, prompts):
    """Also of a prompt that begins with the begin token itself."""
    assert found[family.name]["asked"] == prompts * (2 if family.adds_bos else 1)


def test_lm_eval_reads_the_ids_of_the_template(answered, prompts):
    assert sorted(answered["evaluated"]) == sorted(prompts)


def test_answers_stop_at_the_end_that_was_trained(family, answered):
    right = [response_of(family, answers[0]) for answers in ANSWERS]
    assert answered["answers"] == [[answer, family.end, False] for answer in right]


def test_lm_eval_stops_at_the_end_that_was_trained(family, answered):
    assert answered["evaluation"] == [response_of(family, answers[0]) for answers in ANSWERS]
