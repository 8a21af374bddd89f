"""Each answer has a stream of its own."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.generate.engine import Sampling, stream_seeds
from lorr_bench.generate.streams import stream_seed

ORIGINS = st.tuples(
    st.text(max_size=3), st.integers(0, 3), st.text(max_size=3), st.text(max_size=3), st.integers(0, 3)
)


@given(st.sets(ORIGINS, min_size=2, max_size=40))
def test_answers_of_other_origin_have_other_seeds(origins):
    assert len({stream_seed(*origin) for origin in origins}) == len(origins)


@given(ORIGINS)
def test_a_seed_is_one_that_vllm_takes(origin):
    """vLLM keeps it in 64 bits with a sign, and reads -1 as none."""
    assert 0 <= stream_seed(*origin) < 2**63


def test_a_seed_is_the_hash_of_its_origin():
    told = b'["collect", 0, "2 + 2", "p1", 3]'
    assert stream_seed("collect", 0, "2 + 2", "p1", 3) == int(hashlib.sha256(told).hexdigest()[:16], 16) // 2


def seeds(prompts, names=None, **changes):
    values = {"n": 8, "temperature": 1.0, "top_p": 1.0, "max_tokens": 9, "seed": 0, "purpose": "collect"}
    return stream_seeds(prompts, Sampling(**{**values, **changes}), names)


def test_suite_seeds_rounds_and_prompts_share_no_stream():
    """vLLM's own seeds of children, seed + i, would make 10 streams of these 192."""
    ways = [
        {"seed": seed, "purpose": purpose}
        for seed in (0, 1, 2)
        for purpose in ("collect", "refresh, replay 1")
    ]
    found = [seed for way in ways for seed in seeds(["a", "b", "c", "d"], **way)]
    assert len(set(found)) == len(found) == 192


def test_neither_order_nor_other_prompts_nor_more_answers_change_a_stream():
    whole = seeds(["a", "b"])
    assert seeds(["b", "a"]) == whole[8:] + whole[:8]
    assert seeds(["b"]) == whole[8:]
    assert seeds(["b"], n=9)[:8] == whole[8:]


def test_prompts_of_the_same_text_are_told_apart_by_name():
    found = seeds(["a", "a"], ["p1", "p2"])
    assert len(set(found)) == 16
