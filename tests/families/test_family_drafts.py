"""`init` on tiny models dressed as their families: what it writes is planned without a warning."""

import json

import pytest
from command_line import lorr_bench_here
from family_facts import FAMILIES

from lorr_bench.checks.check_plan import check_plan
from lorr_bench.forecast.pair_counts import pair_lines
from lorr_bench.plan.plan import make_plan
from lorr_bench.spec.load import load_suite
from lorr_bench.store.store import Store

pytestmark = pytest.mark.slow

DRAFTED = [family for family in FAMILIES if family.name in ("qwen2.5-instruct", "llama-3.2-base")]


def row_of(family, pair):
    """A row of UltraFeedback for a model with a template, strings for one without."""
    if family.template is None:
        return {"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}
    asked = {"role": "user", "content": pair.prompt}
    answers = {side: {"role": "assistant", "content": getattr(pair, side)} for side in ("chosen", "rejected")}
    turns = {side: [asked, answer] for side, answer in answers.items()}
    return {
        "prompt": pair.prompt,
        "prompt_id": pair.id,
        **turns,
        "messages": turns["chosen"],
        "score_chosen": 8.0,
    }


@pytest.mark.parametrize("family", DRAFTED, ids=lambda family: family.name)
def test_a_draft_is_planned_without_a_warning(family, family_folder, nano_pairs, tmp_path):
    (tmp_path / "pairs.jsonl").write_text(
        "".join(f"{json.dumps(row_of(family, pair))}\n" for pair in nano_pairs), "utf-8"
    )
    done = lorr_bench_here("init", "--model", family_folder(family), "--data", "pairs.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"End       {family.end} ends an answer\n" in done.stdout
    plan = make_plan(load_suite(tmp_path / "suite.yaml"))
    assert [line for line in check_plan(plan) if not line.startswith("Padding: ")] == []
    counted, fitted = pair_lines(plan, Store(tmp_path / "store"))
    assert counted == "Pairs of seed 0: 20; 0 rows repeat one before them, 0 are no pairs."
    assert fitted.endswith("0 of their 40 responses are cut.")
    rows = (tmp_path / "suite_held_out" / "pairs.jsonl").read_text("utf-8").splitlines()
    held_out = json.loads(rows[0])
    written = family.template is not None
    assert (nano_pairs[20].prompt == held_out["prompt"]) == (not written)
    assert held_out["prompt"].endswith("<|im_start|>assistant\n") == written
