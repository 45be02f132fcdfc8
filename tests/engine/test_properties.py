"""Properties that hold for every model, batch, length, format and split."""

import math

import numpy
import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import Step, best_parallelism, calculate_memory, estimate_performance, load_model
from llm_memory_calculator.deployment import Deployment
from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.operators import Attention, LatentAttention
from llm_memory_calculator.operators.attention import attended_pairs
from llm_memory_calculator.parallel import Parallelism, problem
from llm_memory_calculator.performance.step import Clock, step_time
from llm_memory_calculator.ranks import holdings
from llm_memory_hardware import get_accelerator

from .families import one_of_each_family

MODELS = [
    "meta-llama/Llama-3.1-8B",
    "Qwen/Qwen3-30B-A3B",
    "google/gemma-3-1b-pt",
    "deepseek-ai/DeepSeek-V2-Lite",
    "openai/gpt-oss-20b",
    "openai-community/gpt2",
    "tiiuae/falcon-7b",
    "microsoft/Phi-3-mini-4k-instruct",
]
NARROW_TO_WIDE = ["int4", "awq", "mxfp4", "nf4", "nvfp4", "fp8", "bf16", "fp32"]
models = st.sampled_from(MODELS)
batches, lengths = st.integers(1, 512), st.integers(1, 200_000)
families = st.sampled_from(one_of_each_family())


def deployment(model: str, hardware: str = "H100", **layout: int) -> Deployment:
    found = load_model(model)
    return Deployment(
        model=found,
        formats=found.formats("bf16", None),
        engine=engine_for(),
        accelerator=get_accelerator(hardware),
        layout=Parallelism(**layout),
    )


@given(families, batches, lengths, st.integers(0, 64), st.integers(0, 10_000))
def test_memory_never_falls_when_batch_or_length_grow(
    model: str, batch: int, length: int, more: int, longer: int
) -> None:
    small = calculate_memory(model, batch_size=batch, seq_length=length)
    large = calculate_memory(model, batch_size=batch + more, seq_length=length + longer)
    assert large.kv_cache_bytes >= small.kv_cache_bytes
    assert large.total_memory_bytes >= small.total_memory_bytes


@given(families, batches, lengths, st.sampled_from([1, 2, 8]))
def test_the_parts_of_a_report_sum_to_its_total(model: str, batch: int, length: int, tensor: int) -> None:
    if problem(load_model(model).architecture, Parallelism(tensor=tensor)):
        return
    report = calculate_memory(model, batch_size=batch, seq_length=length, tensor_parallel=tensor)
    assert report.total_memory_bytes == sum(size for _, size in report.parts())
    assert all(size >= 0 for _, size in report.parts())
    assert report.total_memory_interval.low <= report.total_memory_bytes <= report.total_memory_interval.high
    assert report.active_parameter_count <= report.parameter_count


@given(families, st.lists(st.sampled_from(NARROW_TO_WIDE), min_size=2, max_size=2))
def test_weights_never_fall_when_the_format_gets_wider(model: str, formats: list[str]) -> None:
    bits = {"int4": 4, "awq": 4, "mxfp4": 4, "nf4": 4, "nvfp4": 4, "fp8": 8, "bf16": 16, "fp32": 32}
    narrow, wide = sorted(formats, key=lambda name: bits[name])
    if bits[narrow] < bits[wide]:
        low = calculate_memory(model, precision=narrow).weight_memory_bytes
        assert low < calculate_memory(model, precision=wide).weight_memory_bytes


@given(families, st.sampled_from([1, 2, 4, 8]))
def test_shards_sum_to_the_whole_plus_what_is_replicated(model: str, tensor: int) -> None:
    architecture = load_model(model).architecture
    if problem(architecture, Parallelism(tensor=tensor)):
        return
    shard = architecture.shard(tensor)
    for whole_layer, layer in zip(architecture.layers(), shard.layers(), strict=True):
        for whole, part in zip(whole_layer.operators, layer.operators, strict=True):
            before = sum(weight.size for weight in whole.weights())
            after = sum(weight.size for weight in part.weights())
            assert before / tensor <= after <= before
            split = getattr(whole, "split", "none")
            if split == "none" and part == whole:
                assert after == before


@given(models, st.integers(1, 12))
def test_pipeline_stages_hold_every_layer_once(model: str, stages: int) -> None:
    found = deployment(model, pipeline=stages)
    architecture = found.architecture
    if stages > architecture.depth:
        return
    held = holdings(architecture, found.formats.scheme, found.layout, found.engine)
    assert sum(holding.alike for holding in held) == stages
    assert sum(holding.alike * holding.depth for holding in held) == architecture.depth
    parameters = sum(holding.alike * holding.parameters for holding in held)
    copied = architecture.vocab_size * architecture.hidden_size if architecture.has_tied_head and stages > 1 else 0
    assert parameters == architecture.parameter_count + copied


@given(st.integers(1, 300), st.integers(0, 300), st.one_of(st.none(), st.integers(1, 200)))
def test_attended_pairs_are_the_sum_over_positions(query: int, context: int, window: int | None) -> None:
    counted = sum(min(t, window or t) for t in range(context + 1, context + query + 1))
    assert attended_pairs(query, context, window) == counted


@given(models, st.lists(st.integers(1, 500), min_size=1, max_size=6))
def test_chunked_prefill_does_the_work_of_whole_prefill(model: str, chunks: list[int]) -> None:
    operators = [
        operator
        for layer in load_model(model).architecture.stack
        for operator in layer.operators
        if not isinstance(operator, LatentAttention)  # its chunks expand the context again
    ]
    for operator in operators:
        whole = operator.work(Step(batch=3, query=sum(chunks))).flops
        parts = [
            operator.work(Step(batch=3, query=chunk, context=sum(chunks[:number]))).flops
            for number, chunk in enumerate(chunks)
        ]
        assert sum(parts) == pytest.approx(whole)  # type: ignore[arg-type]


@given(models, st.lists(st.integers(1, 100_000), min_size=1, max_size=5), st.integers(1, 64))
def test_a_sweep_equals_its_scalars(model: str, contexts: list[int], batch: int) -> None:
    found = deployment(model)
    steps = [Step(batch=batch, query=1, context=context) for context in contexts]
    sweep = Step(batch=batch, query=1, context=numpy.array(contexts, dtype=numpy.float64))
    swept = step_time(found, sweep, Clock()).spent.total
    single = [step_time(found, step, Clock()).spent.total for step in steps]
    numpy.testing.assert_allclose(swept, single, rtol=1e-12)


@given(models, batches, st.integers(1, 8192), st.integers(1, 8192))
def test_step_time_is_finite_positive_and_grows_with_the_context(
    model: str, batch: int, query: int, context: int
) -> None:
    found = deployment(model)

    def seconds(step: Step) -> float:
        time = step_time(found, step, Clock()).spent
        for value in time.seconds.values():
            assert value >= 0  # type: ignore[operator]
        return float(time.total)

    near = seconds(Step(batch=batch, query=query, context=0))
    far = seconds(Step(batch=batch, query=query, context=context))
    assert 0 < near <= far * (1 + 1e-9)
    assert near <= seconds(Step(batch=batch, query=query + 1, context=0)) * (1 + 1e-9) or query == 1
    assert math.isfinite(far)


@given(st.integers(1, 8), st.sampled_from(["latency", "throughput", "decode", "prefill"]))
@settings(max_examples=16, deadline=None)
def test_more_devices_are_never_worse(devices: int, goal: str) -> None:
    def score(count: int) -> float:
        best = best_parallelism("meta-llama/Llama-3.1-8B", "H100", devices=count, batch_size=8, goal=goal).best
        return {
            "latency": -best.tpot_ms,
            "throughput": best.output_tokens_per_s,
            "decode": best.decode_tokens_per_s,
            "prefill": best.prefill_tokens_per_s,
        }[goal]

    assert score(devices + 1) >= score(devices) - 1e-9


@given(st.integers(1, 64), st.integers(1, 20_000), st.integers(1, 2000))
def test_intervals_hold_their_estimates(batch: int, inputs: int, outputs: int) -> None:
    report = estimate_performance(
        "Qwen/Qwen2.5-1.5B", "H200", batch_size=batch, input_tokens=inputs, output_tokens=outputs
    )
    assert report.ttft_interval_ms.low < report.ttft_ms < report.ttft_interval_ms.high
    assert report.total_interval_ms.low < report.total_ms < report.total_interval_ms.high
    assert report.ttft_ms <= report.total_ms


def test_every_attention_shares_or_replicates_its_heads() -> None:
    attention = Attention(name="self_attn", heads=64, kv_heads=8, head_dim=128)
    assert attention.shard(8, 1).kv_heads == 1
    assert attention.shard(16, 1).kv_heads == 1
    assert attention.shard(16, 1).heads == 4
