"""Every message that the page on troubleshooting quotes is one that the program can say."""

import ast
import re
from functools import cache

import pytest
from command_line import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
ROW = re.compile(r"^\| (`+) ?(.+?) ?\1 \|[^|]+\|[^|]+\|$", re.MULTILINE)
GAP = "…"
"""Stands for names and numbers, on the page and for the values of a formatted text."""

pytestmark = pytest.mark.slow


@cache
def texts():
    """Every text of the source but docstrings, with a gap for each value that is put into it."""
    found = set()
    for folder in ("lorr_bench", "adapters"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
            alone = {node.value for node in nodes if isinstance(node, ast.Expr)}
            found |= {text_of(node) for node in nodes if node not in alone}
    return found - {None}


def text_of(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else GAP for part in node.values]
        return "".join(parts)
    return None


def said(message):
    """Whether a text of the source holds the message's words, in their order and one after another."""
    words = [re.escape(part) for part in message.split(GAP)]
    pattern = re.compile(".*".join(words), re.DOTALL)
    return any(pattern.search(text) for text in texts())


@pytest.mark.parametrize("message", [message for _, message in ROW.findall(PAGE)])
def test_the_program_says_it(message):
    assert said(message)


def test_every_row_is_read():
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(ROW.findall(PAGE)) == len(rows) >= 60


def test_a_message_that_nobody_says_is_found_out():
    assert not said("no adapter is named …")
    assert not said("the budget is … marbles")
