"""Which files of a model on the Hub are fetched, and what is said where they can't be."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path, PurePath

import httpx
import huggingface_hub
import pytest
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    IncompleteSnapshotError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.identity.hub_errors import hub_refusal
from lorr_bench.plan.identity.hub_model import (
    fetch_description,
    folder_here,
    is_fetched,
    model_folder,
    on_this_machine,
)
from lorr_bench.plan.identity.model_files import NOT_READ, is_read
from lorr_bench.ports.trainer import StartModel

COMMIT = "a" * 40
FETCHED = (
    "config.json", "generation_config.json", "model.safetensors", "model-00001-of-00002.safetensors",
    "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja", "additional_chat_templates/tool_use.jinja", "merges.txt",
    "vocab.json", "tokenizer.model", "spiece.model", "qwen.tiktoken", "tekken.json", "modeling_mine.py",
    "hf_quant_config.json", "preprocessor_config.json",
)  # fmt: skip
NOT_FETCHED = (
    "pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json",
    "consolidated.safetensors", "consolidated-00001-of-00002.safetensors", "consolidated.00.pth",
    "original/consolidated.00.pth", "original/params.json", "original/tokenizer.model", "model.gguf",
    "gguf/model-q4.gguf", "model.onnx", "onnx/model.onnx", "onnx/model.onnx_data", "onnx/config.json",
    "onnx/tokenizer.json", "mlx/model.safetensors", "tf_model.h5", "flax_model.msgpack", "rust_model.ot",
    "model.ckpt", "optimizer.pt", "training_args.bin", "trainer_state.json", "README.md", "LICENSE", "LICENSE.txt",
    "figures/loss.png", ".gitattributes", "coreml/weights.mlpackage", "openvino_model.xml", "runs/events.tfevents",
)  # fmt: skip
NAME_OF_FILE = re.compile(r'^(?:[A-Z_]+_NAME|CHAT_TEMPLATE_FILE) = "([^"]+)"$', re.MULTILINE)
FILES_OF_TOKENIZER = re.compile(r"(?:VOCAB_FILES_NAMES|vocab_files_names)[^=]*= \{(.*?)\}", re.DOTALL)
NEVER_LOADED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
"""Names that transformers knows, of weights that are never loaded."""


@pytest.mark.parametrize("path", FETCHED)
def test_what_is_loaded_is_fetched(path):
    assert is_fetched(path)


@pytest.mark.parametrize("path", NOT_FETCHED)
def test_what_is_never_loaded_is_not_fetched(path):
    assert not is_fetched(path)


def library_names() -> set[str]:
    """Names of the files that transformers looks for beside a model, from its own text."""
    folder = Path(find_spec("transformers").origin).parent
    texts = [(folder / "utils" / name).read_text("utf-8") for name in ("__init__.py", "hub.py")]
    named = {name for text in texts for name in NAME_OF_FILE.findall(text) if "." in name}
    tokenizers = [*folder.glob("tokenization*.py"), *folder.glob("models/*/tokenization*.py")]
    for file in tokenizers:
        for block in FILES_OF_TOKENIZER.findall(file.read_text("utf-8")):
            named |= set(re.findall(r': "([^"]+\.[a-z]+)"', block))
    return named


def test_every_file_that_transformers_knows_by_name_is_fetched():
    names = library_names()
    assert {"config.json", "model.safetensors", "merges.txt", "spiece.model"} <= names
    assert sorted(name for name in names if not is_fetched(name)) == sorted(NEVER_LOADED)


PARTS = st.sampled_from(
    [*FETCHED, *NOT_FETCHED, *(name.replace("*", "x") for name in NOT_READ), "deep", "x.json"]
)


@pytest.mark.slow
@given(st.lists(PARTS, min_size=1, max_size=3).map("/".join))
def test_what_is_fetched_would_count_in_a_folder_of_this_machine(path):
    assert is_read(Path(path)) or not is_fetched(path)


def refusal(kind, status=404):
    request = httpx.Request("GET", "https://hub.example/api")
    return kind("no", response=httpx.Response(status, request=request))


@pytest.fixture
def snapshot(monkeypatch):
    """Lets the client's download raise, or give a folder; notes how it was asked."""
    asked = []

    def script(result):
        def download(name, **options):
            asked.append((name, options))
            if isinstance(result, Exception):
                raise result
            return str(result)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
        return asked

    return script


def test_a_folder_is_what_it_is(snapshot, tmp_path):
    asked = snapshot("/cache")
    assert model_folder(str(tmp_path), COMMIT) == str(tmp_path)
    assert model_folder("org/name", None) == "org/name"
    assert asked == []


def test_a_model_is_fetched_at_its_commit(snapshot):
    asked = snapshot("/cache")
    assert model_folder("org/name", COMMIT) == "/cache"
    ((name, options),) = asked
    assert (name, options["revision"], options["local_files_only"]) == ("org/name", COMMIT, False)


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (refusal(GatedRepoError, 403), "the model org/name is gated", "hf auth login"),
        (refusal(RevisionNotFoundError), f"org/name has no revision {COMMIT}", "Give a commit"),
        (
            IncompleteSnapshotError("2 files", snapshot_path="/x"),
            "not all of org/name@a+ is on this",
            "hf download",
        ),
        (OSError("no space"), "the Hub did not give the rest: OSError: no space", "Get a network"),
    ],
)
def test_what_can_not_be_fetched_is_said(snapshot, error, what, fix):
    snapshot(error)
    with pytest.raises(ModelError, match=rf"data\.judge: .*{what}") as caught:
        model_folder("org/name", COMMIT, "data.judge")
    assert fix in caught.value.fix


START = StartModel(path="org/name", revision=COMMIT, dtype="float32", trust_remote_code=False)


def test_a_model_of_the_hub_is_loaded_from_its_folder(snapshot, small_model):
    snapshot(small_model)
    assert on_this_machine(START) == StartModel(str(small_model), None, "float32", trust_remote_code=False)


def test_a_model_of_this_machine_stays_what_it_is(small_model):
    start = StartModel(str(small_model), None, "float32", trust_remote_code=False)
    assert on_this_machine(start) is start


def test_a_fetched_model_has_to_be_whole(snapshot, tmp_path):
    (tmp_path / "config.json").write_text("{}", "utf-8")
    snapshot(tmp_path)
    with pytest.raises(ModelError, match=r"has no \*\.safetensors"):
        on_this_machine(START)


def test_a_model_is_here_when_all_of_it_is(snapshot, small_model, tmp_path):
    asked = snapshot(small_model)
    assert folder_here("org/name", COMMIT) is not None
    assert asked[0][1]["local_files_only"]
    snapshot(tmp_path)
    assert folder_here("org/name", COMMIT) is None
    snapshot(IncompleteSnapshotError("2 files", snapshot_path="/x"))
    assert folder_here("org/name", COMMIT) is None


def test_a_description_is_all_but_the_weights(snapshot, tmp_path):
    asked = snapshot(tmp_path)
    assert fetch_description("org/name", COMMIT, "here") == tmp_path
    ((_, options),) = asked
    assert (options["revision"], options["local_files_only"]) == (COMMIT, False)
    assert [name for name in FETCHED if any(map(PurePath(name).match, options["ignore_patterns"]))] == [
        name for name in FETCHED if name.endswith(".safetensors")
    ]


def test_a_description_that_is_refused_is_told_and_one_that_does_not_come_is_not(snapshot):
    snapshot(refusal(GatedRepoError, 403))
    with pytest.raises(ModelError, match="the model org/name is gated") as refused:
        fetch_description("org/name", COMMIT, "data.collect.reward_model.path")
    assert refused.value.where == "data.collect.reward_model.path"
    snapshot(OSError("no network"))
    assert fetch_description("org/name", COMMIT, "here") is None


@pytest.mark.parametrize(
    ("error", "what", "where"),
    [
        (
            refusal(GatedRepoError),
            "the data set org/set is gated, and this user may not read it",
            "data.pairs",
        ),
        (refusal(RepositoryNotFoundError), "the Hub has no data set called org/set", "data.pairs"),
        (HFValidationError("no name"), "the Hub has no data set called org/set", "data.pairs"),
        (refusal(RevisionNotFoundError), "the data set org/set has no revision v1", "data.pairs.revision"),
    ],
)
def test_what_the_hub_refuses_is_put_into_words(error, what, where):
    refused = hub_refusal(error, "dataset", "org/set", "v1", "data.pairs.revision")
    assert isinstance(refused, DataError)
    assert (refused.what, refused.where) == (what, where)


def test_no_answer_is_no_refusal():
    assert hub_refusal(OSError("no network"), "model", "org/name", None, "model") is None
