"""Data as a page can hold it: whatever a model wrote, it stays text."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


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
