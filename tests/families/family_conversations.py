"""One conversation in each family's own form: as the product writes it, and as transformers does."""

from datetime import date

from lorr_bench.tokens.chat import Chat, chat_prompt

TODAY = date(2025, 1, 1)
QUESTIONS = (
    "Tom has 12 apples and buys 3. How many?",
    "Ann has 5 pens, loses 2. How many?",
    "What is 2 + 3?",
)
ANSWERS = (("12+3 = 15\n#### 15", "12-3 = 9\n#### 9"), ("5-2 = 3", "5+2 = 7\n#### 7"), ("5", "6\nor 7"))
LEADING = {"mistral": " "}  # its template writes a space before an answer, so the model samples one


def prompt_of(family, tokenizer, question):
    """What a suite asks with ``chat_template: true``; a plain prompt where the family has no template."""
    if family.template is None:
        return f"Question: {question}\nAnswer:"
    return chat_prompt(tokenizer, question, Chat(TODAY, arguments=family.template_arguments))


def response_of(family, answer):
    """What the model would have sampled."""
    return (LEADING.get(family.name, "") if family.template else " ") + answer


def numbers_of(family, tokenizer, question, answer, *, truncated=False):
    """Numbers of the conversation up to the token at which the model stops, by transformers alone.

    Returns:
        All numbers, and how many of them are the prompt's.
    """
    if family.template is None:
        begin = [tokenizer.bos_token_id] if family.adds_bos else []
        plain = f"Question: {question}\nAnswer:"
        prompt = begin + tokenizer(plain, add_special_tokens=False)["input_ids"]
        whole = begin + tokenizer(f"{plain} {answer}", add_special_tokens=False)["input_ids"]
        return tuple(whole if truncated else [*whole, tokenizer.eos_token_id]), len(prompt)
    user = [{"role": "user", "content": question}]
    shared = {"strftime_now": TODAY.strftime, "return_dict": True, **family.template_arguments}
    prompt = tokenizer.apply_chat_template(user, add_generation_prompt=True, **shared)["input_ids"]
    turns = [*user, {"role": "assistant", "content": answer}]
    whole = tokenizer.apply_chat_template(turns, **shared)["input_ids"]
    end = len(whole) - whole[::-1].index(tokenizer.convert_tokens_to_ids(family.end))
    return tuple(whole[: end - truncated]), len(prompt)
