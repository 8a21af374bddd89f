"""What is refused, or warned of, before a run begins."""

import json
import os
import shutil
import struct
from contextlib import nullcontext
from types import SimpleNamespace

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

from lorr_bench.checks.check_plan import check_plan
from lorr_bench.checks.precision import smallest_rate
from lorr_bench.checks.trained_tensors import check_trained_tensors
from lorr_bench.errors import DataError, ModelError, SuiteError
from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.identity.origins import NANO_MODEL

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DPO = {"learning_rate": 1e-4, "per_device_train_batch_size": 4}
LORA = {"lora": {"r": 4, "target_modules": ["q_proj", "v_proj"]}}


@pytest.fixture
def gpt_neox(tmp_path):
    """The head of a GPT-NeoX of one block: attention is `query_key_value` and `dense`."""
    block = {
        "attention.query_key_value": [24, 8],
        "attention.dense": [8, 8],
        "mlp.dense_h_to_4h": [32, 8],
        "mlp.dense_4h_to_h": [8, 32],
    }
    shapes = {f"gpt_neox.layers.0.{name}.weight": shape for name, shape in block.items()}
    entries = {name: {"dtype": "F32", "shape": s, "data_offsets": [0, 0]} for name, s in shapes.items()}
    header = json.dumps(entries).encode()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    sizes = {"num_hidden_layers": 1, "hidden_size": 8, "intermediate_size": 32, "num_attention_heads": 2}
    config = {"model_type": "gpt_neox", "vocab_size": 16, **sizes}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    return read_model_size(str(tmp_path))


def test_a_preset_of_other_names_is_refused_with_the_names_that_there_are(plan_of, gpt_neox):
    with pytest.raises(SuiteError, match=r"dpo\+lorr: the reset \(downstream: .*matches none") as refused:
        check_trained_tensors(plan_of().arms, gpt_neox)
    assert refused.value.where == "plugins.lorr.reset.tensors"
    named = "Its linear layers are called query_key_value, dense, dense_h_to_4h, dense_4h_to_h."
    assert named in refused.value.fix


def test_an_expression_of_its_own_names_passes(plan_of, gpt_neox):
    reset = {"tensors": r"attention\.dense\."}
    check_trained_tensors(plan_of(plugins={"lorr": {"reset": reset}}).arms, gpt_neox)


def test_a_checkpoint_without_its_outer_name_is_matched_as_it_will_be_called(plan_of, gpt_neox):
    reset = {"tensors": r"gpt_neox\.gpt_neox"}
    check_trained_tensors(plan_of(plugins={"lorr": {"reset": reset}}).arms, gpt_neox)


def test_an_adapter_on_other_layers_than_those_reset_is_refused(plan_of):
    plan = plan_of(methods={"dpo": {**DPO, **LORA}}, plugins={"plain": {}, "lorr": {}})
    with pytest.raises(SuiteError, match="none of the layers of the adapter, which sits on q_proj, v_proj"):
        check_plan(plan)


def test_an_adapter_on_the_layers_that_are_reset_passes(plan_of):
    lora = {"lora": {"r": 4, "target_modules": ["o_proj"]}}
    assert check_plan(plan_of(methods={"dpo": {**DPO, **lora}})) == []


def test_an_adapter_whose_targets_match_nothing_is_refused(plan_of, gpt_neox):
    plan = plan_of(methods={"dpo": {**DPO, **LORA}}, plugins={"plain": {}})
    with pytest.raises(SuiteError, match="targets \\(q_proj, v_proj\\) match no layer") as refused:
        check_trained_tensors(plan.arms, gpt_neox)
    assert "all-linear" in refused.value.fix


def test_a_model_that_is_not_here_is_not_looked_at(plan_of):
    check_trained_tensors(plan_of().arms, None)


def test_the_small_suite_has_nothing_to_warn_of(plan_of):
    assert check_plan(plan_of()) == []


def lines(plan_of, dtype, rate, *, training=None, **more):
    methods = {"dpo": {**DPO, "learning_rate": rate, **more}}
    model = {"path": "nano", "dtype": dtype}
    return check_plan(plan_of(model=model, methods=methods, plugins={"plain": {}}, training=training or {}))


@pytest.mark.parametrize(("dtype", "rate"), [("bfloat16", 5e-7), ("bfloat16", 3.0e-5), ("float16", 3.8e-6)])
def test_a_learning_rate_that_the_weights_round_away_is_refused(plan_of, dtype, rate):
    with pytest.raises(SuiteError, match=f"^model.dtype: {dtype} weights at a learning rate") as refused:
        lines(plan_of, dtype, rate)
    assert "(dpo+plain)" in refused.value.what
    assert "`model.dtype: float32`, and `bf16: true`" in refused.value.fix


# 2^-7 / 2^8 = 3.052e-5 and 2^-7 / 2^11 = 3.815e-6 are where half of typical weights begin to move
@pytest.mark.parametrize(("dtype", "rate"), [("bfloat16", 3.06e-5), ("float32", 5e-7), ("float16", 3.82e-6)])
def test_updates_that_reach_the_weights_are_not(plan_of, dtype, rate):
    assert lines(plan_of, dtype, rate) == []


def test_an_adapter_is_trained_in_float32(plan_of):
    assert lines(plan_of, "bfloat16", 5e-7, lora={"r": 4, "target_modules": ["o_proj"]}) == []


@pytest.mark.parametrize(
    ("sharding", "bf16", "refused"),
    [("fsdp", True, False), ("fsdp", False, True), ("ddp", True, True), ("deepspeed_zero2", False, False)],
)
def test_what_keeps_float32_beside_the_weights_may_train_slowly(plan_of, sharding, bf16, refused):
    training = {"num_processes": 2, "sharding": sharding}
    with pytest.raises(SuiteError, match="rounded away") if refused else nullcontext():
        lines(plan_of, "bfloat16", 5e-7, training=training, bf16=bf16)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("share", "moves"), [(0.98, False), (1.02, True)])
def test_a_step_of_adam_moves_typical_weights_from_that_learning_rate_on(dtype, share, moves):
    """Weights from 2^-7 to 2^-6, whose median is that of a normal distribution with deviation 0.02."""
    import torch

    start = torch.arange(128, 256).div(128 * 128).to(getattr(torch, dtype))
    weights = torch.nn.Parameter(torch.cat([start, -start]))
    weights.grad = torch.ones_like(weights)
    before = weights.detach().clone()
    # Without ε, which float16 can't hold, the first step is the learning rate.
    torch.optim.AdamW([weights], lr=share * smallest_rate(dtype), weight_decay=0.0, eps=0.0).step()
    inner = before.abs() > 2**-7  # below 2^-7 numbers lie closer
    assert (weights != before)[inner].all().item() is moves


@pytest.fixture
def without_template(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(NANO_MODEL, folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text("utf-8"))
    settings.pop("chat_template", None)
    file.write_text(json.dumps(settings), "utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    return folder


def test_a_missing_template_is_told_before_an_engine_starts(plan_of, values, without_template):
    collect = {**values["data"]["collect"], "chat_template": True}
    plan = plan_of(model=str(without_template), data={"collect": collect})
    with pytest.raises(ModelError, match=r"no chat template, which data\.collect asks for"):
        check_plan(plan)
    (without_template / "chat_template.jinja").write_text("{{ messages }}", "utf-8")
    check_plan(plan)


def test_answers_longer_than_what_is_trained_on_are_warned_of(plan_of, values):
    collect = {**values["data"]["collect"], "max_tokens": 64}
    plan = plan_of(data={"collect": collect}, methods={"dpo": {**DPO, "max_length": 64}})
    (line,) = check_plan(plan)
    assert "up to 64 tokens" in line
    assert "max_length = 64 in dpo+plain, dpo+lorr, dpo+no_reset" in line


def test_answers_longer_than_the_context_are_warned_of(plan_of):
    (line,) = check_plan(plan_of(engine={"max_model_len": 32}))
    assert line.endswith("no answer gets that long. Raise engine.max_model_len.")


@pytest.fixture
def task_file(tmp_path):
    """A folder with a task of its own, and lm-eval's in another."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "mine.yaml").write_text("task: mine\ndataset_path: json\n", "utf-8")
    return folder


def test_a_task_that_lm_eval_does_not_have_is_refused(plan_of, tmp_path, task_file, monkeypatch):
    monkeypatch.setattr("lorr_bench.checks.task_names.own_folder", lambda: task_file)
    known = plan_of(evaluation={"general": [{"name": "general", "tasks": ["mine", "nano_compare"]}]})
    assert check_plan(known) == []
    plan = plan_of(evaluation={"general": [{"name": "general", "tasks": ["mine", "mime"]}]})
    with pytest.raises(DataError, match="lm-eval has no task, group or tag called 'mime'") as caught:
        check_plan(plan)
    assert caught.value.fix.startswith("did you mean `mine`?")
    assert check_plan(plan, task_names=False) == []


WHOLE = ("config.json", "model.safetensors", "tokenizer.json")


@pytest.fixture
def hub(monkeypatch, plan_of, tmp_path):
    """Checks a plan of a Hub model, of which the Hub says what is given."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))

    def check(error=None, *, files=WHOLE, gated=False, refused=None):
        def model_info(self, name, **_):
            if error is not None:
                raise error
            return SimpleNamespace(gated=gated, siblings=[SimpleNamespace(rfilename=file) for file in files])

        def auth_check(self, name, **_):
            if refused is not None:
                raise refused

        monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
        monkeypatch.setattr(huggingface_hub.HfApi, "auth_check", auth_check)
        return check_plan(plan_of(model={"path": "org/name", "revision": COMMIT}))

    return check


def said(kind):
    request = httpx.Request("GET", "https://huggingface.co/api/models/org/name")
    return kind("no", response=httpx.Response(404, request=request))


@pytest.mark.parametrize(
    ("kind", "what", "fix"),
    [
        (RepositoryNotFoundError, "the Hub has no model called org/name", "Correct the name"),
        (RevisionNotFoundError, f"the model org/name has no revision {COMMIT}", "/org/name/tree/main lists"),
        (GatedRepoError, "org/name is gated", "Accept its licence at HF_ENDPOINT/org/name"),
    ],
)
def test_a_model_that_the_hub_does_not_give_is_refused(hub, kind, what, fix):
    with pytest.raises(ModelError, match=what) as refused:
        hub(said(kind))
    assert refused.value.where == "model.path"
    assert fix in refused.value.fix.replace(os.environ["HF_ENDPOINT"], "HF_ENDPOINT")


def test_a_gated_model_is_asked_for_its_files(hub):
    assert hub(gated="manual") == []
    with pytest.raises(ModelError, match="org/name is gated"):
        hub(gated="manual", refused=said(GatedRepoError))


def test_a_model_of_pickled_weights_alone_is_refused(hub):
    with pytest.raises(ModelError, match=r"org/name has no \*.safetensors \(pickled weights are") as refused:
        hub(files=("config.json", "pytorch_model.bin", "tokenizer.json"))
    assert "save_pretrained" in refused.value.fix


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (("consolidated.safetensors", "params.json", "tekken.json"), "has no config.json"),
        (("config.json", "consolidated.safetensors", "tokenizer.json"), r"has no \*.safetensors"),
        (("config.json", "mlx/model.safetensors", "tokenizer.json"), r"has no \*.safetensors"),
        (("config.json", "model.safetensors"), r"has no tokenizer \(tokenizer.json\)"),
        ((*WHOLE, "adapter_config.json"), "holds an adapter, whose base model lies elsewhere"),
    ],
)
def test_a_model_of_the_hub_that_is_not_whole_is_refused(hub, files, fault):
    with pytest.raises(ModelError, match=f"the model org/name {fault}"):
        hub(files=files)


def test_a_hub_that_does_not_answer_refuses_nothing(hub):
    assert hub(OSError("no network")) == []
