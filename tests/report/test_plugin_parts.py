"""What a control lacks of a plug-in, read from the resolved suite."""

from __future__ import annotations

import pytest

from lorr_bench.report.sentences.plugin_parts import plugin_settings, primed_line, taken_out

SUITE = """
plugins:
  plain: {type: plain}
  lorr: {type: lorr, replays: 3, reset: {factor: 0.5}, sft: {cap: 0.5}, rollout_ratio: 0.0}
  softer: {type: lorr, replays: 3, reset: {factor: 0.9}, sft: {cap: 0.5}, rollout_ratio: 0.0}
  no_reset: {type: lorr, replays: 3, reset: null, sft: {cap: 0.5}, rollout_ratio: 0.0}
  replay_only: {type: lorr, replays: 3, reset: null, sft: null, rollout_ratio: 0.0}
  once: {type: lorr, replays: 1, reset: null, sft: {cap: 0.5}, rollout_ratio: 0.0}
  fresh: {type: lorr, replays: 3, reset: {factor: 0.5}, sft: {cap: 0.5}, rollout_ratio: 0.5}
  noisy: {type: lorr, replays: 3, reset: {factor: 0.5}, sft: {cap: 0.5}, label_noise: 0.3}
  adaptive: {type: lorr, replays: 3, reset: {factor: 0.5}, sft: {cap: 0.5}, adaptive: {reset: below_last}}
"""


@pytest.mark.parametrize(
    ("whole", "control", "told"),
    [
        ("lorr", "no_reset", "the reset"),
        ("lorr", "replay_only", "the reset and the SFT term"),
        ("replay_only", "plain", "the replays"),
        ("no_reset", "once", "the replays"),
        ("fresh", "lorr", "the fresh rollouts"),
        ("adaptive", "lorr", "the signal that decides"),
        ("adaptive", "no_reset", "the reset and the signal that decides"),
        ("lorr", "plain", "the replays, the reset and the SFT term"),
        ("noisy", "lorr", "the label noise"),
        ("lorr", "noisy", ""),
        ("lorr", "lorr", ""),
        ("no_reset", "lorr", ""),
        ("lorr", "softer", ""),
    ],
)
def test_only_what_was_taken_out_is_named(whole: str, control: str, told: str) -> None:
    settings = plugin_settings(SUITE)
    assert taken_out(settings[whole], settings[control]) == told


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "plugins: 3", "plugins: {lorr: 3}", "\x00"])
def test_a_text_that_describes_no_plugin_has_none(text: str) -> None:
    assert plugin_settings(text) == {}


@pytest.mark.parametrize(
    ("methods", "line"),
    [
        ("{dpo: {priming: null}, ipo: {}}", ""),
        ("{dpo: {priming: {replays: 2}}, ipo: {}}", "What dpo used has the priming in it."),
        (
            "{a: {priming: {replays: 2}}, b: {priming: {replays: 3}}}",
            "What a and b used has the priming in it.",
        ),
        ("3", ""),
    ],
)
def test_primed_methods_are_named(methods: str, line: str) -> None:
    assert primed_line(f"methods: {methods}") == line
