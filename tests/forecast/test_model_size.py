"""Sizes of models against the parameter counts that their authors publish, and files that can't be read."""

import json
import struct

import pytest

from lorr_bench.forecast.model_size import read_model_size
from lorr_bench.plan.identity.origins import NANO_MODEL

LLAMA = {"model_type": "llama", "head_dim": 128, "num_key_value_heads": 8}
# Configurations of the Hub's models, and the parameters that their model cards or safetensors indices name.
PUBLISHED = {
    "Llama-3.2-3B": (
        LLAMA
        | {"hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28, "num_attention_heads": 24}
        | {"vocab_size": 128256, "tie_word_embeddings": True},
        3_212_749_824,
    ),
    "Llama-3.1-8B": (
        LLAMA
        | {"hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
        | {"num_attention_heads": 32, "vocab_size": 128256, "tie_word_embeddings": False},
        8_030_261_248,
    ),
    "Mistral-7B-v0.2": (
        {"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32}
        | {"num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000},
        7_241_732_096,
    ),
    "Qwen2.5-0.5B": (
        {"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24}
        | {"num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936}
        | {"tie_word_embeddings": True},
        494_032_768,
    ),
    "Qwen2.5-7B": (
        {"model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28}
        | {"num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152064},
        7_615_616_512,
    ),
    "Qwen3-0.6B": (
        {"model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28}
        | {"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936}
        | {"tie_word_embeddings": True},
        596_049_920,
    ),
}


@pytest.fixture
def folder(tmp_path):
    """Writes a model folder from a configuration and the shapes of its tensors, by file."""

    def write(config, files=None, index=None):
        (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
        for name, shapes in (files or {}).items():
            entries = {n: {"dtype": "F32", "shape": s, "data_offsets": [0, 0]} for n, s in shapes.items()}
            header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
            (tmp_path / name).write_bytes(struct.pack("<Q", len(header)) + header)
        if index is not None:
            content = json.dumps({"weight_map": index})
            (tmp_path / "model.safetensors.index.json").write_text(content, "utf-8")
        return str(tmp_path)

    return write


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_configuration_alone_gives_the_published_number_of_parameters(name, folder):
    config, parameters = PUBLISHED[name]
    assert read_model_size(folder(config)).parameters == parameters


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen2.5-0.5B", 494_032_768),
        ("Qwen/Qwen2.5-1.5B", 1_543_714_304),
        ("meta-llama/Llama-3.2-1B-Instruct", 1_235_814_400),
    ],
)
def test_a_model_of_a_shipped_suite_has_the_published_size_without_a_network(name, parameters):
    """The numbers are those of the Hub's pages."""
    assert read_model_size(name).parameters == parameters


def test_the_embedded_model_is_counted_by_hand():
    """Embedding 128·128; 4 blocks of 4 attention matrices, 3 MLP matrices and 2 norms; the last norm."""
    block = 4 * 128 * 128 + 3 * 384 * 128 + 2 * 128
    assert read_model_size(str(NANO_MODEL)).parameters == 128 * 128 + 4 * block + 128


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3"])
def test_the_implied_tensors_are_those_of_transformers(family, folder):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 2, "vocab_size": 60}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "tie_word_embeddings": False}
    config = AutoConfig.for_model(family, **sizes, **heads)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    expected = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    assert read_model_size(folder(config.to_dict())).tensors == expected


def test_stored_tensors_count_before_the_configuration(folder):
    config, _ = PUBLISHED["Qwen2.5-0.5B"]
    size = read_model_size(folder(config, {"model.safetensors": {"model.embed_tokens.weight": [7, 3]}}))
    assert size.parameters == 21


def test_a_tied_head_that_was_stored_all_the_same_counts_once(folder):
    config, _ = PUBLISHED["Qwen2.5-0.5B"]
    shapes = {"model.embed_tokens.weight": [7, 3], "lm_head.weight": [7, 3]}
    assert read_model_size(folder(config, {"model.safetensors": shapes})).parameters == 21


def test_a_model_of_which_a_part_is_missing_is_sized_by_its_configuration(folder):
    config, parameters = PUBLISHED["Qwen2.5-0.5B"]
    index = {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}
    path = folder(config, {"model-1.safetensors": {"a.weight": [2, 2]}}, index)
    assert read_model_size(path).parameters == parameters


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"\x08" + b"\0" * 7 + b"{"]
)
def test_damaged_weights_are_sized_by_the_configuration(content, folder, tmp_path):
    config, parameters = PUBLISHED["Qwen2.5-0.5B"]
    path = folder(config)
    (tmp_path / "model.safetensors").write_bytes(content)
    assert read_model_size(path).parameters == parameters


@pytest.mark.parametrize(
    "change", [{"model_type": "unheard_of"}, {"hidden_size": None}, {"num_attention_heads": 0}]
)
def test_a_model_of_no_known_form_has_no_size(change, folder):
    config, _ = PUBLISHED["Qwen2.5-7B"]
    assert read_model_size(folder({**config, **change})) is None


def test_a_configuration_that_is_no_json_has_no_size(folder, tmp_path):
    path = folder({})
    (tmp_path / "config.json").write_text("{", "utf-8")
    assert read_model_size(path) is None


def test_a_hub_model_is_known_once_its_description_was_fetched(tmp_path, monkeypatch):
    config, parameters = PUBLISHED["Qwen2.5-0.5B"]
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path), raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert read_model_size("org/name", "abc") is None
    snapshot = tmp_path / "models--org--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(config), "utf-8")
    assert read_model_size("org/name", "abc").parameters == parameters


def test_a_path_that_is_no_folder_and_no_hub_id_has_no_size():
    assert read_model_size("no/such/folder/anywhere") is None


def test_linear_layers_leave_out_embeddings_head_and_norms(folder):
    config, _ = PUBLISHED["Llama-3.1-8B"]
    linear = read_model_size(folder(config)).linear
    assert len(linear) == 32 * 7
    assert linear["model.layers.31.mlp.down_proj"] == (4096, 14336)


def test_the_cache_of_a_token_is_counted_by_hand(folder):
    """Llama-3.1-8B in bfloat16: 2 · 32 layers · 8 key heads · 128 · 2 bytes = 128 KiB."""
    config, _ = PUBLISHED["Llama-3.1-8B"]
    assert read_model_size(folder(config)).kv_bytes_per_token(2) == 131_072
