"""What the documentation tells people to type works, and what it points at exists."""

import re
import shlex

import pytest
from command_line import ROOT, lorr_bench_here

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [
        body for page in PAGES for kind, body in BLOCK.findall(page.read_text("utf-8")) if kind == language
    ]


def commands():
    """Lines of the ``bash`` blocks, each once: commands that read only, and run in seconds."""
    lines = [line for body in blocks("bash") for line in body.splitlines() if line.strip()]
    return list(dict.fromkeys(line.partition("#")[0].strip() for line in lines))


READS_LM_EVAL = "paper/"  # the index of lm-eval's own task files takes seconds


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=pytest.mark.slow if READS_LM_EVAL in command else ())
        for command in commands()
    ],
)
def test_a_command_of_the_documentation_works(command):
    program, *arguments = shlex.split(command)
    assert program == "lorr-bench"
    done = lorr_bench_here(*arguments)
    assert done.returncode == 0, done.stderr


def test_there_are_commands():
    assert len(commands()) >= 4


def test_every_make_target_exists():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        word
        for page in PAGES
        for word in re.findall(r"^make ([\w-]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"quickstart", "test", "test-fast"} <= named <= targets


def test_every_file_that_is_named_exists():
    pattern = re.compile(r"[`(]((?:lorr_bench|adapters|suites|tests|docs|benchmarks|\.ci)/[\w./-]+)[`)]")
    named = {path for page in PAGES for path in pattern.findall(page.read_text("utf-8"))}
    assert len(named) >= 8
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.slow
def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= 900


def test_the_index_has_every_page_once():
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| \[([\w-]+\.md)\]", index, re.MULTILINE)
    assert sorted(listed) == sorted(
        page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"
    )


def test_every_link_between_pages_leads_somewhere():
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]*)?\)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_the_suite_of_the_readme_is_the_shipped_one(tmp_path):
    """Shortened, but every value that it shows is that of the file."""
    import yaml

    shown = next(body for body in blocks("yaml") if body.startswith("name: quickstart"))
    shipped = yaml.safe_load((ROOT / "suites" / "quickstart.yaml").read_text("utf-8"))
    assert_part(yaml.safe_load(shown), shipped, "suite")


def assert_part(part, whole, place):
    if isinstance(part, dict):
        for key, value in part.items():
            assert key in whole, f"{place}.{key}"
            assert_part(value, whole[key], f"{place}.{key}")
    elif isinstance(part, list) and part and isinstance(part[0], dict):
        assert len(part) == len(whole), place
        for index, (left, right) in enumerate(zip(part, whole, strict=True)):
            assert_part(left, right, f"{place}.{index}")
    else:
        assert part == whole, place
