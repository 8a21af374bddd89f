"""Text from outside, made fit to be shown and kept."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorr_bench.outside import (
    SecretFree,
    fit_to_show,
    keep_secrets_from_output,
    public_variables,
    visible_text,
    without_secrets,
)

TOKEN = "hf_" + "a1B2c3D4" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://key:secret@bucket/store", "s3://***@bucket/store"),
        ("https://token@host/x: https://a:b@c/", "https://***@host/x: https://***@c/"),
        ("http://user:p@ss@host", "http://***@host"),
        ("https://h/o?X-Amz-Signature=abc123&n=1", "https://h/o?X-Amz-Signature=***&n=1"),
        ("https://h/o?api_key=abc&token=def#top", "https://h/o?api_key=***&token=***#top"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer ***"),
        (f"invalid token {TOKEN}.", "invalid token ***."),
        ("ghp_" + "x" * 36, "***"),
        ("key AKIAABCDEFGHIJKLMNOP", "key ***"),
    ],
)
def test_what_looks_like_a_secret_is_blotted_out(text: str, expected: str) -> None:
    assert without_secrets(text, {}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "file.jsonl:3: no column 'token'",
        "https://huggingface.co/org/name?revision=main",
        "me@example.org wrote a/b@c",
        "s3://bucket/folder/x@y",
        "hf_short, sk-learn, the bearer of news",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text, {}) == text


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
     "AWS_SESSION_TOKEN", "MLFLOW_TRACKING_PASSWORD", "AZURE_STORAGE_CONNECTION_STRING", "my_secret"],
)  # fmt: skip
def test_values_of_variables_named_like_secrets_are_blotted_out(name: str) -> None:
    variables = {name: "correct horse", "HOME": "/home/someone"}
    assert (
        without_secrets("401 for correct horse in /home/someone", variables) == "401 for *** in /home/someone"
    )
    assert public_variables(variables) == {"HOME": "/home/someone"}


def test_a_short_value_is_no_secret() -> None:
    assert without_secrets("seven words", {"API_KEY": "seven"}) == "seven words"


def test_a_secret_that_begins_another_leaves_nothing_of_it() -> None:
    variables = {"A_TOKEN": "12345678", "B_TOKEN": "1234567890"}
    assert without_secrets("is 1234567890", variables) == "is ***"


@pytest.mark.slow
@given(st.text(st.characters(codec=None)), st.text("ab12", min_size=8))
def test_no_secret_and_no_control_is_left(text: str, secret: str) -> None:
    found = without_secrets(f"{text}{secret}", {"TOKEN": secret})
    assert secret not in found
    assert visible_text(fit_to_show(text)) == fit_to_show(text)


def test_a_stream_writes_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "correct horse")
    inner = io.StringIO()
    stream = SecretFree(inner)
    assert stream.write("a correct horse") == 15
    stream.writelines(["b\n", "correct horse\n"])
    stream.flush()
    assert inner.getvalue() == "a ***b\n***\n"


def test_what_python_prints_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setenv("HF_TOKEN", "correct horse")
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    keep_secrets_from_output()
    sys.stdout.write("correct horse")
    sys.stderr.write("correct horse")
    assert capsys.readouterr() == ("***", "***")
