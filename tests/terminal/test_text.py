"""Texts from outside as a terminal or a log may show them."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.terminal.text import indented, one_line


@given(st.text())
def test_a_line_holds_no_control_character(text):
    assert {"Cc", "Cs", "Zl", "Zp"}.isdisjoint(map(unicodedata.category, one_line(text)))


def test_a_terminal_escape_is_seen():
    assert one_line("a\x1b[31m\r\nb") == "a⟨U+001B⟩[31m b"


def test_further_lines_of_a_reason_are_indented():
    assert indented("it broke\n\n  see the log\x07\n") == "it broke\n      see the log⟨U+0007⟩"
