"""``publish`` and ``reproduce`` from end to end: the smoke suite is published, and made again from what is stored.

The stages are those of the session's one run: that a new run finds the same is shown by its stages, which
``tests/publish`` compares, and by a user who runs it without ``--store``.
"""

import json
import shutil
from types import SimpleNamespace

import pytest
from command_line import SMOKE, lorr_bench_here
from installed import needs_vllm

from lorr_bench.publish.verdicts import read_verdicts, verdict_bytes

pytestmark = [pytest.mark.slow, needs_vllm]


@pytest.fixture(scope="module")
def published(smoke, tmp_path_factory):
    """The smoke suite, published from a copy of its run."""
    root = tmp_path_factory.mktemp("publishing")
    run = shutil.copytree(smoke[0], root / "run", ignore=shutil.ignore_patterns("logs"))
    words = ("publish", SMOKE, "-o", run, "--to", root / "published")
    return SimpleNamespace(folder=root / "published", run=run, words=words, done=lorr_bench_here(*words))


@pytest.fixture
def copy(published, tmp_path):
    """A copy of what is published, to be changed."""
    return shutil.copytree(published.folder, tmp_path / "smoke")


def reproduce(published, copy, *more):
    """Make it again in a new folder, of the stages that are stored."""
    output = copy.parent / "again"
    return lorr_bench_here("reproduce", copy, "-o", output, "--store", published.run / "store", *more)


def change(copy, **cell):
    """Turn the first verdict of a cell round."""
    frame = read_verdicts(copy / "verdicts.parquet")
    first = frame[(frame[list(cell)] == list(cell.values())).all(axis=1)].index[0]
    frame.loc[first, "score"] = 1 - frame.loc[first, "score"]
    (copy / "verdicts.parquet").write_bytes(verdict_bytes(frame))


def set_mean(copy, row, mean):
    """Change the score of a row of the comparison."""
    lines = (copy / "comparison.csv").read_text("utf-8").splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith(row)]
    rest = lines[place].removeprefix(row).partition(",")[2]
    lines[place] = f"{row}{mean},{rest}"
    (copy / "comparison.csv").write_text("\n".join(lines) + "\n", "utf-8")


def test_publish_says_where_and_whether_it_was_declared_before(published):
    assert published.done.returncode == 0, published.done.stderr
    words = published.done.stdout.splitlines()
    assert words[0].startswith("Published, ")
    assert words[0].endswith(f": {published.folder}")
    assert "trained models" in words[1]
    assert ", before the first result, at " in published.done.stdout


def test_a_second_time_needs_a_word(published):
    again = lorr_bench_here(*published.words)
    assert again.returncode == 3
    assert "is there already" in again.stderr


def test_a_suite_of_ones_own_needs_a_folder(tmp_path, published):
    mine = tmp_path / "mine.yaml"
    mine.write_text(SMOKE.read_text("utf-8"), "utf-8")
    done = lorr_bench_here("publish", mine, "-o", published.run)
    assert (done.returncode, "--to results/published/NAME" in done.stderr) == (2, True)


def test_the_smoke_suite_is_reproduced_to_the_byte(published, copy):
    done = reproduce(published, copy, "--exact")
    assert done.returncode == 0, done.stderr
    # 2 budgets of the one contrast; start and 2 arms × 2 budgets on 2 math measures, 3 tasks and their average
    assert "smoke is reproduced: all of 32 figures agree (32 same verdicts)." in done.stdout
    assert "25 of 25 stages were in the store before, and were not made again." in done.stdout
    assert (copy.parent / "again" / "reproduction.csv").exists()
    assert "32 same verdicts" in (copy.parent / "again" / "reproduction.md").read_text("utf-8")


def test_a_changed_verdict_and_a_changed_score_are_named(published, copy):
    change(copy, arm="dpo+lorr", unique_pairs=32, metric="greedy")
    set_mean(copy, "dpo+plain,16,nano_easy,math,greedy,", "0.99")
    done = reproduce(published, copy, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["agrees"]) == (1, False)
    assert found["verdict"].startswith(
        "smoke is not reproduced: 1 of 32 figures do not agree (29 same verdicts, 2 same score, 1 differs). They "
        "are: dpo+plain, 16 pairs, nano_easy · greedy: differs, 99.0 ["
    )
    assert "Verdicts differ: 1 of 40 of dpo+lorr, 32 pairs, nano_easy · greedy." in found["notes"]
    greedy = {
        (row["what"], row["unique_pairs"]): row for row in found["figures"] if row["metric"] == "greedy"
    }
    assert greedy["dpo+lorr", 32]["agreement"] == "same score"
    assert greedy["dpo+lorr - dpo+plain", 32]["verdicts_differing"] == 1


def test_an_unknown_name_is_told_with_the_nearest():
    done = lorr_bench_here("reproduce", "quickstrat")
    assert done.returncode == 3
    assert "did you mean `quickstart`?" in done.stderr


def test_published_runs_are_listed():
    found = {
        row["published"]: row for row in json.loads(lorr_bench_here("list", "published", "--json").stdout)
    }
    assert found["quickstart"]["description"].startswith("DPO on the embedded word problems")
    assert {"name", "what it is", "made", "machine", "took"} <= {
        cell.strip() for cell in lorr_bench_here("list", "published").stdout.splitlines()[2].split("┃")
    }
