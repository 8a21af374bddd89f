"""The twelve families, each built once for all test processes."""

import os

import pytest
from family_conversations import ANSWERS, QUESTIONS, numbers_of
from family_facts import FAMILIES
from family_folders import build_family, teach
from filelock import FileLock


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory):
    """Called with a family; its folder in Hugging Face form."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    root = root / "families"

    def folder_of(family):
        folder = root / family.name
        root.mkdir(exist_ok=True)
        with FileLock(root / f"{family.name}.lock"):
            if not folder.exists():
                draft = root / f"{family.name}.draft"
                build_family(family, draft)
                draft.rename(folder)
        return folder

    return folder_of


@pytest.fixture(scope="session")
def taught_folder(family_folder, tmp_path_factory):
    """Called with a family; a folder whose model gives the better answers and stops there."""
    root = tmp_path_factory.mktemp("taught")

    def taught_folder_of(family):
        from transformers import AutoTokenizer

        folder, taught = family_folder(family), root / family.name
        if not taught.exists():
            tokenizer = AutoTokenizer.from_pretrained(folder)
            asked = zip(QUESTIONS, ANSWERS, strict=True)
            teach(folder, [numbers_of(family, tokenizer, q, right) for q, (right, _) in asked], taught)
        return taught

    return taught_folder_of


@pytest.fixture(scope="session", params=FAMILIES, ids=lambda family: family.name)
def family(request):
    """Each of the twelve."""
    return request.param


@pytest.fixture(scope="session")
def folder(family, family_folder):
    """Its folder."""
    return family_folder(family)


@pytest.fixture(scope="session")
def tokenizer(folder):
    """Its tokenizer, loaded from the folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)
