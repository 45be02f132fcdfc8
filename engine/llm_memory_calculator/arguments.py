"""Every argument of every question, said once: name, meaning, unit, bounds, default, examples.

A question is a dataclass of its arguments. From the declarations come the check, the function's signature and the lines
of its docstring, the tool's schema, and the command's option and help. A new argument is one field here and the line
that uses it.
"""

# Annotations are not postponed here: the declarations are read from them.
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields
from functools import cache, wraps
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, ParamSpec, TypeVar, get_args

from .checks import (
    EVERY,
    adapters,
    choice,
    executor,
    flag,
    function,
    hardware_list,
    is_all,
    lengths,
    listed,
    mapping,
    mix,
    names,
    object_or_path,
    one_hardware,
    path,
    real,
    refuse,
    sides,
    text,
    whole,
    wholes,
)
from .engines import ENGINES, SPELLINGS, settings_of
from .engines.named import named_with_release
from .engines.settings import plain_word
from .errors import ArgumentError
from .facts import table
from .formats.numerics import KV_FORMATS, LABELS, WEIGHT_FORMATS
from .operators import StateChoice
from .report import GOALS, GRID_GOALS, OF_EACH
from .serve_flags import arguments_of, settings_of_flags
from .speculation import speculative
from .written_numbers import PER_TOKEN, converted, number_of

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from .architecture import Architecture
    from .memory.adapters import LoraConfig
    from .models import Model
    from .performance.calibration import TimeCalibration
    from .speculation import Speculative

    ModelLike = str | PathLike[str] | Mapping[str, Any] | Model | Architecture
    HardwareLike = str | Mapping[str, object] | Accelerator
    Adapters = LoraConfig | Mapping[str, Any] | str | PathLike[str]
    CalibrationLike = Mapping[str, Any] | str | PathLike[str] | TimeCalibration
    SpeculativeLike = ModelLike | Speculative
else:
    # the declarations stay as light to import as the reports
    ModelLike = HardwareLike = Adapters = CalibrationLike = SpeculativeLike = Any

MOST_SEQUENCES = 1_000_000
MOST_TOKENS = 100_000_000
MOST_DEVICES = 65_536
MOST_SEARCHED_DEVICES = 4_096
MOST_BEAMS = 1_024
MOST_STEPS = 10_000
MOST_REQUESTS = 1_000_000
MOST_IMAGES = MOST_PIXELS = MOST_FRAMES = 100_000
MOST_SECONDS = 1_000_000
DETAILS = ("concise", "full")
ALL, ANY = EVERY[:2]
ARRIVALS = ("poisson", "even")
FEWEST, SMALLEST = "devices", "device"
BATCH, CONTEXT, TOKENS = "batch", "context", "tokens"
WORST, ESTIMATE = "worst", "estimate"
STATE_CHOICES: tuple[StateChoice, ...] = get_args(StateChoice)
_SUPERLATIVE = re.compile(r"^(?:max|maximum|highest|best|most|min|minimum|lowest|least|fastest)_")
# What people call what is looked for.
_SPEEDS = {
    "speed": "throughput",
    "fastest": "throughput",
    "output_tokens_per_s": "throughput",
    "tokens_per_second": "throughput",
    "tpot": "latency",
    "ttft": "prefill",
}
_MOST_HELD = {
    "users": BATCH,
    "batch_size": BATCH,
    "max_batch": BATCH,
    "max_batch_size": BATCH,
    "largest_batch": BATCH,
    "context_length": CONTEXT,
    "max_context": CONTEXT,
    "longest_context": CONTEXT,
}

_NUMBERS = ("whole", "real", "lengths")

Kind = Literal[
    "whole",
    "whole list",
    "real",
    "flag",
    "word",
    "text",
    "format",
    "names",
    "sides",
    "mix",
    "lengths",
    "model",
    "model list",
    "hardware",
    "hardware list",
    "workload list",
    "object",
    "adapters",
    "calibration",
    "speculation",
    "log",
    "path",
    "executor",
    "function",
]


@dataclass(frozen=True, slots=True)
class Argument:
    """What is to be said of an argument, once for every interface."""

    kind: Kind
    """What its values are: a whole number or several, a real number, a flag, one of `words`, text, a number format
    (which its own room checks), a list of names, one side or height and width in pixels (a number, a pair, text),
    lengths with their shares, a length or how lengths are spread, a model or several, one accelerator or several, an
    object, adapters or a calibration (an object or the path of one), what drafts (a word, a model or an object),
    objects of arguments, the text of a log, the path of a file, an executor, a function."""
    meaning: str
    """A sentence without its end."""
    _: KW_ONLY
    unit: str = ""
    least: int = 1
    above: float = 0.0
    or_none: bool = False
    """Whether a real number may be 0, which is none."""
    most: float = 0
    words: tuple[str, ...] = ()
    """All that is accepted, where these are all."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Other spellings of these."""
    left_out: str = ""
    """What is taken where it is not given, unless that is a plain default."""
    examples: tuple[object, ...] = ()
    spoken: bool = True
    """False: it makes no sense in a tool or on a command line."""
    spoken_as: str = ""
    """Its name there, where that is another."""
    brief: str | None = None
    """The meaning in a few words, for the list of tools, which every agent pays for; empty where the name says it.
    None: it is only named there, and explained where somebody asks."""

    def check(self, name: str, value: Any) -> Any:
        """The value in the engine's own type. Raises ArgumentError."""
        match self.kind:
            case "whole":
                return whole(name, value, least=self.least, most=int(self.most), unit=self.unit)
            case "whole list":
                return wholes(name, value, least=self.least, most=int(self.most), unit=self.unit)
            case "real":
                return real(name, value, above=self.above, most=self.most, unit=self.unit, or_none=self.or_none)
            case "flag":
                return flag(name, value)
            case "word":
                return choice(name, self._word(value) if isinstance(value, str) else value, self.words)
            case "text" | "log":
                return text(name, value, self.examples)
            case "names":
                return names(name, value)
            case "sides":
                return sides(name, value, most=int(self.most))
            case "mix":
                return mix(name, value, most=int(self.most))
            case "lengths":
                return lengths(name, value, most=int(self.most))
            case "adapters":
                return adapters(name, value)
            case "calibration":
                return object_or_path(name, value)
            case "speculation":
                return speculative(name, value)
            case "model list" | "workload list":
                return listed(name, value, objects=self.kind == "workload list", examples=self.examples)
            case "path":
                return path(name, value, self.examples)
            case "executor":
                return executor(name, value)
            case "function":
                return function(name, value)
            case "object":
                return mapping(name, value)
            case "hardware":
                return one_hardware(value)
            case "hardware list":
                return hardware_list(value)
        return value

    def _word(self, said: str) -> str:
        """The accepted word that is meant, whatever stands between its parts ("longest context"); or as it was said."""
        word = said.strip().lower()
        joined = re.sub(r"[\s_-]+", "_", word)
        known = (*self.words, *self.also)
        # "lowest latency" wants latency as everyone does
        plain = _SUPERLATIVE.sub("", joined)
        meant = next((one for one in (word, joined, plain) if one in known), word)
        return self.also.get(meant, meant)

    def described(self, default: object) -> str:
        """The meaning with what is taken where the argument is left out."""
        taken = self.left_out
        if not taken and default not in (None, MISSING, False):
            taken = "yes" if default is True else f"{default}"
        return f"{self.meaning}; {taken} when left out." if taken else f"{self.meaning}."


ModelName = Annotated[
    ModelLike,
    Argument(
        "model",
        "Hub id (meta-llama/Llama-3.1-70B), short name (llama3_70b), ollama tag, path of a config.json, its "
        "folder, a .safetensors or .gguf file; or else its config as an object",
        examples=("meta-llama/Llama-3.1-70B",),
        spoken_as="model",
        brief="",
    ),
]
_HARDWARE_BRIEF = "H100, 8xH100, p5.48xlarge or an object"
_HARDWARE = (
    "Accelerator in any usual spelling: H100, a100-80gb, RTX 4090, MI300X, TPU v5e; 8xH100 or a cloud instance type "
    "(p5.48xlarge) says the number of devices too; or an object with Flops (TFLOPS), Memory_size (GB), Memory_BW "
    "(GB/s) and, where several share a model, ICN (GB/s)"
)
HardwareName = Annotated[HardwareLike, Argument("hardware", _HARDWARE, examples=("H100",), brief=_HARDWARE_BRIEF)]
MaybeHardware = Annotated[
    HardwareLike | None,
    Argument("hardware", f"{_HARDWARE}; not together with memory_gb", examples=("H100",), brief=_HARDWARE_BRIEF),
]
MemoryGb = Annotated[
    float | None,
    Argument(
        "real",
        "Memory of one device in GB as such a card is sold, in place of hardware",
        unit="GB",
        most=1e6,
        examples=(24,),
        brief="In place of hardware",
    ),
]
BatchSize = Annotated[
    int,
    Argument("whole", "Sequences served at once, over all copies", most=MOST_SEQUENCES, brief=""),
]
Sides = Annotated[
    int | str | Sequence[int] | None,
    Argument(
        "sides",
        "Pixels of an image or a video's frame, height x width (768x1024, [768, 1024]), or one side of a square",
        unit="px",
        most=MOST_PIXELS,
        examples=("768x1024",),
        left_out="that for which a pipeline was made, or 1024",
    ),
]
NumFrames = Annotated[
    int | None,
    Argument(
        "whole",
        "Frames of a video that the model makes",
        most=MOST_FRAMES,
        left_out="as many as its pipeline makes",
    ),
]


@dataclass(kw_only=True, eq=False)
class Asked:
    """Arguments, each checked by its declaration."""

    ORDER: ClassVar[tuple[str, ...]] = ()
    """Arguments that may be given by their place."""
    readings: ClassVar[Mapping[str, str]] = {}
    """By argument, how a text was read that could have meant another number."""

    def __post_init__(self) -> None:
        question: Any = type(self)
        for name, default, argument in declarations(question):
            value = getattr(self, name)
            if value is not default:
                taken = argument.check(name, value)
                setattr(self, name, taken)
                if isinstance(value, str) and argument.kind in _NUMBERS and converted(value, argument.unit):
                    read = f"{value.strip()} is read as {round(taken, 2):,} {argument.unit}."
                    self.__dict__["readings"] = {**self.readings, name: read}


@dataclass(kw_only=True, eq=False)
class Question(Asked):
    """What every question of a model may say."""

    precision: Annotated[
        str | None,
        Argument(
            "format",
            f"Format of the weights: {', '.join(WEIGHT_FORMATS)}, a GGUF mix ({', '.join(table('gguf')['mix'])}), "
            f"or a library's word such as {', '.join(LABELS)}; with its group where that is not "
            "the usual one (gptq-4bit-32g)",
            left_out="the checkpoint's own",
            examples=("fp8", "q4_k_m"),
            brief="fp8, q4_k_m, ...",
        ),
    ] = None
    kv_precision: Annotated[
        str | None,
        Argument(
            "format",
            f"Format of the KV cache: {', '.join(KV_FORMATS)}",
            left_out="what the checkpoint states, or 16 bits",
            examples=("fp8",),
            brief="",
        ),
    ] = None
    state_precision: Annotated[
        StateChoice | None,
        Argument(
            "word",
            "Recurrent states as the engine keeps them, with kernel - 1 columns of convolutions: fp32, model for the "
            "format of the activations, auto for what the engine chooses",
            words=STATE_CHOICES,
            left_out="as the model's own code keeps them",
            examples=("auto",),
        ),
    ] = None
    engine: Annotated[
        str | None,
        Argument(
            "word",
            "Serving engine whose memory and host cost are counted",
            words=ENGINES,
            also=SPELLINGS,
            left_out="the one that serves such a format on such a device, as a note says,",
            examples=("vllm",),
            brief="",
        ),
    ] = None
    engine_version: Annotated[
        str | None,
        Argument("text", "Release of the engine", left_out="the newest that is described", examples=("0.19.0",)),
    ] = None
    gpu_memory_utilization: Annotated[
        float | None,
        Argument(
            "real",
            "Share of a device's memory that the engine may use, 0 to 1, whatever the engine calls it",
            above=0.01,
            most=1,
            left_out="the engine's default",
            examples=(0.9,),
        ),
    ] = None
    engine_settings: Annotated[
        Mapping[str, Any] | None,
        Argument(
            "object",
            "Settings by the engine's own names (max_model_len, max_num_seqs, n_gpu_layers, mem_fraction_static, ...), "
            "or the flags of its command as text ('--max-num-seqs 64')",
            left_out="the engine's defaults for that release and device",
            examples=({"max_model_len": 8192},),
        ),
    ] = None
    refresh: Annotated[bool, Argument("flag", "Ask the Hugging Face hub before the bundled catalogue")] = False
    token: Annotated[
        str | None, Argument("text", "A token of the hub", left_out="HF_TOKEN of the environment", spoken=False)
    ] = None
    detail: Annotated[
        str,
        Argument(
            "word",
            "full adds the tree of what was summed and every default that was taken",
            words=DETAILS,
            brief="",
        ),
    ] = "concise"

    def __post_init__(self) -> None:
        said: Any = named_with_release(self.engine, self.engine_version)
        self.engine, self.engine_version = said
        flags: Any = self.engine_settings
        if isinstance(flags, str):
            self._read_flags(flags)
        super().__post_init__()

    def _read_flags(self, said: str) -> None:
        """Take the flags of a command as settings, and as arguments those that are no setting of the engine."""
        spellings = spellings_of(self.engine)
        told = settings_of_flags(said, spellings)
        # beside a format of the weights --dtype says that of the activations
        meant = sorted(arguments_of(told, spellings).items(), key=lambda one: plain_word(one[0]) == "dtype")
        for word, name in meant:
            value = told.pop(word)
            if getattr(self, name, None) is not None:
                if plain_word(word) == "dtype":
                    continue
                raise ArgumentError(f"{name} is given, and {word} of engine_settings says it too; give it once.")
            # what it is by itself
            if hasattr(self, name) and value != "auto":
                setattr(self, name, value)
        self.engine_settings = told or None


@dataclass(kw_only=True, eq=False)
class Calibrated(Question):
    """Whose memory is estimated."""

    calibration: Annotated[
        CalibrationLike | None,
        Argument(
            "calibration",
            "What a start-up log measured of memory, or runs of yours of times, by which the estimate is corrected on "
            "the same card: what explain_startup_log gives as calibration, or calibrate gives, as an object or as the "
            "path of its file",
            left_out="no correction",
        ),
    ] = None
    speculative: Annotated[
        SpeculativeLike | None,
        Argument(
            "speculation",
            "What drafts tokens: mtp (the checkpoint's own layers), ngram, a draft model or EAGLE head as model names "
            "one, or an object of method, model and num_speculative_tokens as vLLM's --speculative-config",
            left_out="nothing",
            examples=("mtp", {"model": "Qwen/Qwen3-0.6B", "num_speculative_tokens": 4}),
        ),
    ] = None


@dataclass(kw_only=True, eq=False)
class Split(Question):
    """How devices share a model."""

    devices: Annotated[
        int | None,
        Argument(
            "whole",
            "Number of devices",
            most=MOST_DEVICES,
            left_out="as many as the layout or the hardware's name says",
            examples=(8,),
            brief="",
        ),
    ] = None
    tensor_parallel: Annotated[
        int | None,
        Argument(
            "whole",
            "Devices that share each layer",
            most=MOST_DEVICES,
            left_out="chosen, and the answer says how,",
            brief="",
        ),
    ] = None
    pipeline_parallel: Annotated[
        int | None, Argument("whole", "Pipeline stages, which share the layers", most=MOST_DEVICES)
    ] = None
    data_parallel: Annotated[int | None, Argument("whole", "Copies of the model", most=MOST_DEVICES)] = None
    expert_parallel: Annotated[
        int | None,
        Argument(
            "whole",
            "Groups that share the experts of a mixture: of the tensor-parallel devices, or of tensor x data where it "
            "does not divide those",
            most=MOST_DEVICES,
        ),
    ] = None
    context_parallel: Annotated[
        int | None,
        Argument(
            "whole",
            "Of the tensor-parallel devices, how many share the tokens of each sequence's cache that they would each "
            "keep (vLLM's decode context parallelism)",
            most=MOST_DEVICES,
        ),
    ] = None


def _by_size(asked: "CalculateMemory | MaxBatchSize") -> None:
    """Take a size of memory where an accelerator goes ("a 24GB card"), and a count where a size goes ("2x24GB")."""
    from llm_memory_hardware import memory_said  # what no accelerator is named for reads nothing of them

    word = "hardware" if asked.memory_gb is None else "memory_gb"
    said = getattr(asked, word)
    if not isinstance(said, str) or (word == "memory_gb" and number_of(said, "GB") is not None):
        return
    found = memory_said(said)
    if found is None or (word == "memory_gb" and asked.hardware is not None):
        return
    size, count = found
    if count is not None and asked.devices not in (None, count):
        raise ArgumentError(f"{word} {said!r} is {count} devices, and devices is {asked.devices}; give it once.")
    asked.hardware, asked.memory_gb = None, size
    asked.devices = asked.devices if count is None else count


@dataclass(kw_only=True, eq=False)
class Held(Split, Calibrated):
    """What sequences hold."""

    seq_length: Annotated[
        int,
        Argument(
            "whole",
            "Tokens of each sequence, prompt and output together",
            unit="tokens",
            most=MOST_TOKENS,
            brief="Prompt + output tokens",
        ),
    ] = 2048
    num_images: Annotated[
        int,
        Argument("whole", "Images of each sequence, whose tokens are part of seq_length", least=0, most=MOST_IMAGES),
    ] = 0
    image_resolution: Sides = None
    num_frames: NumFrames = None
    video_seconds: Annotated[
        float | None,
        Argument(
            "real",
            "Seconds of video in each sequence, whose tokens are part of seq_length",
            unit="s",
            most=MOST_SECONDS,
        ),
    ] = None
    video_fps: Annotated[
        float | None,
        Argument(
            "real",
            "Frames taken of a second of video",
            unit="frames/s",
            most=1000,
            left_out="as the model's processor samples",
        ),
    ] = None
    audio_seconds: Annotated[
        float | None,
        Argument(
            "real",
            "Seconds of sound in each sequence, whose tokens are part of seq_length",
            unit="s",
            most=MOST_SECONDS,
        ),
    ] = None
    encoder_seq_length: Annotated[
        int | None,
        Argument(
            "whole",
            "Tokens of the source of an encoder-decoder (T5)",
            unit="tokens",
            most=MOST_TOKENS,
            left_out="seq_length",
        ),
    ] = None
    max_loras: Annotated[int | None, Argument("whole", "LoRA adapters served at once", most=100_000)] = None
    max_lora_rank: Annotated[
        int | None, Argument("whole", "Largest rank of the adapters", most=65_536, left_out="16")
    ] = None
    lora_dtype: Annotated[
        str | None, Argument("format", "Format of the adapters: bf16, fp16, fp32", left_out="the model's 16 bits")
    ] = None
    fully_sharded_loras: Annotated[
        bool | None,
        Argument(
            "flag", "Whether both matrices of an adapter are shared by the tensor-parallel devices", left_out="no"
        ),
    ] = None
    target_modules: Annotated[
        str | Sequence[str] | None,
        Argument(
            "names",
            "Projections that adapters change (q_proj, v_proj), or attn, ffn, all-linear",
            left_out="all but routed experts",
            examples=(["q_proj", "v_proj"],),
        ),
    ] = None
    lora_config: Annotated[
        Adapters | None,
        Argument(
            "adapters",
            "Adapters as one object: max_loras, max_lora_rank, target_modules, lora_dtype, "
            "fully_sharded_loras, strategy, enabled; or PEFT's adapter_config.json, as an object or as the path of it "
            "or of its folder, beside which max_loras and lora_dtype may be given",
        ),
    ] = None


@dataclass(kw_only=True, eq=False)
class Generated(Calibrated):
    """What is generated of what."""

    batch_size: BatchSize = 1
    input_tokens: Annotated[
        int, Argument("whole", "Prompt tokens of each sequence", unit="tokens", most=MOST_TOKENS, brief="")
    ] = 2048
    output_tokens: Annotated[
        int, Argument("whole", "Output tokens of each sequence", unit="tokens", most=MOST_TOKENS, brief="")
    ] = 256


PromptLengths = Annotated[
    Any,
    Argument(
        "lengths",
        "Prompt tokens of each sequence; under concurrency or request_rate also how they are spread: "
        "{p50, p95}, {mean, std}, {least, most} or lengths with their shares {512: 0.7, 4096: 0.3}",
        unit="tokens",
        most=MOST_TOKENS,
        examples=(2048, {"p50": 900, "p95": 4000}),
        brief="Or {p50, p95}",
    ),
]
OutputLengths = Annotated[
    Any,
    Argument(
        "lengths",
        "Output tokens of each sequence, or how they are spread likewise",
        unit="tokens",
        most=MOST_TOKENS,
        examples=(256,),
        brief="",
    ),
]
Users = Annotated[
    int | None,
    Argument(
        "whole",
        "Users of a served load, over all copies: each asks, waits for the answer and asks again; in place of "
        "batch_size and request_rate",
        most=MOST_SEQUENCES,
        examples=(32,),
        brief="Users",
    ),
]
RequestRate = Annotated[
    float | None,
    Argument(
        "real",
        "Requests a second that come to all copies, whether or not others have ended",
        unit="requests/s",
        most=1e6,
        examples=(2.5,),
        brief="",
    ),
]
CachedShare = Annotated[
    float | None,
    Argument(
        "real",
        "Share of each prompt that a prefix cache has, 0 to 1",
        or_none=True,
        most=0.999,
        left_out="none of it",
        examples=(0.5,),
    ),
]
Depth = Annotated[
    int | None,
    Argument(
        "whole",
        "Tokens of context that stand in the cache before each prompt, as of earlier turns",
        least=0,
        unit="tokens",
        most=MOST_TOKENS,
        left_out="none",
    ),
]


@dataclass(kw_only=True, eq=False)
class Come(Generated):
    """Requests that come and go."""

    input_tokens: PromptLengths = 2048
    output_tokens: OutputLengths = 256
    beam_size: Annotated[
        int, Argument("whole", "Continuations that are kept of each sequence in decode (beam search)", most=MOST_BEAMS)
    ] = 1
    concurrency: Users = None
    request_rate: RequestRate = None
    arrivals: Annotated[
        str,
        Argument(
            "word",
            "How requests of a request_rate come: as by chance (poisson), or one after the other (even)",
            words=ARRIVALS,
        ),
    ] = "poisson"
    cached_share: CachedShare = None
    depth: Depth = None
    requests: Annotated[
        int | None,
        Argument(
            "whole",
            "Requests of the served load; the first of all users come at once, as benchmarks begin",
            most=MOST_REQUESTS,
            left_out="10 for each user, or 60 s of a rate",
        ),
    ] = None
    prefill_workers: Annotated[
        int | None,
        Argument(
            "whole",
            "Workers that take in prompts alone and hand the cache over to those that decode (disaggregated serving), "
            "on devices of their own beside the layout, which then only decodes; devices counts both",
            most=MOST_DEVICES,
            left_out="none: prompts and decodes share devices",
            examples=(4,),
        ),
    ] = None
    prefill_tensor_parallel: Annotated[
        int | None,
        Argument(
            "whole",
            "Devices that share each layer on a prefill worker",
            most=MOST_DEVICES,
            left_out="as many as share one where it is decoded",
        ),
    ] = None
    prefill_expert_parallel: Annotated[
        int | None,
        Argument(
            "whole",
            "Groups that share the experts on a prefill worker: of its tensor-parallel devices, or, where more than "
            "these, of as many ranks as make them up, each with its own attention",
            most=MOST_DEVICES,
            left_out="1",
        ),
    ] = None
    transfer_gb_s: Annotated[
        float | None,
        Argument(
            "real",
            "Rate at which each device sends or takes caches between prefill workers and those that decode",
            unit="GB/s",
            most=1e6,
            left_out="that of the link that joins all devices, or of the network",
            examples=(50,),
        ),
    ] = None
    ttft_target_ms: Annotated[
        float | None,
        Argument("real", "Time to first token that a good request keeps", unit="ms", most=1e9, brief=""),
    ] = None
    tpot_target_ms: Annotated[
        float | None,
        Argument(
            "real",
            "Time per output token that a good request keeps, or its rate (30 tok/s)",
            unit=PER_TOKEN,
            most=1e9,
            brief="",
        ),
    ] = None


@dataclass(kw_only=True, eq=False)
class Made(Question):
    """What a pipeline of diffusion makes of each prompt, of which batch_size are served at once."""

    num_inference_steps: Annotated[
        int | None,
        Argument(
            "whole",
            "Steps of the denoiser of a pipeline that makes images or videos",
            most=MOST_STEPS,
            left_out="the default of its class in diffusers",
            examples=(30,),
        ),
    ] = None
    guidance: Annotated[
        bool | None,
        Argument(
            "flag",
            "Whether each step takes a second pass without the prompt (classifier-free guidance)",
            left_out="as its class in diffusers does",
        ),
    ] = None
    num_images: Annotated[
        int | None, Argument("whole", "Images or videos that it makes of each prompt", most=MOST_IMAGES, left_out="1")
    ] = None
    image_resolution: Sides = None
    num_frames: NumFrames = None


@dataclass(kw_only=True, eq=False)
class Ranked(Generated):
    """What is best of several."""

    goal: Annotated[
        str,
        Argument(
            "word",
            "What best means: throughput (output tokens/s), latency (time per output token), decode or prefill "
            "(tokens/s of that phase)",
            words=GOALS,
            also=_SPEEDS,
            brief="",
        ),
    ] = "throughput"


@dataclass(eq=False)
class CalculateMemory(Held):
    model_id_or_config: ModelName
    _: KW_ONLY
    batch_size: BatchSize = 1
    hardware: MaybeHardware = None
    memory_gb: MemoryGb = None
    find: Annotated[
        str | None,
        Argument(
            "word",
            "devices: the fewest of the hardware that hold it, over every layout; device: the smallest accelerator",
            words=(FEWEST, SMALLEST),
            also={"fewest_devices": FEWEST, "fewest": FEWEST, "gpus": FEWEST, "smallest_device": SMALLEST},
            brief="Fewest devices or smallest device",
        ),
    ] = None
    framework_overhead: Annotated[
        float | None,
        Argument(
            "real",
            "A factor f: overhead is (KV cache + activations) x (f - 1), as the original had it",
            above=0.999,
            most=100,
            left_out="measured overheads",
        ),
    ] = None
    include_gradients: Annotated[bool, Argument("flag", "Count gradients beside the weights")] = False
    respect_weight_tying: Annotated[
        bool, Argument("flag", "Whether a head that shares the embedding's table is stored once")
    ] = True

    ORDER = ("model_id_or_config", "batch_size", "seq_length", "precision", "tensor_parallel")

    def __post_init__(self) -> None:
        # what holds the model is told where no hardware is named
        self.hardware = None if is_all(self.hardware) else self.hardware
        _by_size(self)
        super().__post_init__()


@dataclass(eq=False)
class MaxBatchSize(Held):
    model: ModelName
    hardware: MaybeHardware = None
    _: KW_ONLY
    memory_gb: MemoryGb = None
    find: Annotated[
        str,
        Argument(
            "word",
            "batch: most sequences; context: longest context of batch_size sequences; tokens: KV tokens of the room",
            words=(BATCH, CONTEXT, TOKENS),
            also=_MOST_HELD | {"kv_tokens": TOKENS},
            brief="",
        ),
    ] = BATCH
    batch_size: Annotated[
        int | None,
        Argument(
            "whole",
            "Sequences, over all copies, of the longest context",
            most=MOST_SEQUENCES,
            left_out="1",
            brief="Sequences, of find=context",
        ),
    ] = None
    mix: Annotated[
        Mapping[int, float] | Sequence[Sequence[float]] | str | None,
        Argument(
            "mix",
            "Lengths of the sequences with their shares, in place of seq_length",
            unit="tokens",
            most=MOST_TOKENS,
            examples=({"2048": 0.7, "8192": 0.3},),
        ),
    ] = None

    ORDER = ("model", "hardware", "memory_gb", "seq_length", "precision", "kv_precision")

    def __post_init__(self) -> None:
        _by_size(self)
        super().__post_init__()


@dataclass(eq=False)
class EstimatePerformance(Made, Come, Split):
    model: ModelName
    hardware: HardwareName

    ORDER = ("model", "hardware", "devices", "tensor_parallel", "pipeline_parallel")


@dataclass(eq=False)
class EstimateServing(EstimatePerformance):
    """The same for a load that is served; one of concurrency and request_rate is needed."""


@dataclass(eq=False)
class BestParallelism(Ranked):
    model: ModelName
    hardware: HardwareName
    _: KW_ONLY
    devices: Annotated[
        int | None,
        Argument(
            "whole",
            "Devices at hand, of which some may stay idle",
            most=MOST_SEARCHED_DEVICES,
            left_out="as many as the hardware's name says, or 8,",
            examples=(8,),
            brief="",
        ),
    ] = None

    ORDER = ("model", "hardware", "devices", "batch_size", "input_tokens", "output_tokens")


DevicesOfEach = Annotated[
    int | None,
    Argument(
        "whole",
        "Devices of each",
        most=MOST_SEARCHED_DEVICES,
        left_out="the fewest of one node that hold the model",
        brief="",
    ),
]

RankBy = Annotated[
    str,
    Argument(
        "word",
        "What of each range ranks: its worse end (worst), or the estimate, which favours what little is known of",
        words=(WORST, ESTIMATE),
        also={"worse": WORST, "worse end": WORST, "best": ESTIMATE},
    ),
]


@dataclass(eq=False)
class CompareHardware(Ranked):
    model: ModelName
    hardware: Annotated[
        Sequence[HardwareLike] | HardwareLike | None,
        Argument(
            "hardware list",
            f"Accelerators to compare, any of the catalogue or custom ones, or {ALL} for the whole catalogue",
            left_out="those that clouds rent or list prices name (no processors, no laptops)",
            examples=(["A100_80GB", "H100"],),
            brief="",
        ),
    ] = None
    _: KW_ONLY
    devices: DevicesOfEach = None
    goal: Annotated[
        str,
        Argument(
            "word",
            "What best means: throughput (output tokens/s), the same per_device, per_watt or per_dollar, latency (time "
            "per output token), decode or prefill (tokens/s of that phase); or of the memory alone batch (most "
            "sequences at once), context (longest), devices (fewest)",
            words=(*GOALS, *OF_EACH, BATCH, CONTEXT, FEWEST),
            also=_SPEEDS
            | _MOST_HELD
            | {
                "cheapest": "per_dollar",
                "cost": "per_dollar",
                "price": "per_dollar",
                "value": "per_dollar",
                "speed_per_dollar": "per_dollar",
                "throughput_per_dollar": "per_dollar",
                "efficiency": "per_watt",
                "power": "per_watt",
                "speed_per_watt": "per_watt",
                "throughput_per_watt": "per_watt",
                "memory": FEWEST,
                "fewest": FEWEST,
                "fewest_devices": FEWEST,
                "cost_per_token": "per_dollar",
            },
        ),
    ] = "throughput"
    rank_by: RankBy = WORST
    top: Annotated[
        int | None,
        Argument(
            "whole",
            "Best rows to return",
            most=1000,
            left_out="3, or all of a list given,",
            brief="",
        ),
    ] = None

    ORDER = ("model", "hardware", "devices", "batch_size", "input_tokens", "output_tokens")


PERCENTILES = ("mean", "p50", "p90", "p95", "p99")


@dataclass(eq=False)
class PlanDeployment(Question):
    model: ModelName
    _: KW_ONLY
    request_rate: Annotated[
        float | None,
        Argument(
            "real",
            "Requests a second that come to all copies, whether or not others have ended",
            unit="requests/s",
            most=1e6,
            left_out="the highest that keeps the targets, where concurrency is left out too",
            examples=(2.5,),
        ),
    ] = None
    concurrency: Annotated[
        int | None,
        Argument(
            "whole",
            "Users, over all copies: each asks, waits for the answer, thinks and asks again; in place of request_rate",
            most=MOST_SEQUENCES,
            examples=(50,),
        ),
    ] = None
    think_time_s: Annotated[
        float | None,
        Argument(
            "real",
            "Seconds for which a user thinks between an answer and his next request",
            unit="s",
            most=1e6,
            or_none=True,
            left_out="0",
            examples=(20,),
        ),
    ] = None
    input_tokens: PromptLengths = 2048
    output_tokens: OutputLengths = 256
    cached_share: CachedShare = None
    depth: Depth = None
    ttft_target_ms: Annotated[
        float | None,
        Argument(
            "real",
            "Time to first token to keep, queue included",
            unit="ms",
            most=1e9,
            examples=(1500,),
            brief="",
        ),
    ] = None
    tpot_target_ms: Annotated[
        float | None,
        Argument(
            "real",
            "Time per output token to keep, or its rate (30 tok/s)",
            unit=PER_TOKEN,
            most=1e9,
            examples=(50,),
            brief="",
        ),
    ] = None
    percentile: Annotated[
        str,
        Argument(
            "word",
            "Of which both targets are kept: the mean over the requests, or",
            words=PERCENTILES,
        ),
    ] = "mean"
    hardware: Annotated[
        Sequence[HardwareLike] | HardwareLike | None,
        Argument(
            "hardware list",
            f"Accelerators to choose from: a list, those at hand with their count ('8 x A100'), or {ANY}",
            left_out="any: those with an on-demand list price",
            examples=(["H100", "MI300X"], "8 x A100"),
            brief="Several, or those at hand: 8 x A100",
        ),
    ] = None
    devices: Annotated[
        int | None,
        Argument(
            "whole",
            "Devices at hand of each accelerator named",
            most=MOST_SEARCHED_DEVICES,
            left_out="as many as hardware says, or as a plan takes",
            examples=(8,),
        ),
    ] = None
    formats: Annotated[
        str | Sequence[str] | None,
        Argument(
            "names",
            "Formats of the weights that are allowed, in place of precision",
            left_out="the checkpoint's own, and beside 16 bits fp8 and int4",
            examples=(["bf16", "fp8"],),
            brief="",
        ),
    ] = None
    budget_usd_per_hour: Annotated[
        float | None,
        Argument("real", "Most that it may cost", unit="US dollars an hour", most=1e9, brief=""),
    ] = None
    max_devices: Annotated[
        int | None,
        Argument(
            "whole",
            "Most devices of all copies together",
            most=MOST_SEARCHED_DEVICES,
            left_out="64, and for the highest rate one copy where neither devices nor a budget bound it",
            brief="",
        ),
    ] = None
    spare_copies: Annotated[
        int, Argument("whole", "Copies more than the load needs", least=0, most=MOST_SEARCHED_DEVICES)
    ] = 0

    ORDER = ("model",)


@dataclass(eq=False)
class SearchGrid(Question):
    model: ModelName
    hardware: Annotated[
        Sequence[HardwareLike] | HardwareLike | None,
        Argument(
            "hardware list",
            "Accelerators to choose from",
            left_out="those with an on-demand list price",
            examples=(["H100", "MI300X"],),
        ),
    ] = None
    batch_sizes: Annotated[
        int | Sequence[int],
        Argument(
            "whole list", "Sequences served at once, over all copies", most=MOST_SEQUENCES, examples=([1, 8, 64],)
        ),
    ] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    input_tokens: Annotated[
        int | Sequence[int],
        Argument(
            "whole list", "Prompt tokens of each sequence", unit="tokens", most=MOST_TOKENS, examples=([512, 4096],)
        ),
    ] = 2048
    output_tokens: Annotated[
        int | Sequence[int],
        Argument(
            "whole list", "Output tokens of each sequence", unit="tokens", most=MOST_TOKENS, examples=([128, 1024],)
        ),
    ] = 256
    _: KW_ONLY
    precisions: Annotated[
        str | Sequence[str] | None,
        Argument(
            "names",
            "Formats of the weights to weigh beside the checkpoint's own, in place of precision",
            left_out="none",
            examples=(["fp8", "int4"],),
        ),
    ] = None
    devices: Annotated[
        int | None,
        Argument(
            "whole",
            "Devices at hand of each kind, of which some may stay idle",
            most=MOST_SEARCHED_DEVICES,
            left_out="as many as the hardware's name says, or 8,",
        ),
    ] = None
    goal: Annotated[
        str,
        Argument(
            "word",
            "What best means: throughput (output tokens/s), latency (time per output token), decode or prefill "
            "(tokens/s of that phase), cost (US dollars of a million output tokens)",
            words=GRID_GOALS,
        ),
    ] = "throughput"
    rank_by: RankBy = WORST
    top: Annotated[int, Argument("whole", "Best rows to return", most=1000)] = 10
    progress: Annotated[
        Callable[[int, int], object] | None,
        Argument("function", "Called with (candidates done, candidates in all) after each chunk", spoken=False),
    ] = None
    cancelled: Annotated[
        Callable[[], bool] | None,
        Argument("function", "Asked before each chunk: True ends the search with what was found", spoken=False),
    ] = None
    detail: Annotated[
        str, Argument("word", "A row is concise; estimate_performance explains one", words=DETAILS[:1], spoken=False)
    ] = "concise"

    ORDER = ("model", "hardware", "batch_sizes", "input_tokens", "output_tokens")


@dataclass(eq=False)
class Sweep(Ranked):
    models: Annotated[
        Sequence[ModelLike] | ModelLike,
        Argument(
            "model list",
            "Models, each as one of any other question: hub ids, short names, paths, configs",
            examples=(["meta-llama/Llama-3.1-8B", "Qwen/Qwen3-8B"],),
        ),
    ]
    hardware: Annotated[
        Sequence[HardwareLike] | HardwareLike | None,
        Argument(
            "hardware list",
            f"Accelerators, or {ALL} for the whole catalogue",
            left_out="those that clouds rent or list prices name (no processors, no laptops)",
            examples=(["A100_80GB", "H100"],),
        ),
    ] = None
    workloads: Annotated[
        Sequence[Mapping[str, Any]] | Mapping[str, Any] | None,
        Argument(
            "workload list",
            "Arguments that differ from one workload to the next; what all of them share stands beside them",
            left_out="one workload",
            examples=([{"batch_size": 1}, {"batch_size": 32, "input_tokens": 4096}],),
        ),
    ] = None
    executor: Annotated[
        Any,
        Argument(
            "executor",
            "Who answers, a model a task: whatever has submit(function, *arguments) -> concurrent.futures.Future, as "
            "pools of processes and threads, Dask's Client.get_executor() and mpi4py's MPIPoolExecutor",
            left_out="this process, one after the other,",
            spoken=False,
        ),
    ] = None
    _: KW_ONLY
    devices: DevicesOfEach = None
    output: Annotated[
        str | PathLike[str] | None,
        Argument(
            "path",
            "File to which rows are added as they come, x.csv or x.parquet (a folder of parts, with the extra parquet);"
            " models that it has already are kept",
            left_out="none: the rows are the answer",
            examples=("sweep.csv",),
        ),
    ] = None
    workers: Annotated[
        int | None,
        Argument(
            "whole",
            "Processes of this machine that share the work; of an executor, how many workers it has",
            most=MOST_DEVICES,
            left_out="none; of an executor as many as it says, or else as this machine has cores,",
            examples=(8,),
        ),
    ] = None
    progress: Annotated[
        Callable[[int, int], object] | None,
        Argument("function", "Called with (models done, models in all) after each", spoken=False),
    ] = None
    cancelled: Annotated[
        Callable[[], bool] | None,
        Argument("function", "Asked some twenty times a second: True ends the sweep with what has come", spoken=False),
    ] = None
    detail: Annotated[
        str, Argument("word", "A row is concise; compare_hardware explains one", words=DETAILS[:1], spoken=False)
    ] = "concise"

    ORDER = ("models", "hardware", "workloads", "executor")


@dataclass(eq=False)
class ExplainStartupLog(Split):
    text: Annotated[
        str,
        Argument(
            "log",
            "A start-up log as pasted, of vLLM, SGLang, llama.cpp, ollama, TensorRT-LLM or mlx-lm; its last start",
            brief="",
        ),
    ]
    _: KW_ONLY
    model: Annotated[
        ModelLike | None,
        Argument(
            "model",
            "Hub id, short name, path or config of the model, in place of what the log names",
            left_out="the model that the log names",
            spoken_as="model",
            brief="",
        ),
    ] = None
    hardware: Annotated[
        HardwareLike | None,
        Argument(
            "hardware",
            _HARDWARE,
            left_out="the card that the log names, or one that shows as much memory,",
            examples=("H100",),
            brief="",
        ),
    ] = None

    ORDER = ("text",)


@dataclass(eq=False)
class InspectModel(Question):
    model: ModelName
    _: KW_ONLY
    seq_length: Annotated[
        int | None,
        Argument(
            "whole",
            "Tokens of the sequence whose mean cache a token is asked for",
            unit="tokens",
            most=MOST_TOKENS,
            left_out="the longest that the model's config allows, or 2048",
            brief="",
        ),
    ] = None

    ORDER = ("model", "token", "refresh")


@cache
def declarations(question: Any) -> tuple[tuple[str, Any, Argument], ...]:
    """(name, default, declaration) of every argument of a question, those that have a place first."""
    arguments = {}
    for parent in reversed(question.__mro__):
        for name, annotation in vars(parent).get("__annotations__", {}).items():
            declared = [entry for entry in get_args(annotation) if isinstance(entry, Argument)]
            if declared:
                arguments[name] = declared[0]
    defaults = {item.name: item.default for item in fields(question)}
    order = dict.fromkeys((*question.ORDER, *arguments))
    return tuple((name, defaults[name], arguments[name]) for name in order)


def is_setting(word: str) -> bool:
    """Whether an engine has a setting of this name."""
    return word in _settings()


@cache
def spellings_of(engine: str | None) -> frozenset[str]:
    """How the settings of an engine are spelled, flags and other names too; of all engines where none is named."""
    every = (entry for name in ENGINES if engine in (None, name) for entry in settings_of(name).items())
    return frozenset(plain_word(word) for name, one in every for word in (name, one.flag, *one.aliases) if word)


@cache
def _settings() -> frozenset[str]:
    every = (entry for engine in ENGINES for entry in settings_of(engine).items())
    return frozenset(word for name, setting in every for word in (name, *setting.aliases))


def _with_settings(given: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Settings of an engine that were given by their own names, as its settings."""
    if known.issuperset(given):
        return given
    told = {name: value for name, value in given.items() if name not in known and is_setting(name)}
    if not told:
        return given
    rest = {name: value for name, value in given.items() if name not in told}
    stated = given.get("engine_settings")
    if isinstance(stated, str):
        raise ArgumentError(f"engine_settings is text, and {min(told)} stands beside it; give all in one of the two.")
    if isinstance(stated, Mapping) and (twice := told.keys() & stated.keys()):
        raise ArgumentError(f"{min(twice)} stands in engine_settings too; give it once.")
    return rest | {"engine_settings": {**told, **(stated or {})}}


Arguments = ParamSpec("Arguments")
One = TypeVar("One", bound=Asked)
Answer = TypeVar("Answer")


def asks(question: Callable[Arguments, One]) -> Callable[[Callable[[One], Answer]], Callable[Arguments, Answer]]:
    """Make a function of a question into one of its arguments, with their signature, their checks and their meaning."""
    made_of: Any = question
    order, declared = made_of.ORDER, declarations(made_of)
    known = frozenset(name for name, _, _ in declared)
    signature = inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD if name in order else inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if default is MISSING else default,
            )
            for name, default, _ in declared
        ]
    )

    def made(answer: Callable[[One], Answer]) -> Callable[Arguments, Answer]:
        @wraps(answer)
        def ask(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
            named = _with_settings(dict(kwargs), known)
            given = dict(zip(order, args, strict=False)) | named
            if len(given) < len(args) + len(named):
                refuse(answer.__name__, signature, args, named)
            try:
                asked: One = made_of(**given)
            except TypeError:
                refuse(answer.__name__, signature, args, named)
                raise
            return answer(asked)

        lines = (f"{name}: {argument.described(default)}" for name, default, argument in declared)
        ask.__doc__ = "\n    ".join([f"{answer.__doc__ or ''}".rstrip(), "", *lines])
        ask.__signature__ = signature  # type: ignore[attr-defined]
        ask.question = question  # type: ignore[attr-defined]
        return ask

    return made
