"""Texts and data inside a page."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.outside import visible_text
from lorr_bench.report.formats.embed import data_uri, script_json, source_hash


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("a\r\nb\rc", "a\nb⟨U+000D⟩c"),
        ("\x00\x1b[0m\x7f\x85", "⟨U+0000⟩⟨U+001B⟩[0m⟨U+007F⟩⟨U+0085⟩"),
        ("\u202eabc\u2069\u200f", "⟨U+202E⟩abc⟨U+2069⟩⟨U+200F⟩"),
        ("\ud83d alone", "⟨U+D83D⟩ alone"),
        ("naïve 数 😀 שלום", "naïve 数 😀 שלום"),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, expected: str) -> None:
    assert visible_text(text) == expected


@pytest.mark.slow
@given(st.text(st.characters(codec=None)))
def test_visible_text_can_be_written_and_is_visible_already(text: str) -> None:
    found = visible_text(text)
    found.encode()
    assert visible_text(found) == found


@pytest.mark.slow
@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_script_json_is_the_same_value_and_harmless(value: object) -> None:
    found = script_json(value)
    assert json.loads(found) == value
    assert found.isascii()
    assert not set("<>&") & set(found)


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json(float("nan"))


def test_data_uri_of_three_bytes() -> None:
    assert data_uri(b"abc", "image/png") == "data:image/png;base64,YWJj"


def test_source_hash_is_that_of_the_specification() -> None:
    # The example of Content Security Policy Level 3, section 8.
    assert source_hash("alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
