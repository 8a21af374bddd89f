"""What the source may not do at all: shells, pickles, code from text, YAML that builds objects."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("lorr_bench", "adapters", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "shelve",
    "marshal",
    "pty",
}
FORBIDDEN_NAMES = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_CALLS = {
    "os.system", "os.popen", "os.execl", "os.spawnl", "subprocess.getoutput", "subprocess.getstatusoutput",
    "torch.load", "yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "pd.read_pickle",
    "pandas.read_pickle", "tempfile.mktemp", "np.load", "numpy.load",
}  # fmt: skip
FORBIDDEN_OPTIONS = {
    "shell": True,
    "trust_remote_code": True,
    "weights_only": False,
    "allow_pickle": True,
    "use_safetensors": False,
}
STARTS = {
    "subprocess.run",
    "subprocess.Popen",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
}


def faults(source: str) -> Iterator[str]:
    """What a source does that it may not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node)
        if isinstance(node, ast.Call):
            yield from _call(node)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
    yield from (f"imports {module}" for module in modules if module.split(".")[0] in FORBIDDEN_MODULES)


def _call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in FORBIDDEN_CALLS | FORBIDDEN_NAMES:
        yield f"calls {name}"
    for option in node.keywords:
        given = option.value.value if isinstance(option.value, ast.Constant) else None
        if option.arg in FORBIDDEN_OPTIONS and given is FORBIDDEN_OPTIONS[option.arg]:
            yield f"sets {option.arg}={given}"
    if name in STARTS and isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.BinOp):
        yield f"gives {name} one text instead of a list of arguments"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_source_does_nothing_forbidden(path: Path) -> None:
    assert list(faults(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import pickle", "imports pickle"),
        ("from dill import loads", "imports dill"),
        ("import torch\ntorch.load(path)", "calls torch.load"),
        ("yaml.load(text, Loader=yaml.SafeLoader)", "calls yaml.load"),
        ("eval(text)", "calls eval"),
        ("os.system(f'rm {path}')", "calls os.system"),
        ("subprocess.run(words, shell=True)", "sets shell=True"),
        ("subprocess.run(f'rm {path}')", "gives subprocess.run one text instead of a list of arguments"),
        ("model(path, trust_remote_code=True)", "sets trust_remote_code=True"),
        ("load(path, weights_only=False)", "sets weights_only=False"),
    ],
)
def test_each_rule_finds_what_it_is_for(source: str, fault: str) -> None:
    assert list(faults(source)) == [fault]


@pytest.mark.parametrize(
    "source",
    ["subprocess.run(['rm', path], check=True)", "json.loads(text)", "model.eval()", "re.compile(pattern)"],
)
def test_what_is_allowed_is_no_fault(source: str) -> None:
    assert list(faults(source)) == []
