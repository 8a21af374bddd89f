"""Parts of libraries that this project rests on though no library promises them, each with what it is for.

They are looked up in the files of the installed libraries, without importing any. Where one moved, its test
fails with a sentence that says what of ours rests on it; a new one that is not listed here fails too.
"""

import ast
import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN_FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for package in ("lorr_bench", "adapters")
    for file in (ROOT / package).rglob("*.py")
)
PUBLIC_MODULES = {
    "accelerate.utils",
    "lm_eval.tasks",
    "ray.exceptions",
    "transformers.integrations",
    "trl.data_utils",
    "trl.experimental.cpo",
    "trl.experimental.orpo",
}
"""Modules inside a library that its documentation names as places to import from."""
LIBRARIES = {
    "accelerate",
    "datasets",
    "deepspeed",
    "lm_eval",
    "math_verify",
    "peft",
    "ray",
    "transformers",
    "trl",
    "vllm",
}


@dataclass(frozen=True)
class Internal:
    """A part of a library.

    Attributes:
        file: The library's file that defines it, from the folder of its package.
        name: A module-level name, ``Class.member``, or ``*.attribute`` for one that is set on any object.
        user: Our file that rests on it.
        purpose: What it is for there.
    """

    file: str
    name: str
    user: str
    purpose: str

    def __str__(self):
        return f"{self.file}:{self.name}"


TRL = "adapters/lorr_bench_adapters/trl/training"
NATIVE = "adapters/lorr_bench_adapters/native/training"
HARNESS = "lorr_bench/evaluate/harness.py"
INTERNALS = [
    Internal(
        file="fontTools/subset/__init__.py",
        name="Options._drop_tables_default",
        user="lorr_bench/report/figures/drawing.py",
        purpose="leaves out of the fonts in PDF figures what nothing reads there",
    ),
    Internal(
        file="ray/_private/worker.py",
        name="_worker_logs_enabled",
        user="lorr_bench/run/ray/cluster.py",
        purpose="keeps what dying nodes print out of the live view",
    ),
    *(
        Internal(
            file="accelerate/data_loader.py",
            name=f"DataLoaderShard.{name}",
            user=f"{TRL}/callback.py",
            purpose="gives the trainer the order of the rows that the replay loop draws",
        )
        for name in ("get_sampler", "set_sampler")
    ),
    Internal(
        file="transformers/trainer_callback.py",
        name="ExportableState",
        user=f"{TRL}/callback.py",
        purpose="puts into checkpoints which weights, rows and options a run began with",
    ),
    Internal(
        file="transformers/trainer_callback.py",
        name="TrainerState.stateful_callbacks",
        user=f"{TRL}/checks.py",
        purpose="has what a callback put into the checkpoint that training continues from",
    ),
    Internal(
        file="transformers/trainer.py",
        name="Trainer.set_initial_training_values",
        user=f"{TRL}/replay.py",
        purpose="ends training after the replay of the job while the schedule runs through all of them",
    ),
    Internal(
        file="transformers/trainer.py",
        name="Trainer.get_batch_samples",
        user=f"{TRL}/hybrid.py",
        purpose="shows all micro-batches of an update, so that each row weighs the same in it",
    ),
    Internal(
        file="transformers/trainer.py",
        name="Trainer.create_model_card",
        user=f"{TRL}/replay.py",
        purpose="keeps model cards out of checkpoints",
    ),
    *(
        Internal(
            file="transformers/trainer.py",
            name=f"Trainer.{name}",
            user=f"{TRL}/checkpoint_state.py",
            purpose="keeps checkpoints free of pickles",
        )
        for name in (
            "_save_optimizer_and_scheduler",
            "_load_optimizer_and_scheduler",
            "_save_rng_state",
            "_load_rng_state",
            "_load_from_checkpoint",
        )
    ),
    Internal(
        file="transformers/trainer_pt_utils.py",
        name="get_parameter_names",
        user=f"{NATIVE}/optimization.py",
        purpose="chooses the parameters without weight decay as transformers.Trainer does",
    ),
    Internal(
        file="transformers/configuration_utils.py",
        name="*._attn_implementation",
        user=f"{NATIVE}/policy.py",
        purpose="says whether a model's attention can be replaced by the packed one",
    ),
    Internal(
        file="transformers/integrations/sdpa_attention.py",
        name="sdpa_attention_forward",
        user=f"{NATIVE}/packed_attention.py",
        purpose="is the attention within each tree of a packed batch",
    ),
    Internal(
        file="transformers/masking_utils.py",
        name="sdpa_mask",
        user=f"{NATIVE}/policy.py",
        purpose="is the mask of the packed attention where a batch is not packed",
    ),
    Internal(
        file="transformers/quantizers/base.py",
        name="*.is_quantized",
        user="adapters/lorr_bench_adapters/loading.py",
        purpose="tells a 4-bit base, which is loaded whole before its adapter is merged",
    ),
    *(
        Internal(
            file=f"trl/trainer/{trainer}_trainer.py",
            name=f"{trainer.upper()}Trainer.{name}",
            user=f"{TRL}/{user}.py",
            purpose=purpose,
        )
        for trainer, user in (("dpo", "preference"), ("kto", "labels"))
        for name, purpose in (
            ("_prepare_dataset", "takes rows that are tokenized already"),
            ("_compute_loss", "is the loss to which λ·L_SFT is added"),
            ("_metrics", "logs the SFT term beside the trainer's own metrics"),
        )
    ),
    *(
        Internal(
            file=f"trl/trainer/{trainer}_trainer.py",
            name=f"{trainer.upper()}Trainer.{name}",
            user=f"{TRL}/given_reference.py",
            purpose=purpose,
        )
        for trainer in ("dpo", "kto")
        for name, purpose in (
            ("_prepare_dataset", "takes rows that are tokenized already"),
            ("_precompute_ref_logps", "takes rows that carry reference log-probabilities already"),
            ("precompute_ref_logps", "says that the loss finds the reference in its rows"),
            ("ref_model", "would hold a second model"),
        )
    ),
    Internal(
        file="accelerate/utils/dataclasses.py",
        name="FullyShardedDataParallelPlugin.mixed_precision_policy",
        user="adapters/lorr_bench_adapters/sharded_precision.py",
        purpose="says in which precision FSDP computes, adds up and answers",
    ),
    Internal(
        file="transformers/trainer.py",
        name="Trainer._load_from_checkpoint",
        user=f"{TRL}/replay.py",
        purpose="is the last moment at which sharded weights are those of the start model",
    ),
    Internal(
        file="trl/trainer/utils.py",
        name="FusedCausalLMOutput.log_probs",
        user=f"{TRL}/hybrid.py",
        purpose="holds the log-probabilities of the last forward pass, of which L_SFT is made",
    ),
    Internal(
        file="trl/trainer/utils.py",
        name="RepeatSampler",
        user=f"{TRL}/online.py",
        purpose="lays out prompts and their answers as GRPOTrainer and RLOOTrainer expect them",
    ),
    *(
        Internal(
            file=f"trl/trainer/{trainer}_trainer.py",
            name=f"{trainer.upper()}Trainer._get_train_sampler",
            user=f"{TRL}/online.py",
            purpose="gives the trainer the order of the prompts that the replay loop draws",
        )
        for trainer in ("grpo", "rloo")
    ),
    *(
        Internal(
            file=f"trl/trainer/{trainer}_trainer.py",
            name=f"*.{name}",
            user=f"{TRL}/colocated.py",
            purpose="lets a trainer that was made without vLLM draw its answers with the suite's engine",
        )
        for trainer in ("grpo", "rloo")
        for name in ("use_vllm", "vllm_generation", "_last_loaded_step")
    ),
    *(
        Internal(
            file="trl/generation/vllm_generation.py",
            name=f"VLLMGeneration.{name}",
            user=f"{TRL}/colocated.py",
            purpose=purpose,
        )
        for name, purpose in (
            ("_init_vllm", "would start a second engine"),
            (
                "_iter_named_params",
                "gives the weights of the moment, an adapter merged, as the model's files name them",
            ),
        )
    ),
    Internal(
        file="trl/trainer/grpo_trainer.py",
        name="GRPOTrainer._buffered_inputs",
        user=f"{TRL}/online.py",
        purpose="counts the tokens of an update, over which `bnpo` is a mean",
    ),
    *(
        Internal(
            file=f"trl/experimental/{trainer}/{trainer}_trainer.py",
            name=f"{trainer.upper()}Trainer.{name}",
            user=f"{TRL}/reference_free.py",
            purpose=purpose,
        )
        for trainer in ("cpo", "orpo")
        for name, purpose in (
            ("tokenize_row", "takes rows that are tokenized already"),
            ("concatenated_forward", "gives the log-probabilities of which L_SFT is made"),
            ("get_batch_loss_metrics", "is the loss to which λ·L_SFT is added"),
        )
    ),
    Internal(
        file="trl/experimental/orpo/orpo_trainer.py",
        name="ORPOTrainer.odds_ratio_loss",
        user=f"{TRL}/reference_free.py",
        purpose="has a slope of NaN where a response is certain, and is replaced",
    ),
    Internal(
        file="accelerate/state.py",
        name="AcceleratorState._reset_state",
        user=f"{NATIVE}/accelerator.py",
        purpose="forgets the precision of an earlier training run in the same process",
    ),
    Internal(
        file="liger_kernel/transformers/monkey_patch.py",
        name="_apply_liger_kernel_to_instance",
        user=f"{NATIVE}/accelerator.py",
        purpose="puts fused kernels into one model, where the public functions patch its class",
    ),
    Internal(
        file="torch/optim/lr_scheduler.py",
        name="*._last_lr",
        user=f"{NATIVE}/trainer.py",
        purpose="puts the schedule where a checkpoint has it",
    ),
    Internal(
        file="torch/_dynamo/eval_frame.py",
        name="*._orig_mod",
        user="lorr_bench/lorr/reset.py",
        purpose="is taken out of the names of parameters in a compiled model",
    ),
    Internal(
        file="torch/distributed/algorithms/_checkpoint/checkpoint_wrapper.py",
        name="*._checkpoint_wrapped_module",
        user="lorr_bench/lorr/reset.py",
        purpose="is taken out of the names of parameters in a model with activation checkpointing",
    ),
    Internal(
        file="peft/tuners/lora/layer.py",
        name="*.lora_B",
        user="lorr_bench/lorr/reset.py",
        purpose="is the matrix that a reset of a LoRA adapter scales",
    ),
    Internal(
        file="peft/tuners/lora/layer.py",
        name="Linear.get_delta_weight",
        user="lorr_bench/lorr/measures.py",
        purpose="measures how far a LoRA adapter has moved a weight",
    ),
    Internal(
        file="deepspeed/runtime/zero/partition_parameters.py",
        name="*.ds_id",
        user="lorr_bench/lorr/zero.py",
        purpose="marks a parameter that ZeRO stage 3 keeps",
    ),
    Internal(
        file="deepspeed/utils/mixed_precision_linkage.py",
        name="*._hp_mapping",
        user="lorr_bench/lorr/zero.py",
        purpose="marks a parameter that ZeRO stage 1 or 2 keeps",
    ),
    *(
        Internal(
            file="deepspeed/runtime/zero/stage3.py",
            name=f"*.{name}",
            user="lorr_bench/lorr/zero.py",
            purpose="finds the moments that a reset forgets among ZeRO's flat tensors",
        )
        for name in ("sub_group_to_group_id", "fp32_partitioned_groups_flat")
    ),
    *(
        Internal(
            file="deepspeed/utils/tensor_fragment.py",
            name=name,
            user="lorr_bench/lorr/zero.py",
            purpose="reads and writes the weights that ZeRO's optimizer works on",
        )
        for name in (
            "safe_get_full_fp32_param",
            "safe_set_full_fp32_param",
            "safe_get_local_fp32_param",
            "safe_set_local_fp32_param",
        )
    ),
    *(
        Internal(file=file, name=name, user="lorr_bench/generate/counting.py", purpose=purpose)
        for file, name, purpose in (
            ("vllm/entrypoints/llm.py", "*.llm_engine", "is the way to the engine below LLM"),
            ("vllm/v1/engine/llm_engine.py", "*.engine_core", "is the way to the core below the engine"),
            (
                "vllm/v1/engine/llm_engine.py",
                "LLMEngine.get_num_unfinished_requests",
                "tells how many answers are still to come",
            ),
            (
                "vllm/v1/engine/core_client.py",
                "InprocClient.get_output",
                "is wrapped to count what the core hands on with each step",
            ),
            ("vllm/v1/engine/__init__.py", "EngineCoreOutput.new_token_ids", "holds the tokens to count"),
            (
                "vllm/v1/engine/__init__.py",
                "EngineCoreOutput.new_prompt_logprobs_tensors",
                "tells a scored prompt from an answer",
            ),
        )
    ),
    *(
        Internal(file=file, name=name, user="lorr_bench/generate/engine.py", purpose=purpose)
        for file, name, purpose in (
            ("vllm/v1/engine/core_client.py", "InprocClient.shutdown", "ends the processes of the engine"),
            ("vllm/v1/worker/worker_base.py", "WorkerBase.get_model", "is the model inside a worker"),
            ("vllm/v1/worker/gpu_worker.py", "Worker.reload_weights", "swaps the weights in place"),
            (
                "vllm/model_executor/layers/vocab_parallel_embedding.py",
                "UnquantizedEmbeddingMethod.process_weights_after_loading",
                "packs a head that is tied to the embeddings again, after a swap",
            ),
        )
    ),
    *(
        Internal(file=file, name=name, user=HARNESS, purpose=purpose)
        for file, name, purpose in (
            ("lm_eval/models/vllm_causallms.py", "LLM", "is exchanged for the engine that already runs"),
            (
                "lm_eval/models/vllm_causallms.py",
                "version",
                "is exchanged, because vLLM's builds for other devices are installed under other names",
            ),
            ("lm_eval/models/vllm_causallms.py", "eval_logger", "warns of each prompt that is cut"),
            ("lm_eval/models/vllm_causallms.py", "maybe_truncate", "cuts prompts, which are counted"),
            ("lm_eval/models/vllm_causallms.py", "tqdm", "draws a progress bar into the live view"),
            (
                "lm_eval/models/vllm_causallms.py",
                "VLLM._loglikelihood_tokens",
                "is where the prompts of multiple-choice tasks are cut",
            ),
            (
                "lm_eval/models/vllm_causallms.py",
                "VLLM.generate_until",
                "is where the prompts of tasks with written answers are cut",
            ),
            ("lm_eval/utils.py", "env", "is exchanged for a sandbox, so that task files run no code"),
            ("lm_eval/api/task.py", "get_metric", "is exchanged, so that task files load no code"),
            ("lm_eval/api/task.py", "tqdm", "draws a progress bar into the live view"),
            ("lm_eval/api/model.py", "tqdm", "draws a progress bar into the live view"),
            ("lm_eval/api/registry.py", "METRIC_REGISTRY", "tells lm-eval's own metrics from the Hub's"),
            ("lm_eval/api/registry.py", "get_metric", "gives lm-eval's own metrics"),
            ("lm_eval/api/metrics.py", "bootstrap_stderr", "would fork the process of the engine"),
            ("lm_eval/evaluator.py", "add_env_info", "would survey the machine for seconds"),
            ("lm_eval/tasks/manager.py", "TaskManager.task_index", "tells whether a task is known"),
            ("lm_eval/tasks/manager.py", "TaskManager.all_tasks", "names near tasks in an error"),
            ("datasets/load.py", "load_dataset", "is exchanged, so that data come at their commit"),
            ("datasets/config.py", "HF_DATASETS_CACHE", "holds the caches of files, by their content"),
            (
                "datasets/utils/tqdm.py",
                "are_progress_bars_disabled",
                "tells whether to show progress bars again afterwards",
            ),
        )
    ),
    Internal(
        file="datasets/config.py",
        name="HF_DATASETS_CACHE",
        user="lorr_bench/checks/hub_data.py",
        purpose="is where data sets lie that were prepared before",
    ),
    Internal(
        file="datasets/naming.py",
        name="camelcase_to_snakecase",
        user="lorr_bench/checks/hub_data.py",
        purpose="names the folder of a data set that was prepared before",
    ),
    *(
        Internal(
            file="lm_eval/utils.py",
            name=name,
            user="lorr_bench/evaluate/general.py",
            purpose="writes results in the very form of lm-eval's own command",
        )
        for name in ("handle_non_serializable", "hash_string", "sanitize_list")
    ),
    Internal(
        file="lm_eval/utils.py",
        name="sanitize_model_name",
        user="lorr_bench/export/lm_eval_files.py",
        purpose="names files as lm-eval's own command does",
    ),
]


@pytest.mark.parametrize("part", INTERNALS, ids=str)
def test_a_library_still_has_what_rests_on_it(part):
    library, _, rest = part.file.partition("/")
    spec = importlib.util.find_spec(library)
    if spec is None:
        pytest.skip(f"{library} is not installed")
    file = Path(spec.submodule_search_locations[0]) / rest
    assert file.is_file() and part.name in names_in(file), (  # noqa: PT018 - one sentence for both
        f"{part.file} no longer has {part.name}, on which {part.user} rests: it {part.purpose}."
    )


@pytest.mark.parametrize("part", INTERNALS, ids=str)
def test_what_rests_on_it_is_still_ours(part):
    assert part.name.rpartition(".")[2] in (ROOT / part.user).read_text("utf-8"), (
        f"{part.user} no longer uses {part.name}: take it off this list"
    )


@pytest.mark.slow
def test_no_private_name_of_a_library_is_used_but_those_listed():
    assert not_listed(private_names) == {}


@pytest.mark.slow
def test_nothing_is_imported_from_inside_a_library_but_what_is_listed():
    assert not_listed(deep_imports) == {}


def test_no_private_method_of_a_trainer_is_replaced_but_those_listed():
    """A private method of ours with the name of one of the library's would replace it unseen."""
    assert not_listed(private_methods_of_trainers_replaced) == {}


def not_listed(names_used):
    """By file, what it uses and the list does not have."""
    found = {file: names_used(file) - listed(file) for file in OWN_FILES}
    return {file: names for file, names in found.items() if names}


def listed(file):
    names = [part.name for part in INTERNALS if part.user == file]
    return {end for name in names for end in (name.partition(".")[0], name.rpartition(".")[2])}


@cache
def tree_of(file):
    return ast.parse(Path(file).read_text("utf-8"))


@cache
def names_in(file):
    """What a file defines: names of the module, members of its classes, attributes set on any object."""
    found = set(bound_names(tree_of(file)))
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(f"*.{node.attr}")
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{member}" for member in bound_names(node)}
            found |= {
                f"{node.name}.{inner.attr}"
                for inner in ast.walk(node)
                if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
            }
    return found


def bound_names(scope):
    """Names that the body of a module or class binds, also within ``if`` and ``try``."""
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.If | ast.Try | ast.With):
            yield from (inner.id for inner in ast.walk(node) if is_bound(inner))
            yield from (
                alias.asname or alias.name
                for inner in ast.walk(node)
                if isinstance(inner, ast.Import | ast.ImportFrom)
                for alias in inner.names
            )


def is_bound(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def private_names(file):
    """Private names that a file reads from, or sets on, something else than its own objects."""
    nodes = list(ast.walk(tree_of(ROOT / file)))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {name.attr for name in nodes if isinstance(name, ast.Attribute) and is_own(name.value)}
    read = {node.attr for node in nodes if isinstance(node, ast.Attribute) and not is_own(node.value)}
    # `super()._x` is the library's, though a class here has a method of that name too.
    above = {node.attr for node in nodes if isinstance(node, ast.Attribute) and is_super(node.value)}
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    public = {"_replace"}  # of every named tuple, documented
    modules = {"_private"}  # of ray, whose name in it is listed
    return {name for name in (read - own) | above | imported if is_private(name)} - modules - public


def is_own(node):
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def is_super(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def deep_imports(file):
    """Names that a file imports from modules inside a library which are not made for that."""
    return {
        alias.name
        for node in ast.walk(tree_of(ROOT / file))
        if isinstance(node, ast.ImportFrom) and node.module
        if node.module.split(".")[0] in LIBRARIES and "." in node.module
        if node.module not in PUBLIC_MODULES
        for alias in node.names
    }


def private_methods_of_trainers_replaced(file):
    if not file.startswith(TRL):
        return set()
    nodes = ast.walk(tree_of(ROOT / file))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef) and is_private(node.name)}
    return own & private_methods_of_trainers()


@cache
def private_methods_of_trainers():
    files = {
        Path(importlib.util.find_spec(part.file.partition("/")[0]).submodule_search_locations[0])
        / part.file.partition("/")[2]
        for part in INTERNALS
        if part.user.startswith(TRL)
    }
    return {
        name.rpartition(".")[2] for file in files for name in names_in(file) if "." in name and name[0] != "*"
    }
