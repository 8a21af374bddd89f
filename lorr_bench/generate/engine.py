"""One vLLM engine in this process, for all models of a suite.

The engine runs inside the calling process, so it ends with it. On a GPU each answer has a seed of its own; on
a CPU the seed of the process decides every sample (a seed for each request stops vLLM's CPU engine).
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from lorr_bench.errors import CrowdedError, MissingPackageError, ModelError, SuiteError
from lorr_bench.generate.counting import counted
from lorr_bench.generate.fingerprint import Fingerprint, swap_tolerance, tokenized
from lorr_bench.generate.streams import stream_seed
from lorr_bench.imports import without_collections
from lorr_bench.plan.identity.hub_model import model_folder
from lorr_bench.ports.trainer import Drawn, Progress
from lorr_bench.tokens.chat import Chat, chat_prompt
from lorr_bench.tokens.special import encode, special_stops, stop_token_ids
from lorr_bench.values import Completion

if TYPE_CHECKING:
    from torch import Tensor
    from vllm import LLM

ENVIRONMENT: Final = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "TOKENIZERS_PARALLELISM": "false",  # else tokenizers warn when a process is forked
}

NO_COMPILING: Final = "TORCH_COMPILE_DISABLE"
"""Read by torch when it is imported, and by vLLM."""

OTHERS_HOLD_MEMORY: Final = "Free memory on device"
"""So vLLM begins where less of a GPU is free than the engine is to have."""


@dataclass(frozen=True)
class EngineSettings:
    """How the engine is started.

    Attributes:
        dtype: Type of the weights.
        max_model_len: Context length in tokens, or None for the model's own.
        kv_cache_gib: Key-value cache on a CPU.
        gpu_memory_utilization: Share of a GPU.
        enforce_eager: No graphs, no compilation.
        trust_remote_code: Whether code that comes with the model may run.
        tensor_parallel_size: GPUs over which the model is cut, each with a process of its own.
        batch_invariant: Whether the kernels compute an answer alike, whatever is computed beside it.
    """

    dtype: str
    max_model_len: int | None
    kv_cache_gib: int
    gpu_memory_utilization: float
    enforce_eager: bool
    trust_remote_code: bool
    tensor_parallel_size: int = 1
    batch_invariant: bool = False


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn.

    Attributes:
        n: Answers for each prompt.
        temperature: 0 is greedy.
        top_p: Nucleus.
        max_tokens: Token limit of an answer.
        seed: Of the suite.
        stop: Texts that end an answer, special tokens among them; they are cut off.
        purpose: What the answers are for, with round or replay. On a GPU prompts that are asked again for
            something else have other draws.
    """

    n: int
    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    stop: tuple[str, ...] = ()
    purpose: str = ""


class Engine:
    """vLLM, holding the weights of one model at a time.

    Args:
        model: Folder in Hugging Face form, or a Hub id; its shape stays for the life of the engine.
        revision: Hub revision.
        settings: How to start.

    Raises:
        SuiteError: This process has fewer GPUs than the model is to be cut over, or none for the kernels; or
            a model is to be compiled without a compiler.
        MissingPackageError: vLLM is not installed.
        CrowdedError: Something else holds the memory of the GPU.
        ModelError: vLLM can't load the model.
    """

    def __init__(self, model: str, revision: str | None, settings: EngineSettings) -> None:
        check_devices(settings.tensor_parallel_size)
        if not settings.enforce_eager:
            check_compiler()
        if settings.batch_invariant:
            _want_batch_invariance()
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ["VLLM_CPU_KVCACHE_SPACE"] = str(settings.kv_cache_gib)
        with _nothing_compiled() if settings.enforce_eager else nullcontext():
            self.llm = _start(model, revision, settings)
        self._began_with = (model, revision)
        self._loaded: tuple[str, str | None] | None = self._began_with
        self._parts = settings.tensor_parallel_size
        self._distance_at_start: float | None = None
        self._asleep = False

    def sleep(self) -> None:
        """Give the memory of the GPU back until a model is loaded; on a CPU nothing happens."""
        import torch

        if torch.cuda.is_available() and not self._asleep:
            self.llm.sleep(level=2)  # weights are dropped: those of another model come most often
            self._asleep = True

    def load(self, model: str, revision: str | None) -> None:
        """Swap the weights for those of another model of the same shape, and forget cached prefixes.

        An engine that sleeps wakes.

        Args:
            model: A folder, or a Hub id.
            revision: Hub revision.
        """
        if self._asleep or (model, revision) != self._loaded:
            self._swap({"weights_path": model_folder(model, revision)})
            self._loaded = (model, revision)
        self.llm.reset_prefix_cache()  # it holds keys and values of the weights before

    def take(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Copy the weights of a model in training, of the engine's shape, and forget cached prefixes.

        An engine that sleeps wakes.

        Args:
            tensors: All weights, named as in the model's files.
        """
        self._swap({"weights_iterator": tensors})
        self.llm.reset_prefix_cache()

    def _swap(self, source: dict[str, Any]) -> None:
        """Load weights into the layers of the engine; wake it, where it sleeps."""
        self._loaded = None  # also where it fails halfway
        if self._asleep:
            self.llm.wake_up(tags=["weights"])
        self.llm.collective_rpc("reload_weights", kwargs=source)
        self.llm.collective_rpc(pack_tied_heads)
        if self._asleep:
            self.llm.wake_up(tags=["kv_cache"])  # after the weights, which loading needs room for
            self._asleep = False

    @property
    def sleeps(self) -> bool:
        """Whether its weights are gone, so that it can't answer before it has others."""
        return self._asleep

    def disagreement(self, fingerprint: Fingerprint) -> str | None:
        """How the engine contradicts the fingerprint of the model that it should hold; None where it agrees.

        Args:
            fingerprint: Of the model that was loaded last.
        """
        tokenizer = self.llm.get_tokenizer()
        if tokenized(lambda text: tokenizer.encode(text, add_special_tokens=False)) != fingerprint.texts:
            return "the engine reads text as other tokens than the model's own tokenizer"
        distance = fingerprint.distance(self.score(fingerprint.sequences))
        swapped = self._loaded != self._began_with
        if not swapped:
            self._distance_at_start = distance
        tolerance = swap_tolerance(fingerprint, self._distance_at_start) if swapped else fingerprint.tolerance
        if distance <= tolerance:
            return None
        return (
            f"the engine gives log-probabilities {distance:.2g} nats away from those of the saved model, on "
            f"average; {tolerance:.2g} are allowed in {fingerprint.dtype}"
        )

    def score(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        """For each sequence of tokens the log-probability of each but the first, in nats.

        A sequence that is longer than the context is scored as far as it fits. Cached prefixes are forgotten.
        """
        from vllm import SamplingParams, TokensPrompt

        room = int(self.llm.model_config.max_model_len) - 1  # the engine always adds a token
        prompts = [TokensPrompt(prompt_token_ids=list(tokens[:room])) for tokens in sequences]
        # 0: of each place the log-probability of its own token, and of no others.
        scored = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        outputs = self.llm.generate(prompts, scored, use_tqdm=False)
        self.llm.reset_prefix_cache()
        return [
            [
                place[token].logprob
                for token, place in zip(tokens[1:room], output.prompt_logprobs[1:], strict=True)
            ]
            for tokens, output in zip(sequences, outputs, strict=True)
        ]

    @property
    def replaceable(self) -> bool:
        """Whether this process can start another engine once this one is closed.

        Not on a GPU: vLLM's sleep mode serves one engine in the life of a process.
        """
        import torch

        return not torch.cuda.is_available()

    def close(self) -> None:
        """End the processes of the engine and give its memory back; it wakes for that.

        Memory that is freed while it sleeps is freed twice, and the process may die of it
        (https://github.com/vllm-project/vllm/issues/36651).
        """
        import torch

        if self._asleep:
            self.llm.wake_up()
            self._asleep = False
        self.llm.llm_engine.engine_core.shutdown()
        del self.llm
        torch.compiler.set_stance("default")
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @property
    def home(self) -> str:
        """The folder of the model that the engine was started with: of its configuration and tokenizer."""
        return model_folder(*self._began_with)

    def generate(
        self,
        prompts: Sequence[str],
        sampling: Sampling,
        progress: Progress | None = None,
        names: Sequence[str] | None = None,
    ) -> list[list[Completion]]:
        """``sampling.n`` answers for each prompt, in the order of the prompts.

        An answer ends at every token that ends one in the model's chat template, its tokenizer or its
        generation settings, and where ``sampling.stop`` says. On a GPU each answer has a stream of its own,
        which neither the other prompts nor their order change; on a CPU the seed decides the whole call.

        Args:
            prompts: What to answer.
            sampling: How.
            progress: Told answers done, answers in all, and tokens generated so far.
            names: Tell apart prompts of the same text, which otherwise have the same answers on a GPU.
        """
        import torch
        from vllm import SamplingParams, TokensPrompt

        tokenizer = self.llm.get_tokenizer()
        special, stop = special_stops(sampling.stop, tokenizer)
        ends = {"stop": stop, "stop_token_ids": sorted({*special, *stop_token_ids(tokenizer)})}
        drawn = partial(
            SamplingParams,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            **ends,
        )
        asked = [TokensPrompt(prompt_token_ids=ids) for ids in encode(prompts, tokenizer)]
        with counted(self.llm, progress) if progress else nullcontext():
            if torch.cuda.is_available():
                # A request for each answer: of one for several, vLLM makes the seeds itself.
                each = [prompt for prompt in asked for _ in range(sampling.n)]
                ways = [drawn(n=1, seed=seed) for seed in stream_seeds(prompts, sampling, names)]
                outputs = self.llm.generate(each, ways, use_tqdm=False)
            else:
                self._seed(sampling.seed)
                outputs = self.llm.generate(asked, drawn(n=sampling.n, seed=None), use_tqdm=False)
        answers = [_completion(answer, tokenizer) for output in outputs for answer in output.outputs]
        return [answers[first : first + sampling.n] for first in range(0, len(answers), sampling.n)]

    def draw(self, prompts: Sequence[Sequence[int]], sampling: Sampling) -> list[Drawn]:
        """One answer to each prompt, with the log-probabilities that it was drawn with.

        The same prompt may come several times: each has draws of its own. torch's random state of this
        process is as before.

        Args:
            prompts: Tokens of each prompt.
            sampling: How; ``n`` is 1 and ``stop`` empty.
        """
        import torch
        from vllm import SamplingParams, TokensPrompt

        way = partial(
            SamplingParams,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            stop_token_ids=stop_token_ids(self.llm.get_tokenizer()),
            logprobs=0,  # that of the token drawn, and no others
            detokenize=False,
        )
        asked = [TokensPrompt(prompt_token_ids=list(tokens)) for tokens in prompts]
        if torch.cuda.is_available():
            texts = [" ".join(map(str, tokens)) for tokens in prompts]
            seeds = stream_seeds(texts, sampling, [str(place) for place in range(len(texts))])
            outputs = self.llm.generate(asked, [way(seed=seed) for seed in seeds], use_tqdm=False)
        else:
            with torch.random.fork_rng(devices=()):
                self._seed(stream_seed(sampling.purpose, sampling.seed, "", "", 0))
                outputs = self.llm.generate(asked, way(seed=None), use_tqdm=False)
        return [_drawn(output.outputs[0]) for output in outputs]

    def _seed(self, seed: int) -> None:
        """Seed the processes that draw: this one, or where the model is cut, one for each part."""
        if self._parts == 1:
            seed_process(None, seed)
        else:
            self.llm.collective_rpc(seed_process, args=(seed,))

    def fits(self, prompt: str) -> bool:
        """Whether the context has room for the prompt and one token of an answer."""
        return self.count_tokens(prompt) < self.context

    def count_tokens(self, prompt: str) -> int:
        """Tokens of a prompt, those included that the tokenizer puts around it."""
        return len(encode([prompt], self.llm.get_tokenizer())[0])

    @property
    def context(self) -> int:
        """Tokens of the longest sequence."""
        return int(self.llm.model_config.max_model_len)

    def chat(self, problem: str, chat: Chat) -> str:
        """The problem as a user turn in the model's own chat template.

        Args:
            problem: What to ask.
            chat: What else the template is told.

        Raises:
            ModelError: The tokenizer has no chat template, or it refuses the turns.
        """
        return chat_prompt(self.llm.get_tokenizer(), problem, chat)


def stream_seeds(prompts: Sequence[str], sampling: Sampling, names: Sequence[str] | None = None) -> list[int]:
    """The seed of each answer, those of a prompt side by side.

    Args:
        prompts: What is answered.
        sampling: How many answers, for what, and the seed of the suite.
        names: Tell apart prompts of the same text.
    """
    named = zip(prompts, names or [""] * len(prompts), strict=True)
    return [
        stream_seed(sampling.purpose, sampling.seed, prompt, name, answer)
        for prompt, name in named
        for answer in range(sampling.n)
    ]


def check_devices(parts: int) -> None:
    """Refuse to cut a model over more GPUs than this process may use; on a CPU the parts are processes.

    Raises:
        SuiteError: There are too few.
    """
    import torch

    gpus = torch.cuda.device_count()
    if 0 < gpus < parts:
        raise SuiteError(
            f"the model is to be cut over {parts} GPUs, this process has {gpus}",
            where="engine.tensor_parallel_size",
            fix=f"Set it to {gpus} or fewer, or give the run more GPUs (CUDA_VISIBLE_DEVICES).",
        )


def check_compiler() -> None:
    """Refuse to compile a model on a CPU without what it is compiled with.

    Raises:
        SuiteError: There is no C++ compiler.
    """
    import torch

    compiler = os.environ.get("CXX", "g++")
    if not torch.cuda.is_available() and shutil.which(compiler) is None:
        raise SuiteError(
            f"on a CPU a model is compiled with {compiler}, which is not installed",
            where="engine.enforce_eager",
            fix="Leave it out or set it to true, which needs no compiler; or install one (apt install g++).",
        )


def seed_process(_worker: Any, seed: int) -> None:
    """Seed this process; vLLM calls it in each of its workers."""
    import torch

    torch.manual_seed(seed)


def pack_tied_heads(worker: Any) -> None:
    """Pack the weights of embeddings and output heads for the kernels of their device.

    On a CPU vLLM multiplies with a packed copy of the head. Its reload renews the copies of those layers that
    it loads, and a head that is tied to the embeddings is none of them. vLLM calls this in its workers.
    """
    from vllm.model_executor.layers.vocab_parallel_embedding import UnquantizedEmbeddingMethod

    for layer in worker.get_model().modules():
        # Most layers have no ``quant_method``.
        if isinstance(method := getattr(layer, "quant_method", None), UnquantizedEmbeddingMethod):
            method.process_weights_after_loading(layer)


def _want_batch_invariance() -> None:
    """Tell vLLM before it is imported.

    Raises:
        SuiteError: There is no GPU.
    """
    import torch

    if not torch.cuda.is_available():
        raise SuiteError(
            "vLLM has batch-invariant kernels for GPUs alone",
            where="engine.batch_invariant",
            fix="Leave it out, or run on a GPU.",
        )
    os.environ["VLLM_BATCH_INVARIANT"] = "1"


@contextmanager
def _nothing_compiled() -> Iterator[None]:
    """On a CPU, what an engine that is started meanwhile calls is not compiled, in all of its processes.

    vLLM has small functions that it compiles even where it is eager: with a C++ compiler, which not every
    machine has, and for half a minute on a new one. On a GPU one of them saves memory, and is left to Triton.
    """
    import torch

    if torch.cuda.is_available():
        yield
        return
    torch.compiler.set_stance("force_eager")  # here, where torch is imported, until the engine ends
    before = os.environ.get(NO_COMPILING)
    os.environ[NO_COMPILING] = "1"
    try:
        yield
    except BaseException:
        torch.compiler.set_stance("default")
        raise
    finally:
        del os.environ[NO_COMPILING]
        if before is not None:
            os.environ[NO_COMPILING] = before


def _start(model: str, revision: str | None, settings: EngineSettings) -> LLM:
    import torch

    try:
        with without_collections():
            from vllm import LLM
        # vLLM looks for garbage five times while it starts: not again among all that was imported. It undoes
        # this when the engine ends.
        gc.collect()
        gc.freeze()
        return LLM(
            model=model_folder(model, revision),
            dtype=settings.dtype,
            max_model_len=settings.max_model_len,
            gpu_memory_utilization=settings.gpu_memory_utilization,
            enforce_eager=settings.enforce_eager,
            trust_remote_code=settings.trust_remote_code,
            tensor_parallel_size=settings.tensor_parallel_size,
            load_format="safetensors",  # never a pickle, whatever else lies in the folder
            # Beside Mistral's own files vLLM would read text by them, and training does not.
            tokenizer_mode="hf",
            config_format="hf",
            enable_sleep_mode=torch.cuda.is_available(),
            seed=0,
            # Of what is drawn; log-probabilities of prompts are the model's own in any case.
            logprobs_mode="processed_logprobs",
            disable_log_stats=True,
        )
    except ImportError as error:  # some of its imports wait until the engine starts
        raise MissingPackageError(
            f"vLLM does not import ({error})",
            where="generation",
            fix="Install all it needs: pip install 'lorr-bench[cpu]' or pip install 'lorr-bench[nvidia]'.",
        ) from error
    except (ValueError, OSError) as error:
        if OTHERS_HOLD_MEMORY in str(error):
            raise CrowdedError(
                f"the engine has no room: {error}",
                where=model,
                fix="Wait for what else runs on the GPU, or lower engine.gpu_memory_utilization.",
            ) from error
        raise ModelError(
            f"vLLM can't load the model: {error}",
            where=model,
            fix="Check the folder, its config.json, engine.max_model_len and engine.gpu_memory_utilization.",
        ) from error


def _drawn(answer: Any) -> Drawn:
    tokens = tuple(answer.token_ids)
    places = zip(tokens, answer.logprobs, strict=True)
    return Drawn(tokens, tuple(place[token].logprob for token, place in places))


def _completion(answer: Any, tokenizer: Any) -> Completion:
    at_token = answer.finish_reason == "stop" and not isinstance(answer.stop_reason, str)
    return Completion(
        text=answer.text,
        tokens=len(answer.token_ids),
        truncated=answer.finish_reason == "length",
        end=str(tokenizer.convert_ids_to_tokens(answer.token_ids[-1])) if at_token else "",
    )
