"""The nano tokenizer: whole words and single digits, about 120 tokens, in Hugging Face's fast form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lorr_bench.data.nano.problems import ADD, NAMES, PRONOUN, TAKE, THINGS

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD: Final = "<pad>"
EOS: Final = "<eos>"
UNKNOWN: Final = "<unk>"
_PIECES: Final = r" ?\\boxed\{| ?[A-Za-z]+| ?[0-9]| ?[+\-=]|[.,?:{}\n]|."
# Words of the questions that are neither names, things nor verbs.
_WORDS: Final = (
    "has",
    "many",
    "does",
    "have",
    "is",
    "more",
    "less",
    "than",
    "it",
    "true",
    "or",
    "false",
    "from",
    "small",
    "to",
    "large",
)


def vocabulary() -> list[str]:
    """Every token, in the order of the ids. Words and first digits carry their leading space."""
    words = ["How", "Is", *_WORDS, *NAMES, *sorted(set(PRONOUN.values())), *THINGS, *ADD, *TAKE]
    starts = ["Which", "Order", *NAMES]
    digits = [str(d) for d in range(10)]
    return [
        *(PAD, EOS, UNKNOWN),
        *digits,
        *(f" {digit}" for digit in digits),
        *(" +", " -", " =", ".", ",", "?", ":", "\n", " \\boxed{", "\\boxed{", "}"),
        *(f" {word}" for word in words),
        *starts,
    ]


def build() -> PreTrainedTokenizerFast:
    """Make the tokenizer. Decoding joins tokens as they are, so text survives the way there and back."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {token: i for i, token in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        unk_token=UNKNOWN,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=256,
    )
