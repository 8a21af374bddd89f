"""Chat templates in the layouts that the families publish, each written here in its shortest form."""

CHATML = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""


def chatml(default_system):
    """ChatML that opens with a system turn of its own where the conversation has none."""
    opening = f"<|im_start|>system\\n{default_system}<|im_end|>\\n"
    return f"{{%- if messages[0].role != 'system' %}}{{{{- '{opening}' }}}}{{%- endif %}}\n{CHATML}"


# The last answer is written with its thoughts, which are empty where it has none.
QWEN3 = """\
{%- for message in messages %}
{%- if message.role == 'assistant' and loop.last and '</think>' not in message.content %}
{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' + message.content + '<|im_end|>\\n' }}
{%- else %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""

# The system turn is always there, and says the date.
LLAMA_3 = """\
{{- bos_token }}
{%- set asked = messages %}
{%- set system = '' %}
{%- if messages[0].role == 'system' %}
{%- set system = messages[0].content | trim %}
{%- set asked = messages[1:] %}
{%- endif %}
{%- set today = strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n' }}
{{- 'Today Date: ' + today + '\\n\\n' + system + '<|eot_id|>' }}
{%- for message in asked %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""

GEMMA_2 = """\
{{- bos_token }}
{%- if messages[0].role == 'system' %}{{- raise_exception('System role not supported') }}{%- endif %}
{%- for message in messages %}
{%- set role = 'model' if message.role == 'assistant' else message.role %}
{{- '<start_of_turn>' + role + '\\n' + message.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"""

# A system turn stands before the first user turn, in the same turn.
GEMMA_3 = """\
{{- bos_token }}
{%- set asked = messages %}
{%- set first = '' %}
{%- if messages[0].role == 'system' %}
{%- set first = messages[0].content + '\\n\\n' %}
{%- set asked = messages[1:] %}
{%- endif %}
{%- for message in asked %}
{%- set role = 'model' if message.role == 'assistant' else message.role %}
{{- '<start_of_turn>' + role + '\\n' + (first if loop.first else '') }}
{{- message.content | trim + '<end_of_turn>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{%- endif %}"""

# No generation prompt: an answer follows the closing bracket. A system turn stands before the last question.
MISTRAL = """\
{{- bos_token }}
{%- set asked = messages %}
{%- set system = '' %}
{%- if messages[0].role == 'system' %}
{%- set system = messages[0].content + '\\n\\n' %}
{%- set asked = messages[1:] %}
{%- endif %}
{%- for message in asked %}
{%- if message.role == 'user' %}
{{- '[INST] ' + (system if loop.last or loop.revindex == 2 else '') + message.content + '[/INST]' }}
{%- else %}
{{- ' ' + message.content | trim + eos_token }}
{%- endif %}
{%- endfor %}"""

PHI_3 = """\
{%- for message in messages %}
{{- '<|' + message.role + '|>\\n' + message.content + '<|end|>\\n' }}
{%- endfor %}
{{- '<|assistant|>\\n' if add_generation_prompt else eos_token }}"""

OLMO_2 = """\
{{- bos_token }}
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{{- '<|assistant|>\\n' + message.content + eos_token + ('' if loop.last else '\\n') }}
{%- else %}
{{- '<|' + message.role + '|>\\n' + message.content + '\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}"""
