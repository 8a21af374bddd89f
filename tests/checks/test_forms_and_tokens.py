"""What a plan says of chat templates, padding and reward models, and of adapters of every backend."""

import json
import shutil
from types import SimpleNamespace

import pytest

from lorr_bench.checks import tokens
from lorr_bench.checks.check_plan import check_plan
from lorr_bench.checks.lengths import check_prompt_lengths
from lorr_bench.checks.templates import template_lines
from lorr_bench.checks.tokens import padding_lines
from lorr_bench.checks.trained_tensors import check_trained_tensors, target_lines
from lorr_bench.data.nano.tokenizer import build
from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.identity.origins import NANO_MODEL
from lorr_bench.ports.registry import adapter_names, load_adapter
from lorr_bench.values import Prompt

ROW = {"prompt": "1 + 1", "chosen": "2", "rejected": "3"}
MATH = {"name": "easy", "source": "nano/easy", "limit": 10, "max_tokens": 32}
GENERAL = {"name": "general", "tasks": ["nano_compare"], "limit": 5}
LORA_ADAPTERS = [
    name for name in adapter_names() if "lora" in load_adapter(name).hyperparameters.model_fields
]


@pytest.fixture
def asked(plan_of, values, tmp_path):
    """What is said of a plan whose pairs and questions are, or are not, in the chat template."""

    def lines(collect=None, pairs=None, row=ROW, math=False, general=False, **prompt):
        data = {"collect": {**values["data"]["collect"], "chat_template": collect}}
        if collect is None:
            (tmp_path / "pairs.jsonl").write_text(f"{json.dumps(row)}\n" * 8, "utf-8")
            data = {"pairs": {"source": "pairs.jsonl", "chat_template": bool(pairs)}}
        asked = prompt or {"chat_template": math}
        evaluation = {
            "math": [{**MATH, **asked}],
            "general": [{**GENERAL, "apply_chat_template": general}],
        }
        budget = {"unique_pairs": [1]}
        return list(template_lines(plan_of(data=data, evaluation=evaluation, budget=budget)))

    return lines


@pytest.mark.parametrize("inside", [True, False])
def test_pairs_and_questions_of_one_form_are_not_warned_of(asked, inside):
    assert asked(collect=inside, math=inside, general=inside) == []
    assert asked(pairs=inside, math=inside, general=inside) == []


def test_bare_answers_are_warned_of_where_math_asks_in_the_template(asked):
    (line,) = asked(collect=False, math=True)
    assert line.startswith("Chat template: easy asks in it, the pairs are written without it (data.collect)")
    assert line.endswith("`data.collect.chat_template: true` trains in it, too.")


def test_bare_pairs_are_warned_of_where_lm_eval_asks_in_the_template(asked):
    (line,) = asked(pairs=False, general=True)
    assert line.startswith("Chat template: general asks in it, the pairs are written without it (data.pairs)")


def test_pairs_in_the_template_are_warned_of_where_questions_are_bare(asked):
    (line,) = asked(pairs=True, math=True, general=False)
    assert line.startswith("Chat template: the pairs are written in it (data.pairs), general asks without it")
    assert line.endswith("`apply_chat_template: true` (lm-eval) asks in it, too.")
    (line,) = asked(pairs=True, math=False, general=True)
    assert line.endswith("`prompt: chat` asks in it, too.")


def test_a_prompt_that_writes_turns_itself_asks_in_the_template(asked):
    assert asked(collect=True, general=True, prompt="qwen-math-cot") == []


def test_nothing_is_said_of_rows_that_may_be_conversations(asked):
    turns = [{"role": "user", "content": "1 + 1"}]
    assert asked(row={**ROW, "prompt": turns}, math=True) == []


@pytest.fixture
def folder(tmp_path):
    """Copies the embedded model, with some keys of its JSON files changed; None takes one away."""

    def copy(**files):
        folder = tmp_path / "model"
        shutil.copytree(NANO_MODEL, folder)
        for name, changes in files.items():
            file = folder / f"{name}.json"
            found = {**json.loads(file.read_text("utf-8")), **changes}
            file.write_text(json.dumps({k: v for k, v in found.items() if v is not None}), "utf-8")
        return str(folder)

    return copy


def test_what_pads_is_said_where_the_tokenizer_has_no_padding_token(plan_of, folder):
    (line,) = check_plan(plan_of(model=folder(tokenizer_config={"pad_token": None})))
    assert line.startswith("Padding: the tokenizer has no padding token. Every method pads with its")
    assert "end-of-sequence token, <eos>; " in line


def test_a_class_that_may_pad_by_itself_is_asked(plan_of, folder, monkeypatch):
    model = folder(tokenizer_config={"pad_token": None, "tokenizer_class": "OtherTokenizer"})
    own = SimpleNamespace(pad_token="<own>")
    monkeypatch.setattr(tokens, "bare_tokenizer", lambda _: own)
    assert list(padding_lines(plan_of(model=model))) == []
    own.pad_token = None
    assert len(list(padding_lines(plan_of(model=model)))) == 1


@pytest.fixture
def judged(plan_of, values, folder):
    """What is said of a plan with a reward model, a copy of the embedded one as far as files go."""

    def lines(batch_size=8, tokenizer_config=None, **config):
        config = {"architectures": ["LlamaForSequenceClassification"], "id2label": {"0": "good"}, **config}
        judge = folder(config=config, tokenizer_config=tokenizer_config or {})
        spec = {"reward_model": {"path": judge, "batch_size": batch_size}, "pair_rule": "best_worst"}
        return check_plan(plan_of(data={"collect": {**values["data"]["collect"], **spec}}))

    return lines


def test_a_reward_model_with_a_padding_token_is_not_warned_of(judged):
    assert judged() == []


def test_answers_that_are_scored_one_by_one_are_told(judged):
    (line,) = judged(tokenizer_config={"pad_token": None}, pad_token_id=None)
    assert "answers are scored one by one, not 8 at a time" in line


def test_a_batch_of_one_needs_no_padding_token(judged):
    assert judged(1, tokenizer_config={"pad_token": None}, pad_token_id=None) == []


@pytest.mark.parametrize("labels", [{"id2label": {"0": "bad", "1": "good"}}, {"id2label": None}])
def test_a_reward_model_of_two_labels_is_refused(judged, labels):
    with pytest.raises(ModelError, match="gives 2 numbers for an answer") as refused:
        judged(**labels)
    assert refused.value.where == "data.collect.reward_model.path"


def test_as_many_prompts_as_pairs_must_leave_room(plan_of):
    """Eight words of the embedded tokenizer are eight tokens; the largest budget is 16 pairs."""
    methods = {"dpo": {"per_device_train_batch_size": 4, "max_length": 9}}
    plan = plan_of(methods=methods)
    length = len(build()("two two two two two two two two")["input_ids"])
    assert length == 8
    short = [Prompt(str(n), "two " * 7 + "two", "4") for n in range(16)]
    long = [Prompt(f"long {n}", "two " * 8 + "two", "4") for n in range(3)]
    check_prompt_lengths(plan, [*short, *long])
    with pytest.raises(DataError, match=r"15 of 18 prompts leave room .* max_length = 9 tokens") as refused:
        check_prompt_lengths(plan, [*short[1:], *long])
    assert "the longest prompt has 9" in refused.value.fix


def lora_plan(plan_of, name, *targets):
    lora = {"r": 4, "target_modules": list(targets)}
    settings = {"adapter": name, "per_device_train_batch_size": 4, "lora": lora}
    lorr = {"type": "lorr", "sft": "off"}
    budget = {"unique_pairs": [8], "equal": "prompts"}  # an online method answers anew in each replay
    return plan_of(methods={"one": settings}, plugins={"plain": {}, "reset": lorr}, budget=budget)


@pytest.mark.parametrize("name", LORA_ADAPTERS)
def test_every_backend_tells_where_its_adapter_sits(plan_of, name):
    model = read_model_size(str(NANO_MODEL))
    check_trained_tensors(lora_plan(plan_of, name, "o_proj").arms, model)
    with pytest.raises(SuiteError, match="none of the layers of the adapter, which sits on q_proj, v_proj"):
        check_trained_tensors(lora_plan(plan_of, name, "q_proj", "v_proj").arms, model)


def test_one_target_of_several_that_matches_nothing_is_warned_of(plan_of):
    model = read_model_size(str(NANO_MODEL))
    (line,) = target_lines(lora_plan(plan_of, "trl.dpo", "o_proj", "v_prj").arms, model)
    assert line.startswith("LoRA: no layer of the model is called v_prj (target_modules of one)")
    assert list(target_lines(lora_plan(plan_of, "trl.dpo", "o_proj").arms, model)) == []
    assert list(target_lines(lora_plan(plan_of, "trl.dpo", "v_prj").arms, None)) == []
