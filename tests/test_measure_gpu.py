"""`benchmarks/measure_gpu.py` without PyTorch: what it would measure, its rows, and what it sets them beside.

Measured times are kernels of H100 SXM under TensorRT-LLM 1.3.0rc20 in the package aiconfigurator-core 0.12.0.
"""

import csv
import importlib
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator.api import load_model
from llm_memory_calculator.operators import Attention
from llm_memory_calculator.validation import validate

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
LLAMA, QWEN = "meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B"
HEADERS = {
    "kernel_gemm.csv": "gemm_dtype,m,n,k,latency_ms,gpu,engine,src,frac_peak_flops,frac_peak_bw",
    "kernel_decode_attention.csv": "batch_size,kv_len,num_heads,num_key_value_heads,head_dim,attn_dtype,kv_cache_dtype,"
    "latency_ms,gpu,engine,src,frac_peak_bw",
    "kernel_prefill_attention.csv": "batch_size,isl,num_heads,num_key_value_heads,head_dim,attn_dtype,kv_cache_dtype,"
    "latency_ms,gpu,engine,src,frac_peak_flops",
    "kernel_moe.csv": "moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,"
    "distribution,latency_ms,gpu,engine,src",
    "kernel_collectives.csv": "dtype,num_gpus,message_size,latency_ms,gpu,engine,op,lib,src",
    "throughput_measured.csv": "source,model,gpu,n_gpu,tp,pp,engine,precision,kv_precision,batch_or_concurrency,"
    "input_tokens,output_tokens,metric,value,note",
}
"""As the files of measured kernels and of throughput tables begin."""


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script's modules that need no PyTorch."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setitem(sys.modules, "torch", None)
    return importlib.import_module


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["measure_gpu.py", *arguments])
    runpy.run_path(str(BENCHMARKS / "measure_gpu.py"), run_name="__main__")


def test_help_needs_no_torch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, "--help")
    assert stopped.value.code == 0
    assert "--minutes" in capsys.readouterr().out


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="pip install torch"):
        run(monkeypatch, "--out", str(tmp_path / "measured"))
    assert not (tmp_path / "measured").exists()


def test_columns_are_those_of_the_measured_files(kinds: Any) -> None:
    shapes = kinds("gpu_kinds.shapes")
    found = {}
    for kind in shapes.KINDS:
        for shape in shapes.shapes_of(kind, shapes.WHOLE, 8):
            found[shape.file] = ",".join(shape.columns)
            assert set(shape.identity()) <= set(shape.columns)
    assert found == HEADERS


def test_products_are_the_projections_of_both_models(kinds: Any) -> None:
    """Widths of the published configs: 4096, 14336, 32 and 8 heads of 128; 2048, 32 and 4 heads, 128 experts."""
    shapes = kinds("gpu_kinds.shapes")
    found = {(row["gemm_dtype"], row["n"], row["k"]) for row in identities(shapes, "products")}
    whole = {(6144, 4096), (4096, 4096), (28672, 4096), (4096, 14336), (128256, 4096)}
    whole |= {(5120, 2048), (2048, 4096), (128, 2048), (151936, 2048)}
    of_8 = {(768, 4096), (4096, 512), (3584, 4096), (4096, 1792), (16032, 4096), (768, 2048), (2048, 512)}
    assert {("bfloat16", *sizes) for sizes in whole | of_8} <= found
    assert ("fp8", 28672, 4096) in found
    # quantisers leave the head and the router as they are
    assert not {("fp8", 128256, 4096), ("fp8", 128, 2048)} & found


def test_other_shapes_follow_the_models_too(kinds: Any) -> None:
    shapes = kinds("gpu_kinds.shapes")
    for kind in ("decodes", "prompts"):
        heads = {(row["num_heads"], row["num_key_value_heads"]) for row in identities(shapes, kind)}
        assert heads == {(32, 8), (16, 4), (8, 2), (4, 1), (32, 4), (16, 2), (8, 1)}
    mixtures = identities(shapes, "experts")
    assert {(row["hidden_size"], row["inter_size"], row["topk"], row["num_experts"]) for row in mixtures} == {
        (2048, 768, 8, 128)
    }
    assert {(row["moe_tp_size"], row["distribution"]) for row in mixtures} == {
        (tensor, routing) for tensor in (1, 2, 4, 8) for routing in ("balanced", "uniform")
    }
    assert {row["num_gpus"] for row in identities(shapes, "sums", devices=4)} == {2, 4}
    assert identities(shapes, "sums", devices=1) == []


def test_a_budget_that_ends_early_leaves_the_whole_range(kinds: Any) -> None:
    shapes = kinds("gpu_kinds.shapes")
    axes = (("products", "m"), ("experts", "num_tokens"), ("experts", "moe_tp_size"), ("decodes", "kv_len"))
    for kind, axis in axes:
        rows = identities(shapes, kind)
        values = [row[axis] for row in rows]
        tenth = values[: len(values) // 10]
        assert (min(tenth), max(tenth)) == (min(values), max(values))
        assert len({tuple(row.values()) for row in rows}) == len(rows), "no shape is measured twice"


def test_shares_of_the_peaks_are_as_the_measured_files_count_them(kinds: Any) -> None:
    shapes = kinds("gpu_kinds.shapes")
    model = load_model(LLAMA)
    layer = model.architecture.stack[0].operators
    qkv = next(operator for operator in layer if operator.name == "self_attn.qkv")
    attention = next(operator for operator in layer if isinstance(operator, Attention))
    four = Attention(name="self_attn", heads=4, kv_heads=4, head_dim=128)
    measured = [
        (shapes.Product(model=model, operator=qkv, tokens=8192, precision="bf16"), 0.53144, "flops", 0.784478),
        (shapes.Product(model=model, operator=qkv, tokens=8192, precision="bf16"), 0.53144, "bw", 0.122508),
        (shapes.Decodes(model=model, operator=attention, batch=8, keys=65536), 0.721088, "bw", 0.889044),
        (shapes.Prompts(model=model, operator=four, batch=4, prompt=2048), 0.0834987, "flops", 0.208039),
    ]
    estimates = kinds("gpu_kinds.estimates")
    of_h100 = estimates.Estimates(estimates.named("NVIDIA H100 80GB HBM3"), "transformers")
    for shape, ms, peak, share in measured:
        estimate = of_h100.of(shape)
        assert estimate.shares(ms)[f"frac_peak_{peak}"] == pytest.approx(share, rel=0.01)
        assert 0.7 < ms / estimate.ms < 1.4


def test_what_the_package_cannot_time_has_no_estimate(kinds: Any) -> None:
    shapes, estimates = kinds("gpu_kinds.shapes"), kinds("gpu_kinds.estimates")
    estimated = estimates.Estimates(estimates.named("RTX 4090"), "transformers")
    assert estimated.of(shapes.Pass(model=load_model(QWEN), batch=64, query=1, context=4096)) is None


def test_an_unknown_name_is_said_and_measured_all_the_same(kinds: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert kinds("gpu_kinds.estimates").named("no such accelerator") is None
    assert "no such accelerator" in capsys.readouterr().out


def test_validate_reads_passes(kinds: Any, tmp_path: Path) -> None:
    """A step of Llama-3.1-8B on H100 reads 16 GB at 3.35 TB/s, in 4.8 ms at least."""
    shapes, rows = kinds("gpu_kinds.shapes"), kinds("gpu_kinds.rows")
    labels = rows.Labels(gpu="h100_sxm", engine="transformers", torch="2.9.1")
    model, timing = load_model(LLAMA), rows.Timing(7.0, "random weights, in a graph")
    passes = [shapes.Pass(model=model, batch=1, query=1, context=512), shapes.Pass(model=model, batch=1, query=2048)]
    path = tmp_path / "throughput_measured.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, HEADERS["throughput_measured.csv"].split(","))
        table.writeheader()
        table.writerows(labels.row(shape, timing, {}) for shape in passes)
    report = validate(path)
    assert (report.rows, report.answered, report.refused) == (2, 2, {})

    assert set(report.metrics) == {"tpot_ms", "ttft_ms"}


def test_a_kernel_s_row_has_its_shares_and_no_more(kinds: Any) -> None:
    shapes, rows = kinds("gpu_kinds.shapes"), kinds("gpu_kinds.rows")
    labels = rows.Labels(gpu="h100_sxm", engine="vllm", torch="2.9.1")
    shape = shapes.shapes_of("prompts", shapes.WHOLE, 1)[0]
    row = labels.row(shape, rows.Timing(0.25, "linear, in a graph"), {"frac_peak_flops": 0.5, "frac_peak_bw": 0.1})
    assert list(row) == HEADERS[shape.file].split(",")
    assert (row["latency_ms"], row["engine"], row["frac_peak_flops"]) == ("0.25", "torch", "0.5")


def identities(shapes: Any, kind: str, devices: int = 1) -> list[dict[str, Any]]:
    return [shape.identity() for shape in shapes.shapes_of(kind, shapes.WHOLE, devices)]
