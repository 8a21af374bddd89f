"""The process in which Math-Verify runs: JSON lines in, JSON lines out.

Started as a plain script, so that it imports nothing but the standard library and Math-Verify. It ends when
its input does or when its parent is gone. A time limit is kept by the kernel: SIGPROF ends the process even
in the middle of a long multiplication, and the parent sees which answer it was. The limit is in processor
seconds, so that verdicts do not depend on what else the machine is doing.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

CHOICES = tuple("ABCDEFGHIJ")
SHOWN_CHARS = 200
PARENT_CHECK_SECONDS = 1.0
_CHOICE = re.compile(r"\(?([A-J])\)?\Z")
_CHOICE_IN_BRACKETS = re.compile(r"\(([A-J])\)")
_MATH_MARKS = re.compile(r"\$|\\\(|\\\[|\\boxed")


def parse(text: str, *, choices: bool = False) -> list[Any]:
    """What Math-Verify finds in ``text``; its own time-out is off because ours ends the process."""
    import math_verify

    wanted = [math_verify.LatexExtractionConfig(), math_verify.ExprExtractionConfig()]
    if choices:
        # Only after a word like "answer": a lone "A" is an article more often than a choice.
        letters = math_verify.StringExtractionConfig(strings=CHOICES, try_extract_without_anchor=False)
        wanted.append(letters)
    found: list[Any] = math_verify.parse(text, wanted, parsing_timeout=None)
    return found


@lru_cache(maxsize=1024)
def parse_gold(gold: str) -> tuple[Any, ...]:
    """A gold answer may be LaTeX without dollar signs, so it is boxed first."""
    found = parse(gold if _MATH_MARKS.search(gold) else rf"\boxed{{{gold}}}")
    if all(isinstance(value, str) for value in found):
        found += parse(gold)
    if choice := _CHOICE.match(gold.strip()):
        found.append(choice[1].lower())
    return tuple(found)


def judge(gold: str, text: str) -> tuple[str, str | None]:
    """The reason (``equal``, ``different``, ``no_answer``) and the answer that was found."""
    import math_verify

    choices = _CHOICE.match(gold.strip()) is not None
    found = parse(_CHOICE_IN_BRACKETS.sub(r" \1 ", text) if choices else text, choices=choices)
    if not found:
        return "no_answer", None
    equal = math_verify.verify(list(parse_gold(gold)), found, timeout_seconds=None)
    return "equal" if equal else "different", _shown(found)


def _shown(found: list[Any]) -> str:
    """The answer as written if Math-Verify kept that, else its value."""
    written = [value for value in found if isinstance(value, str) and value]
    return (written[0] if written else str(found[0]))[:SHOWN_CHARS]


def requests(parent: int) -> Iterator[dict[str, Any]]:
    """Requests from standard input, until it ends or the parent is gone."""
    buffer = b""
    while True:
        # A forked sibling may hold our input open after the parent died, so that alone is no sign.
        while not select.select([0], [], [], PARENT_CHECK_SECONDS)[0]:
            if os.getppid() != parent:
                return
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)


def reply(message: dict[str, Any]) -> None:
    """One line to the parent."""
    os.write(1, json.dumps(message).encode() + b"\n")


def address_space() -> int:
    """Bytes of this process's address space, the quantity that the limit bounds.

    Not the largest resident size: a child begins with that of the parent that started it, which may hold a
    language model.
    """
    pages = Path("/proc/self/statm").read_text("ascii").split()[0]
    return int(pages) * resource.getpagesize()


def serve(parent: int, memory_bytes: int) -> None:
    """Answer requests one by one; stop after the one that leaves half of the memory in use."""
    reply({"ready": True})
    for request in requests(parent):
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        reason, extracted = judge(request["gold"], request["text"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        reply({"reason": reason, "extracted": extracted, "seconds": time.process_time() - started})
        if address_space() > memory_bytes // 2:
            return  # out-of-memory errors inside Math-Verify would read as wrong answers; begin afresh


def main() -> None:
    """Entry: the parent's process id and the memory limit in bytes are the arguments."""
    parent, memory_bytes = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    try:
        import math_verify  # noqa: F401 - warm before the first request
    except ImportError as error:
        reply({"missing": str(error)})
        return
    serve(parent, memory_bytes)


if __name__ == "__main__":
    main()
