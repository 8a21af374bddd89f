"""Texts and data as a page can hold them: whatever a model wrote, it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

# Controls, direction marks and lone surrogates: invisible, not allowed in a file, or able to turn the
# order of the text around them.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def visible_text(text: str) -> str:
    """Text in which controls, direction marks and lone surrogates stand as ``⟨U+001B⟩``, seen and harmless.

    Tabs and line ends stay.
    """
    return UNPRINTABLE.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def script_json(value: Any) -> str:
    """JSON that can't end the script element around it, nor begin a comment: ASCII, no ``<``, ``>``, ``&``.

    Args:
        value: Lists, dictionaries, texts and numbers; texts have passed ``visible_text``.

    Returns:
        The same value to every JSON reader.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for character, escape in ESCAPES.items():
        text = text.replace(character, escape)
    return text


def data_uri(content: bytes, media_type: str) -> str:
    """The content as an address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def source_hash(text: str) -> str:
    """How a Content-Security-Policy names an inline style or script: ``'sha256-…'``."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
