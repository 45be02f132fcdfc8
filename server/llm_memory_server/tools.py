"""The five tools: what each argument means, and about ten lines over the engine's function of the same name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent
from pydantic import ConfigDict, Field, RootModel
from pydantic.json_schema import SkipJsonSchema

from llm_memory_calculator import (
    BatchReport,
    CalculatorError,
    ComparisonReport,
    EndToEndReport,
    LayoutReport,
    MemoryReport,
)

from .answers import concise, text_of


class MemoryAnswer(RootModel[MemoryReport]):
    model_config = ConfigDict(use_attribute_docstrings=True)


class PerformanceAnswer(RootModel[EndToEndReport]):
    model_config = ConfigDict(use_attribute_docstrings=True)


class LayoutAnswer(RootModel[LayoutReport]):
    model_config = ConfigDict(use_attribute_docstrings=True)


class ComparisonAnswer(RootModel[ComparisonReport]):
    model_config = ConfigDict(use_attribute_docstrings=True)


class BatchAnswer(RootModel[BatchReport]):
    model_config = ConfigDict(use_attribute_docstrings=True)


def _argument(description: str, **constraints: Any) -> Any:
    return Field(description=description, **constraints)


# One word for one thing in all five tools. None means "not given" and stands in no schema.
_MODEL = "Hub id (meta-llama/Llama-3.1-70B), short name (llama3_70b), or path of a config.json or its folder."
_HARDWARE = (
    "Accelerator in any usual spelling: H100, a100-80gb, RTX 4090, MI300X, TPU v5e. 8xH100 or a cloud instance type "
    "(p5.48xlarge) says the number of devices too."
)
Model = Annotated[str, _argument(_MODEL, min_length=1, max_length=1024, examples=["meta-llama/Llama-3.1-70B"])]
Hardware = Annotated[str, _argument(_HARDWARE, min_length=1, max_length=128, examples=["H100"])]
MaybeHardware = Annotated[
    Annotated[str, Field(min_length=1, max_length=128)] | SkipJsonSchema[None],
    _argument(_HARDWARE + " Not together with memory_gb."),
]
MemoryGb = Annotated[
    Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | SkipJsonSchema[None],
    _argument("Memory of one device, GB (10^9 bytes), instead of hardware.", examples=[24]),
]
Precision = Annotated[
    str | SkipJsonSchema[None],
    _argument(
        "Weight format: bf16, fp16, fp8, int8, int4, awq, gptq, nf4, mxfp4, nvfp4, or a GGUF mix. Left out: the "
        "checkpoint's.",
        examples=["fp8", "q4_k_m"],
    ),
]
KvPrecision = Annotated[
    str | SkipJsonSchema[None], _argument("KV cache format: bf16, fp16, fp8, int8, nvfp4, fp32. Left out: 16 bits.")
]
BatchSize = Annotated[int, _argument("Sequences served at once, over all copies; 1 when left out.", ge=1, le=1_000_000)]
SeqLength = Annotated[
    int, _argument("Tokens of each sequence, prompt and output together; 2048 when left out.", ge=1, le=100_000_000)
]
InputTokens = Annotated[int, _argument("Prompt tokens of each sequence; 2048 when left out.", ge=1, le=100_000_000)]
OutputTokens = Annotated[int, _argument("Output tokens of each sequence; 256 when left out.", ge=1, le=100_000_000)]
Devices = Annotated[
    Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None],
    _argument("Number of devices; a layout is chosen and named where none is given.", examples=[8]),
]
Tensor = Annotated[
    Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None],
    _argument("Devices that share each layer. Left out: chosen, and the answer says how."),
]
Pipeline = Annotated[Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None], _argument("Pipeline stages.")]
Data = Annotated[Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None], _argument("Copies of the model.")]
Expert = Annotated[
    Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None], _argument("Groups of devices that share the experts.")
]
Images = Annotated[int, _argument("Images of each sequence; their tokens are part of seq_length.", ge=0, le=100_000)]
ImageResolution = Annotated[
    int, _argument("Side of the (square) images, pixels; 1024 when left out.", ge=1, le=100_000)
]
MaxLoras = Annotated[
    Annotated[int, Field(ge=1, le=100_000)] | SkipJsonSchema[None], _argument("LoRA adapters served at once.")
]
MaxLoraRank = Annotated[
    Annotated[int, Field(ge=1, le=65_536)] | SkipJsonSchema[None], _argument("Largest rank of the adapters; 16.")
]
TargetModules = Annotated[
    list[str] | SkipJsonSchema[None],
    _argument("Projections that adapters change (q_proj, v_proj), or attn, ffn. Left out: all."),
]
EncoderSeqLength = Annotated[
    Annotated[int, Field(ge=1, le=100_000_000)] | SkipJsonSchema[None],
    _argument("Source tokens of an encoder-decoder (T5); seq_length when left out."),
]
Goal = Annotated[
    Literal["throughput", "latency", "decode", "prefill"],
    _argument(
        "What best means: throughput (output tokens/s), latency (time per output token), decode or prefill (tokens/s "
        "of that phase)."
    ),
]
Refresh = Annotated[bool, _argument("Ask the Hugging Face hub before the bundled catalogue.")]
Detail = Annotated[Literal["concise", "full"], _argument("full adds breakdowns and every default that was taken.")]


def _result(report: Any, answer: type[RootModel[Any]], detail: str) -> CallToolResult:
    shown = report if detail == "full" else concise(report)
    return CallToolResult(
        content=[TextContent(type="text", text=text_of(report))],
        structured_content=answer(shown).model_dump(mode="json"),
    )


def calculate_memory(
    model: Model,
    batch_size: BatchSize = 1,
    seq_length: SeqLength = 2048,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    hardware: MaybeHardware = None,
    memory_gb: MemoryGb = None,
    devices: Devices = None,
    tensor_parallel: Tensor = None,
    pipeline_parallel: Pipeline = None,
    data_parallel: Data = None,
    expert_parallel: Expert = None,
    num_images: Images = 0,
    image_resolution: ImageResolution = 1024,
    max_loras: MaxLoras = None,
    max_lora_rank: MaxLoraRank = None,
    target_modules: TargetModules = None,
    encoder_seq_length: EncoderSeqLength = None,
    refresh: Refresh = False,
    detail: Detail = "concise",
) -> Annotated[CallToolResult, MemoryAnswer]:
    """Memory to serve a model: weights, KV cache, activations and overhead of the fullest device, bytes, and which
    accelerators hold it. Use it for "will it fit?" and "how much VRAM?". For speed use estimate_performance; for the
    largest batch use max_batch_size. Inference only: no optimizer states."""
    from llm_memory_calculator import calculate_memory as engine

    report = _asked(
        engine,
        model_id_or_config=model,
        batch_size=batch_size,
        seq_length=seq_length,
        precision=precision,
        kv_precision=kv_precision,
        hardware=hardware,
        memory_gb=memory_gb,
        devices=devices,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
        num_images=num_images,
        image_resolution=image_resolution,
        max_loras=max_loras,
        max_lora_rank=max_lora_rank,
        target_modules=target_modules,
        encoder_seq_length=encoder_seq_length,
        refresh=refresh,
    )
    return _result(report, MemoryAnswer, detail)


def estimate_performance(
    model: Model,
    hardware: Hardware,
    batch_size: BatchSize = 1,
    input_tokens: InputTokens = 2048,
    output_tokens: OutputTokens = 256,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    devices: Devices = None,
    tensor_parallel: Tensor = None,
    pipeline_parallel: Pipeline = None,
    data_parallel: Data = None,
    expert_parallel: Expert = None,
    refresh: Refresh = False,
    detail: Detail = "concise",
) -> Annotated[CallToolResult, PerformanceAnswer]:
    """Speed of a model on hardware: time to first token (TTFT, ms), time per output token (TPOT, ms), output tokens a
    second, total ms, each with a range, and what binds it. A static batch: no queue, no network. Without a layout the
    fewest devices that hold the model are taken. To find the best layout use best_parallelism; to choose hardware use
    compare_hardware."""
    from llm_memory_calculator import estimate_performance as engine

    report = _asked(
        engine,
        model=model,
        hardware=hardware,
        batch_size=batch_size,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=precision,
        kv_precision=kv_precision,
        devices=devices,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
        refresh=refresh,
    )
    return _result(report, PerformanceAnswer, detail)


def best_parallelism(
    model: Model,
    hardware: Hardware,
    devices: Annotated[
        Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None],
        _argument("Devices at hand, some may stay idle. Left out: as many as the hardware's name says, or 8."),
    ] = None,
    batch_size: BatchSize = 1,
    input_tokens: InputTokens = 2048,
    output_tokens: OutputTokens = 256,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    goal: Goal = "throughput",
    refresh: Refresh = False,
    detail: Detail = "concise",
) -> Annotated[CallToolResult, LayoutAnswer]:
    """Best layout (tensor, pipeline, data, expert parallel) of up to that many devices for a load, with its times and
    the next best. Says what would be needed when nothing fits. For one given layout use estimate_performance."""
    from llm_memory_calculator import best_parallelism as engine

    report = _asked(
        engine,
        model=model,
        hardware=hardware,
        devices=devices,
        batch_size=batch_size,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=precision,
        kv_precision=kv_precision,
        goal=goal,
        refresh=refresh,
    )
    return _result(report, LayoutAnswer, detail)


def compare_hardware(
    model: Model,
    hardware: Annotated[
        Annotated[list[str], Field(min_length=1, max_length=100)] | SkipJsonSchema[None],
        _argument(
            "Accelerators to compare, any of the catalogue. Left out: those that clouds rent or list prices name (no "
            "processors, no laptops), of which the best five are returned.",
            examples=[["A100_80GB", "H100"]],
        ),
    ] = None,
    devices: Annotated[
        Annotated[int, Field(ge=1, le=1024)] | SkipJsonSchema[None],
        _argument("Devices of each. Left out: the fewest of one node that hold the model."),
    ] = None,
    batch_size: BatchSize = 1,
    input_tokens: InputTokens = 2048,
    output_tokens: OutputTokens = 256,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    goal: Goal = "throughput",
    refresh: Refresh = False,
    detail: Detail = "concise",
) -> Annotated[CallToolResult, ComparisonAnswer]:
    """Accelerators side by side for a model and a load, each in its best layout, best first; those that cannot hold the
    model last, with the reason. Prices are not compared."""
    from llm_memory_calculator import compare_hardware as engine

    report = _asked(
        engine,
        model=model,
        hardware=hardware,
        devices=devices,
        batch_size=batch_size,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=precision,
        kv_precision=kv_precision,
        goal=goal,
        refresh=refresh,
    )
    return _result(report, ComparisonAnswer, detail)


def max_batch_size(
    model: Model,
    hardware: MaybeHardware = None,
    memory_gb: MemoryGb = None,
    seq_length: SeqLength = 2048,
    precision: Precision = None,
    kv_precision: KvPrecision = None,
    devices: Devices = None,
    tensor_parallel: Tensor = None,
    pipeline_parallel: Pipeline = None,
    data_parallel: Data = None,
    expert_parallel: Expert = None,
    refresh: Refresh = False,
    detail: Detail = "concise",
) -> Annotated[CallToolResult, BatchAnswer]:
    """Largest number of sequences of seq_length tokens that the devices hold at once; 0, with the reason, when not even
    one fits. Needs hardware or memory_gb. For the memory of a given batch use calculate_memory."""
    from llm_memory_calculator import max_batch_size as engine

    report = _asked(
        engine,
        model=model,
        hardware=hardware,
        memory_gb=memory_gb,
        seq_length=seq_length,
        precision=precision,
        kv_precision=kv_precision,
        devices=devices,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
        refresh=refresh,
    )
    return _result(report, BatchAnswer, detail)


def _asked(engine: Any, **arguments: Any) -> Any:
    """The engine's report; what the caller can mend is told to the model, anything else stays masked."""
    try:
        return engine(**arguments)
    except CalculatorError as error:
        raise ToolError(str(error)) from error


TOOLS = {
    calculate_memory: "Memory to serve a model",
    estimate_performance: "Speed of a model on hardware",
    best_parallelism: "Best layout over devices",
    compare_hardware: "Accelerators side by side",
    max_batch_size: "Largest batch that fits",
}
