"""Text that comes from outside, made fit to be shown and kept: nothing hidden in it, no secrets.

Every error passes its text through here, so whatever a file, a model or a library put into a message, it
neither moves the cursor of a terminal nor gives away a password.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Final, TextIO, cast

# Controls, direction marks and lone surrogates: invisible, not allowed in a file, or able to turn the
# order of the text around them.
UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
BLOT: Final = "***"
MIN_LETTERS: Final = 8
"""A shorter value of a variable is no secret, and would be found in innocent words."""
_SECRET_VARIABLE: Final = re.compile(
    r"(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|KEY_ID|CONNECTION_STRING)\Z", re.IGNORECASE
)
_IN_URL: Final = re.compile(r"(?<=://)[^\s/?#'\"<>]+@")
_IN_QUERY: Final = re.compile(
    r"([?&][\w.-]*(?:token|key|secret|password|signature|sig|credential)[\w.-]*=)[^\s&#'\"<>]+", re.IGNORECASE
)
_IN_HEADER: Final = re.compile(r"(\b(?:bearer|basic) )[\w.~+/=-]{8,}", re.IGNORECASE)
_BY_SHAPE: Final = re.compile(r"\b(?:hf_|gh[opsu]_|sk-|github_pat_)[\w-]{20,}|\bAKIA[0-9A-Z]{16}\b")


def visible_text(text: str) -> str:
    """Text in which controls, direction marks and lone surrogates stand as ``⟨U+001B⟩``, seen and harmless.

    Tabs and line ends stay.
    """
    return UNPRINTABLE.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text.replace("\r\n", "\n"))


def without_secrets(text: str, variables: Mapping[str, str] = os.environ) -> str:
    """Text with ``***`` in place of what looks like a secret.

    That is: the values of variables that are named like one, users and passwords in URLs, keys and signatures
    in their queries, tokens in headers, and what has the shape of a well-known token.

    Args:
        text: Any text.
        variables: The environment.
    """
    for secret in _secrets(variables):
        text = text.replace(secret, BLOT)
    text = _IN_URL.sub(f"{BLOT}@", text)
    text = _IN_QUERY.sub(rf"\1{BLOT}", text)
    text = _IN_HEADER.sub(rf"\1{BLOT}", text)
    return _BY_SHAPE.sub(BLOT, text)


def _secrets(variables: Mapping[str, str]) -> list[str]:
    """The values of variables that are named like a secret, a longer one before what it begins with."""
    found = (value for name, value in variables.items() if _SECRET_VARIABLE.search(name))
    return sorted((value for value in found if len(value) >= MIN_LETTERS), key=len, reverse=True)


def fit_to_show(text: str) -> str:
    """Visible text without secrets."""
    return visible_text(without_secrets(text))


def public_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """An environment without the variables that are named like a secret, for programs that need none."""
    return {name: value for name, value in variables.items() if not _SECRET_VARIABLE.search(name)}


def keep_secrets_from_output() -> None:
    """Let nothing that Python code prints in this process hold a secret."""
    sys.stdout = cast("TextIO", SecretFree(sys.stdout))
    sys.stderr = cast("TextIO", SecretFree(sys.stderr))


class SecretFree:
    """A text stream that writes ``***`` in place of secrets to another one.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text without its secrets; the number of letters that were given."""
        self._stream.write(without_secrets(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
