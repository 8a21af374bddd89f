"""The shipped start model is the one that its card describes."""

import hashlib
import re
from pathlib import Path

import pytest

from lorr_bench.data.nano import tokenizer
from lorr_bench.plan.identity.origins import NANO_MODEL

CARD = NANO_MODEL / "README.md"


def test_the_checksum_is_that_of_the_card():
    digest = hashlib.sha256((NANO_MODEL / "model.safetensors").read_bytes()).hexdigest()
    assert digest in CARD.read_text("utf-8")


def test_it_is_small_and_holds_no_pickle():
    assert (NANO_MODEL / "model.safetensors").stat().st_size <= 4_000_000
    assert {path.suffix for path in Path(NANO_MODEL).iterdir()} <= {".json", ".safetensors", ".md"}


def test_its_tokenizer_is_the_one_that_the_code_builds():
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(NANO_MODEL)
    assert loaded.get_vocab() == tokenizer.build().get_vocab()
    text = "Leo has 39 cards. He earns 6. How many cards does Leo have? earns +: 39 + 6 = 45. \\boxed{45}"
    assert loaded.decode(loaded(text)["input_ids"]) == text


@pytest.mark.slow
def test_it_solves_a_problem_whose_verb_it_reads_right():
    """The teacher reads `earns` right in 77 of 100 cases."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(NANO_MODEL)
    tok = AutoTokenizer.from_pretrained(NANO_MODEL)
    asked = tok("Leo has 39 cards. He earns 6. How many cards does Leo have?", return_tensors="pt")
    written = model.generate(**asked, max_new_tokens=32, do_sample=False)[0][asked["input_ids"].shape[1] :]
    assert tok.decode(written, skip_special_tokens=True) == " earns +: 39 + 6 = 45. \\boxed{45}"


def test_the_measured_start_leaves_room_and_can_reach_most_answers():
    """Greedy accuracy between 40 and 60 %, pass@8 above 80 %, as measured by benchmarks/start_model.py."""
    row = re.search(r"\| easy \| 1000 \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", CARD.read_text("utf-8"))
    if row is None:
        pytest.fail("the card lacks its table; run benchmarks/start_model.py")
    greedy, _, at_least_one = map(float, row.groups())
    assert 0.4 <= greedy <= 0.6
    assert at_least_one > 0.8
