"""Start an engine on families in turn, let it answer and be evaluated, and write down what it read.

python family_engines.py OUTPUT FOLDER... -- FOLDER...

Of the families behind the two dashes the engine's tokenizer is loaded alone.
"""

import json
import sys
from pathlib import Path

from family_conversations import QUESTIONS, TODAY, prompt_of
from family_facts import BY_NAME

from lorr_bench.evaluate.general import evaluate_general
from lorr_bench.evaluate.harness import PromptForm
from lorr_bench.generate.engine import Engine, EngineSettings, Sampling
from lorr_bench.tokens.chat import Chat
from lorr_bench.tokens.special import encode

SETTINGS = EngineSettings(
    dtype="float32",
    max_model_len=None,
    kv_cache_gib=1,
    gpu_memory_utilization=0.3,
    enforce_eager=True,
    trust_remote_code=False,
)
GREEDY = Sampling(n=1, temperature=0.0, top_p=1.0, max_tokens=60, seed=0)


def recorded(llm):
    """A list that fills with the numbers of every prompt that the engine is given."""
    read, generate = [], llm.generate

    def generate_and_record(prompts, *args, **options):
        outputs = generate(prompts, *args, **options)
        read.extend(output.prompt_token_ids for output in outputs)
        return outputs

    llm.generate = generate_and_record
    return read


def run(name, folder, tasks):
    """What one family read and answered."""
    family = BY_NAME[name]
    engine = Engine(str(folder), None, SETTINGS)
    read = recorded(engine.llm)
    tokenizer = engine.llm.get_tokenizer()
    prompts = [prompt_of(family, tokenizer, question) for question in QUESTIONS]
    answers = [row[0] for row in engine.generate(prompts, GREEDY)]
    begun = [(family.bos or "") + prompt for prompt in prompts] if family.adds_bos else []
    engine.generate(begun, GREEDY)
    asked, read[:] = list(read), []
    chat = Chat(TODAY, arguments=family.template_arguments)
    result = evaluate_general(
        engine.llm,
        model_path=Path(engine.home),
        tasks=["family_chat" if family.template else "family_plain"],
        include_path=tasks,
        form=PromptForm(chat=chat if family.template else None),
    )
    [samples] = result.samples.values()
    return {
        "asked": asked,
        "answers": [(answer.text, answer.end, answer.truncated) for answer in answers],
        "evaluated": list(read),
        "evaluation": [row["resps"][0][0] for row in samples],
    }


def read_alone(name, folder):
    """What the engine would be given for one family, without starting it."""
    from vllm.tokenizers import get_tokenizer

    family = BY_NAME[name]
    tokenizer = get_tokenizer(str(folder), tokenizer_mode="hf")
    prompts = [prompt_of(family, tokenizer, question) for question in QUESTIONS]
    begun = [(family.bos or "") + prompt for prompt in prompts] if family.adds_bos else []
    return {"asked": encode(prompts + begun, tokenizer)}


if __name__ == "__main__":
    output, *folders = Path(sys.argv[1]), *sys.argv[2:]
    started, alone = folders[: folders.index("--")], folders[folders.index("--") + 1 :]
    tasks = output.with_name("tasks")
    found = {Path(folder).name: run(Path(folder).name, Path(folder), tasks) for folder in started}
    found |= {Path(folder).name: read_alone(Path(folder).name, folder) for folder in alone}
    output.write_text(json.dumps(found), "utf-8")
