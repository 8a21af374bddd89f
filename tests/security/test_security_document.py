"""What docs/security.md promises names tests that exist and hold something."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
ROWS = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")][1:]
LINKS = sorted(set(re.findall(r"\]\((\.\./tests/[^)]+)\)", DOCUMENT.read_text("utf-8"))))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_every_promise_names_a_test(row: str) -> None:
    assert re.search(r"\]\(\.\./tests/", row.split("|")[3])


@pytest.mark.parametrize("link", LINKS)
def test_every_named_test_is_there(link: str) -> None:
    tree = ast.parse((DOCUMENT.parent / link).resolve().read_text("utf-8"))
    assert any(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in tree.body)


def test_every_test_of_a_promise_is_named() -> None:
    found = {f"../tests/security/{path.name}" for path in Path(__file__).parent.glob("test_*.py")}
    assert found - {f"../tests/security/{Path(__file__).name}"} <= set(LINKS)
