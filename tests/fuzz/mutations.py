"""Inputs that are almost right: values with a few faults, and texts with a few letters changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = (
    "", " ", "~", "off", "=1+1", "../../etc/passwd", "/etc/passwd", "a\x00b", "\x1b]0;x\x07", "{{7*7}}",
    "${HOME}", "\u202egnp", "\ud800", "é" * 300, "nano/", "nano", "org/name", "*", "(", "(a+)+$", "1e999",
    "!!python/object/apply:os.system [ls]", "%s%n", "\\input{x}", "<script>", "-1", "NaN", "0x10", "💥",
)  # fmt: skip
ODD_NUMBERS = (
    0, -1, 1, 2, 10**6, 2**31, 2**63, 2**64, 10**30, 10**308, 10**400, -(10**400), 0.0, -0.0, 5e-324, 1e-30,
    1e308, 0.1, float("nan"), float("inf"), float("-inf"), True, False,
)  # fmt: skip

texts = st.sampled_from(ODD_TEXTS) | st.text(max_size=12)
numbers = st.sampled_from(ODD_NUMBERS) | st.integers() | st.floats()
scalars = st.none() | texts | numbers
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every entry of a mapping or list, however deep."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, held in entries:
        yield (*at, key)
        yield from places(held, (*at, key))


@st.composite
def mutated(draw: st.DrawFn, originals: tuple[Any, ...], most: int = 4) -> Any:
    """One of the originals with one to ``most`` faults."""
    value = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, most))):
        ways = list(places(value))
        if not ways:
            break
        _change(draw, value, draw(st.sampled_from(ways)))
    return value


def _change(draw: st.DrawFn, value: Any, way: tuple[Any, ...]) -> None:
    """Replace, delete, double, rename or move one entry."""
    *above, key = way
    holder = value
    for step in above:
        holder = holder[step]
    kind = draw(st.sampled_from(("replace", "replace", "replace", "delete", "double", "rename", "swap")))
    if kind == "replace":
        holder[key] = draw(values)
    elif kind == "delete":
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == "swap":
        other = draw(st.sampled_from(sorted(holder, key=str)))
        holder[key], holder[other] = holder[other], holder[key]
    else:
        holder[draw(texts)] = copy.deepcopy(holder[key]) if kind == "double" else holder.pop(key)


@st.composite
def damaged(draw: st.DrawFn, originals: tuple[bytes, ...], most: int = 4) -> bytes:
    """One of the originals with some bytes changed, left out, doubled or put in."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        new = draw(
            st.binary(max_size=4)
            | st.sampled_from(
                (b"\n", b"\t", b"{", b"}", b"[", b": ", b"- ", b'"', b"\\", b"&a ", b"*a", b"!!x ")
            )
            | st.just(data[start:end] * 2)
        )
        data = data[:start] + new + data[end:]
    return data
