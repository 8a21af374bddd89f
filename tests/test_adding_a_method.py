"""The page about adding a method shows the files of the package that the tests install."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "adding-a-method.md").read_text("utf-8")
PACKAGE = ROOT / "tests" / "plugin_package"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", ["pyproject.toml", "toy_preference.py", "toy_loss.py"])
def test_the_page_shows_the_file_as_it_is(name):
    assert (PACKAGE / name).read_text("utf-8") in [body for _, body in BLOCK.findall(PAGE)]


def test_every_file_of_the_package_is_shown():
    files = {path.name for path in PACKAGE.iterdir() if path.suffix in (".py", ".toml")}
    assert files == {"pyproject.toml", "toy_preference.py", "toy_loss.py", "test_plugin_package.py"}


def test_every_member_of_the_port_is_explained():
    from lorr_bench.ports.trainer import TrainerAdapter

    explained = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert explained == set(TrainerAdapter.__annotations__)


def test_every_function_of_the_port_and_of_the_loop_is_named():
    from lorr_bench.ports.trainer import TrainerAdapter

    functions = {name for name, value in vars(TrainerAdapter).items() if callable(value) and name[0] != "_"}
    loop = {"start", "order", "sft_weight", "step", "finish"}
    assert [name for name in sorted(functions | loop) if f"`{name}`" not in PAGE] == []


def test_the_command_names_a_folder_and_a_method_that_exist():
    (command,) = re.findall(r"^\$ python -m pytest (\S+) -k (\w+)$", PAGE, re.MULTILINE)
    folder, method = command
    assert (ROOT / folder / "conftest.py").exists()
    assert f"{method} = " in (PACKAGE / "pyproject.toml").read_text("utf-8")
