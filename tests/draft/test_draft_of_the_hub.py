"""A model and a set of the Hub, as this machine's cache has them: the suite names the commits that were read."""

import shutil

import pytest

from lorr_bench.draft.model import look_at_model
from lorr_bench.draft.rows import AskedRows, look_at_rows
from lorr_bench.errors import DataError, ModelError
from lorr_bench.plan.identity.origins import NANO_MODEL

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the Hub's client; tests are offline."""
    folder = tmp_path / "hub"
    for name in ("huggingface_hub.constants", "huggingface_hub.file_download"):
        monkeypatch.setattr(f"{name}.HF_HUB_CACHE", str(folder), raising=False)
    return folder


def fetched(cache, kind, name):
    """The folder of a commit, to be filled, which the name stands for."""
    repository = cache / f"{kind}--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT, "utf-8")
    return repository / "snapshots" / COMMIT


def test_a_model_is_read_at_the_commit_that_its_name_stands_for(cache, tmp_path):
    shutil.copytree(NANO_MODEL, fetched(cache, "models", "org/mine"))
    found = look_at_model("org/mine", None, tmp_path)
    assert (found.commit, found.is_folder, found.family) == (COMMIT, False, "llama")
    assert found.size == look_at_model("nano", None, tmp_path).size


def test_a_model_that_is_not_here_is_told_without_a_network(cache, tmp_path):
    with pytest.raises(ModelError, match="the commit of org/mine@main is not known"):
        look_at_model("org/mine", None, tmp_path)


def test_a_set_is_read_at_the_commit_that_its_name_stands_for(cache, tmp_path, monkeypatch, letters):
    import datasets

    asked = []

    def load_dataset(name, subset, **options):
        asked.append((name, subset, options))
        return [{"prompt": "q", "chosen": "a", "rejected": "b"}]

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    fetched(cache, "datasets", "org/pairs")
    found = look_at_rows(AskedRows("org/pairs", "train_prefs", "default", {}), tmp_path, letters)
    assert found.settings == {"revision": COMMIT, "split": "train_prefs", "subset": "default"}
    assert asked == [("org/pairs", "default", {"revision": COMMIT, "split": "train_prefs"})]
    assert found.on_hub


def test_a_set_that_is_not_here_is_told_without_a_network(cache, tmp_path, letters):
    with pytest.raises(DataError, match="the commit of org/pairs@main is not known"):
        look_at_rows(AskedRows("org/pairs", None, None, {}), tmp_path, letters)
