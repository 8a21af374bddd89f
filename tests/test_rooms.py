"""The rooms of both packages: in the map of CONTRIBUTING.md, in the import rules, and none is crowded."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lorr_bench"
ADAPTERS = ROOT / "adapters" / "lorr_bench_adapters"
MAX_FILES = 15
ROOMS = sorted(file.parent.name for file in PACKAGE.glob("*/__init__.py"))
FOLDERS = sorted(
    {
        file.parent.relative_to(ROOT).as_posix()
        for package in (PACKAGE, ADAPTERS)
        for file in package.rglob("*.py")
    }
)


def rooms_section():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return text.partition("\n## Rooms\n")[2].partition("\n## ")[0]


def contracts():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {contract["name"]: contract for contract in content["tool"]["importlinter"]["contracts"]}


def entry_points():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return set(content["project"]["entry-points"]["lorr_bench.adapters"].values())


def methods(backend):
    """Entry points of the classes with a name in a backend's ``methods.py``."""
    tree = ast.parse((ADAPTERS / backend / "methods.py").read_text("utf-8"))
    return {
        f"lorr_bench_adapters.{backend}.methods:{node.name}"
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(line, ast.AnnAssign) and line.target.id == "name" for line in node.body)
    }


def layers():
    """Names in the layers, the highest first; those of one layer in the order of the file."""
    return [re.findall(r"lorr_bench\.(\w+)", layer) for layer in contracts()["rooms"]["layers"]]


def test_the_map_has_each_room_once():
    assert sorted(re.findall(r"^- `(\w+)`: ", rooms_section(), re.MULTILINE)) == ROOMS


def test_the_map_names_each_module_beside_the_rooms():
    modules = {file.name for file in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"`(\w+\.py)`", rooms_section())) == modules


def test_the_order_that_is_told_is_the_order_that_is_checked():
    told = re.search(r"`(values, errors[^`]*)`", rooms_section()).group(1)
    order = [sorted(re.findall(r"\w+", layer)) for layer in told.split("<")]
    helpers = {"outside", "quantities", "line_process", "devices", "imports"}
    checked = [sorted(layer) for layer in reversed(layers()) if not helpers & set(layer)]
    assert order == checked


def test_every_room_is_under_an_import_rule():
    ruled = {name for layer in layers() for name in layer}
    ruled |= {
        module.partition(".")[2] for c in contracts().values() for module in c.get("source_modules", ())
    }
    assert set(ROOMS) <= ruled


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_room_is_not_crowded(folder):
    assert len(list((ROOT / folder).glob("*.py"))) <= MAX_FILES


def test_each_backend_declares_its_methods_in_one_file():
    backends = [file.parent.name for file in ADAPTERS.glob("*/methods.py")]
    assert backends
    assert set().union(*map(methods, backends)) == entry_points()


def walk():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    return text.partition("\n## The way of one arm\n")[2].partition("\n## ")[0]


def test_every_place_on_the_way_of_an_arm_exists():
    places = re.findall(r"`([\w/]+\.py|[\w/]+/)`(?:: `(\w+)`)?", walk())
    assert len(places) >= 20
    for path, name in places:
        found = [folder / path for folder in (PACKAGE, ROOT) if (folder / path).exists()]
        assert found, path
        if name:
            assert re.search(rf"^ *(?:def|class) {name}\b", found[0].read_text("utf-8"), re.MULTILINE), (
                f"{path}: {name}"
            )


def test_the_way_of_an_arm_passes_through_the_rooms_that_make_a_result():
    passed = {path.partition("/")[0] for path in re.findall(r"`(\w+/[\w/]*)", walk())}
    assert {"spec", "plan", "run", "stages", "lorr", "store", "report", "stats"} <= passed
