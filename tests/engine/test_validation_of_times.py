"""Measured times scored against the estimates: rows as their sources have them, what each asks, how flags are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llm_memory_calculator.report import Interval
from llm_memory_calculator.validation import Score, ValidationReport, validate
from llm_memory_calculator.validation.bias import biases
from llm_memory_calculator.validation.kinds import Answer, Kind
from llm_memory_calculator.validation.local_runs import local_kind
from llm_memory_calculator.validation.open_loops import open_loop_kind
from llm_memory_calculator.validation.reading import RefusedRow
from llm_memory_calculator.validation.scores import Comparison
from llm_memory_calculator.validation.serving_runs import serving_kind
from llm_memory_calculator.validation.stated import engine_in, version_in
from llm_memory_calculator.validation.tables import tables_kind

from ..rows import each

# ai-dynamo/aiconfigurator 095f58a5, silicon_sample.csv: one run of each engine, one whose start-up delay is inside
# TTFT, one with a draft that its label does not name, one of an image without a version.
SERVING = (
    "id,model,system,engine,engine_version,measured,precision,devices,tensor_parallel,pipeline_parallel,"
    "data_parallel,moe_tensor_parallel,expert_parallel,concurrency,input_tokens,output_tokens,ttft_ms,tpot_ms,flag"
)
ON_TENSORRT = (
    "qwen3_32b_h100_sxm_trtllm_agg_1024x128_c8_tp1_epnone_1,Qwen/Qwen3-32B,h100_sxm,trtllm,1.0.0rc3,,fp8,"
    "1,1,1,1,1,1,8,1024,128,271.98,18.652,"
)
ON_VLLM = (
    "qwen3_32b_h100_sxm_vllm_agg_1024x128_c8_tp2_epnone_1,Qwen/Qwen3-32B,h100_sxm,vllm,0.12.0,,bf16,"
    "2,2,1,1,2,1,8,1024,128,154.248,18.037,"
)
ON_SGLANG = (
    "qwen3_32b_h100_sxm_sglang_agg_1024x128_c16_tp2_epnone_1,Qwen/Qwen3-32B,h100_sxm,sglang,0.5.1.post1,,bf16,"
    "2,2,1,1,2,1,16,1024,128,840.806,16.539,"
)
COLD = (
    "llama_3_1_8b_h100_sxm_trtllm_agg_1024x128_c8_tp1_epnone_1,meta-llama/Llama-3.1-8B-Instruct,h100_sxm,trtllm,"
    "1.0.0rc3,,bf16,1,1,1,1,1,1,8,1024,128,190.955,7.944,cold"
)
DRAFTED = (
    "2026_04_06_qwen3_5_397b_b200_sxm_sglang_fp8_agg_1024x1024_c4_tp4_ep1_1911,Qwen/Qwen3.5-397B-A17B,b200_sxm,sglang,"
    "0.5.9,2026-03-20,fp8,4,4,1,1,4,1,4,1024,1024,338.336,6.3327,speculative"
)
UNDATED = (
    "2026_04_06_deepseek_r1_b200_sxm_sglang_fp8_agg_1024x1024_c4_tp8_ep8_1051,deepseek-ai/DeepSeek-R1,b200_sxm,sglang,"
    ",2025-11-18,fp8,8,8,1,1,1,8,4,1024,1024,171.848,10.2715,compile"
)
# inference-sim/training ed5c1d2: one stage of a run, three of its metrics; the same prompts come round again.
OPEN = (
    "run,model,stage,hardware,precision,tp,max_num_batched_tokens,metric,actual_ms,request_rate_rps,requests,"
    "input_tokens_mean,output_tokens_mean,shared_prefix_tokens,question_tokens,distinct_prompts,max_num_seqs,"
    "max_model_len,flag"
)
STAGE = "20260217-202857-llama-2-70b-tp4-general,meta-llama/Llama-2-70b-hf,0,H100,FP16,4,2048"
OF_STAGE = "8,4800,574.91,246.08,100,447,100,128,4096,"
NUMBERED = "20-llama-4-scout-17b-16e-tp2-codegen-2,meta-llama/Llama-2-70b-hf,0,H100,FP16,2,2048"
# argonne-lcf/LLM-Inference-Bench 4211f5d4; TensorRT-LLM's performance overviews of 0.9, 0.17 and 1.0.
TABLE = (
    "source,model,gpu,n_gpu,tp,pp,engine,precision,kv_precision,batch_or_concurrency,input_tokens,output_tokens,"
    "metric,value,note"
)
ARGONNE = "argonne-lcf/LLM-Inference-Bench@4211f5d4"
STATIC = (
    f"{ARGONNE},mistralai/Mistral-7B-v0.1,GH200-96GB,1,1,1,TensorRT-LLM,fp16,fp16,16,128,128,output_tok_s,2410.405,"
)
BY_LAYERS = (
    f"{ARGONNE},meta-llama/Llama-2-7b-hf,A100-SXM-40GB,4,1,4,llama.cpp,fp16,fp16,1,128,128,output_tok_s,42.151,"
    "llama.cpp layer split over GPUs"
)
ON_A_CHIP = f"{ARGONNE},meta-llama/Llama-2-7b-hf,MI250,1,1,1,llama.cpp,fp16,fp16,1,128,128,output_tok_s,22.215,"
BY_STAGES = f"{ARGONNE},meta-llama/Llama-2-7b-hf,A100-SXM-40GB,2,,,TensorRT-LLM,fp16,fp16,1,128,128,output_tok_s,84.638"
HYBRID = f"{ARGONNE},meta-llama/Llama-2-7b-hf,A100-SXM-40GB,4,,,TensorRT-LLM,fp16,fp16,1,128,128,output_tok_s,128.165"
SATURATED = (
    "TensorRT-LLM v0.17,meta-llama/Llama-3.1-8B,H200-SXM-141GB,1,1,1,TensorRT-LLM 0.17,fp8,fp8,max,128,128,"
    "output_tok_s,29526.04,offline max throughput"
)
BY_COPIES = (
    "TensorRT-LLM v1.0,Qwen/Qwen3-235B-A22B,H200-SXM-141GB,8,8,1,TensorRT-LLM 1.0 pytorch,fp8,fp8,max,128,128,"
    "output_tok_s,30429.0,infinite rate; MoE runs with attention DP"
)
SUSPECT = (
    "TensorRT-LLM v0.9,mistralai/Mixtral-8x7B-v0.1,A100-SXM-80GB,2,2,1,TensorRT-LLM 0.9,fp16,fp16,512,128,128,"
    "output_tok_s,5684.0,SUSPECT: probably already the total"
)
# MLPerf Inference v6.0, AccelMark.
CENTRE = (
    "source,model,gpu,hardware_name,n_gpu,tp,pp,dp,ep,engine,engine_version,precision,kv_precision,"
    "batch_or_concurrency,input_tokens,output_tokens,metric,value,ttft_ms,tpot_ms,output_tok_s,flag,note"
)
OFFLINE = (
    "mlcommons,meta-llama/Llama-3.1-8B-Instruct,NVIDIA B300-SXM-270GB,B300,8,,,,,TensorRT-LLM,with TensorRT 10.14,"
    "nvfp4,,offline,867,129.0,output_tok_s,166745.0,,,166745.0,,MLPerf v6.0 closed Offline"
)
SERVER = (
    "mlcommons,meta-llama/Llama-3.1-8B-Instruct,NVIDIA B300-SXM-270GB,B300,8,,,,,TensorRT-LLM,with TensorRT 10.14,"
    "nvfp4,,server,867,129.0,output_tok_s,148066.66,336.4,,148066.66,,MLPerf v6.0 closed Server"
)
BY_AMD = (
    "mlcommons/inference_results_v4.1,meta-llama/Llama-2-70b-chat-hf,AMD Instinct MI300X-NPS1-SPX-192GB,MI300X,8,,,,,"
    "vLLM,0.4.3+rocm614,fp8,,offline,294,278,output_tok_s,23514.8,,,23514.8,,MLPerf v4.1 closed Offline"
)
SHRINKING = (
    "AccelMark,Qwen/Qwen2.5-0.5B-Instruct,NVIDIA A800-SXM4-80GB,A800_SXM_80GB,1,1,1,1,,vLLM,0.7.3,bf16,,offline,103,"
    '210,output_tok_s,11972.12,,,11972.12,,"suite F: 200 prompts of ShareGPT given at once, natural stop or 256 tokens"'
)
# llama.cpp's benches of the DGX Spark and M2 Ultra, XiongjieDai/GPU-Benchmarks-on-LLM-Inference aa72e0ec, others.
LOCAL = (
    "id,engine,engine_version,backend,hardware,hardware_name,devices,memory_gb,model,quantization,offload,batch,"
    "prompt_tokens,depth,output_tokens,prefill_tokens_per_s,decode_tokens_per_s,prompt_ms,note,flag"
)
DEEP = (
    "gb10_dd4bedec,llama.cpp,11fb327bf (7941),cuda,NVIDIA GB10 (DGX Spark),GB10,1,128,Qwen/Qwen2.5-Coder-7B,Q8_0,"
    "all layers,1,0,32768,32,,22.51,,llama-bench,"
)
BATCHED = (
    "gb10_3150ba8f,llama.cpp,11fb327bf (7941),cuda,NVIDIA GB10 (DGX Spark),GB10,1,128,"
    "Qwen/Qwen3-Coder-30B-A3B-Instruct,Q8_0,all layers,32,512,0,32,3100.8,346.53,5284,llama-batched-bench,"
)
ON_TWO = (
    "rtx_4090_2ba1d7eb,llama.cpp,May 2024,cuda,4090 24GB * 2,RTX_4090,2,24,meta-llama/Meta-Llama-3-8B,F16,all layers,1,"
    "4096,0,0,10329.29,,,llama-bench,old"
)
# lhl/strix-halo-testing 5ee14b5b: a chip that ROCm runs too.
ON_VULKAN = (
    "strix_halo_395_1dfad05e,llama.cpp,a4575513 (5863),vulkan,Radeon 8060S Graphics,STRIX_HALO_395,1,128,"
    "Qwen/Qwen3-32B,Q8_0,all layers,1,0,0,128,,6.39,,llama-bench sweep,"
)
WARM = (
    "a40_3a896606,llama.cpp,May 2024,cuda,A40 48GB,A40,1,48,meta-llama/Meta-Llama-3-70B,Q4_K_M,all layers,1,512,0,0,"
    "209.38,,,llama-bench,thermal"
)
WHOLE = (
    'apple_m1_36ca3ca2,lmstudio,20250827,mlx,"MacBook Air M1, 16 GB",APPLE_M1,1,16,Qwen/Qwen3-4B-Instruct-2507,4bit,'
    "all layers,1,5,5,511,,19.34,,output tokens over the whole response time (prefill and HTTP inside),"
)
ON_CORES = (
    'apple_m2_max_cpu_db3661f0,ik_llama.cpp,Dec 2024,cpu,"M2-Max, CPU cores only",APPLE_M2_MAX_CPU,1,,'
    "meta-llama/Llama-3.1-8B-Instruct,F16,cpu,1,0,0,128,,7.89,,llama-bench,"
)
# ikawrakow/ik_llama.cpp 490 and 437; kvcache-ai/ktransformers 95009ea6, doc/en/DeepseekR1_V3_tutorial.md.
HYBRID_IK = (
    "rtx_4080_hybrid,ik_llama.cpp,f6d5fbdc (3725),cuda,RTX 4080 + 7950X,RTX_4080_HYBRID_7950X,1,16,Qwen/Qwen3-30B-A3B,"
    "IQ4_K_R4,exps=CPU,1,0,0,128,,34.45,,llama-bench,mixed"
)
PART_OF_EXPERTS = (
    "rtx_4080_part,ik_llama.cpp,May 2025,cuda,RTX 4080,RTX_4080,1,16,Qwen/Qwen3-30B-A3B,IQ4_XS,"
    "experts of 18 layers on the CPU,1,0,0,128,,77.44,,hybrid,mixed"
)
TWO_SOCKETS = (
    "rtx_4090d_two,ktransformers,v0.2.1,cuda,RTX 4090D,RTX_4090D_HYBRID_2x6454S,1,,deepseek-ai/DeepSeek-V3,Q4_K_M,"
    "experts on the CPU,1,0,969,300,,13.5,,all 8 experts,mixed"
)
ONE_SOCKET = (
    "rtx_4090d_one,ktransformers,v0.2,cuda,RTX 4090D,RTX_4090D_HYBRID_2x6454S,1,,deepseek-ai/DeepSeek-V3,Q4_K_M,"
    "experts on the CPU,1,0,500,300,,8.73,,one socket; all 8 experts,mixed"
)
# AlexsJones/llmfit 3f44fd30: llama-bench left to itself what goes to the host.
FITTED = (
    "rtx_4070_fit,llama.cpp,2026-08-03,cuda,RTX 4070,RTX_4070,1,12,Qwen/Qwen3-32B,Q4_K_M,"
    "partial (fitted by the engine),1,0,4096,128,,4.25,,llama-bench,mixed"
)
# LottoLottoLotto/4x3090-llm-benchmarks bd22281.
ON_FOUR = (
    "rtx_3090_four,llama.cpp,b9000,cuda,RTX 3090,RTX_3090,4,24,Qwen/Qwen3-32B,gguf-q6_k,all layers (tp 4 pp 1),1,"
    "2048,2048,256,,19.02,,power limit 220 W,thermal"
)


class Stub:
    """Stands for estimate_performance: answers every question alike and keeps what it was asked."""

    def __init__(self, **other: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.other = other

    def __call__(self, model: Any, **asked: Any) -> Any:
        self.asked.append({"model": model.name, **asked})
        phase = SimpleNamespace(
            latency_ms=20.0,
            latency_interval_ms=around(20),
            tokens_per_s=1000.0,
            compute_share=0.05,
            bandwidth_share=0.1,
        )
        spread = SimpleNamespace(p90_ms=400.0, p99_ms=500.0)
        report: dict[str, Any] = {
            "ttft_ms": 200.0,
            "ttft_interval_ms": around(200),
            "tpot_ms": 20.0,
            "tpot_interval_ms": around(20),
            "total_ms": 4000.0,
            "total_interval_ms": around(4000),
            "output_tokens_per_s": 500.0,
            "decode_tokens_per_s": 50.0,
            "batch_size": asked.get("batch_size", 1),
            "output_tokens": 128,
            "prefill_phase": phase,
            "decode_phase": phase,
            "serving": SimpleNamespace(
                ttft=spread, e2e=spread, request_rate=asked.get("request_rate"), saturation_requests_per_s=200.0
            ),
            "notes": (),
        }
        return SimpleNamespace(**report | self.other)


def around(value: float) -> Interval:
    return Interval(low=value * 0.8, high=value * 1.25, level=0.8, evidence="")


def chosen(_: Any, *, devices: int, **asked: Any) -> Any:
    """Stands for best_parallelism: a copy on each device, for many sequences of each."""
    assert asked["batch_size"] == 128 * devices
    return SimpleNamespace(
        best=SimpleNamespace(tensor_parallel=1, pipeline_parallel=1, data_parallel=devices, expert_parallel=1)
    )


def tables(stub: Any) -> Kind:
    return tables_kind(stub, chosen)


@pytest.fixture
def scored(tmp_path: Path) -> Callable[..., tuple[ValidationReport, list[dict[str, Any]]]]:
    """A file of rows scored by one kind, and what was asked for it."""

    def score(
        kind: Callable[[Any], Kind], header: str, *rows: str, stub: Stub | None = None, **how: Any
    ) -> tuple[ValidationReport, list[dict[str, Any]]]:
        path = tmp_path / "rows.csv"
        path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
        stub = stub or Stub()
        return validate(path, kinds=(kind(stub),), **how), stub.asked

    return score


Scored = Callable[..., tuple[ValidationReport, list[dict[str, Any]]]]


def bias_of(report: ValidationReport, metric: str) -> float:
    score = report.metrics[metric]
    assert isinstance(score, Score)
    return score.bias


# --- what rows say ---------------------------------------------------------------------------------------------------


@each(
    ("written", "backend", "engine"),
    [
        ("trtllm", None, "tensorrt_llm"),
        ("TensorRT-LLM 0.17", None, "tensorrt_llm"),
        ("NIM 1.8.0 (TRT-LLM)", None, "tensorrt_llm"),
        ("vLLM (nm-vllm)", None, "vllm"),
        ("vllm_0.10.2_20251006", None, "vllm"),
        ("vLLM on optimum-neuron", None, "vllm"),
        ("ik_llama.cpp", "cpu", "ik_llama_cpp"),
        ("mlx-lm", "mlx", "mlx"),
        ("mlx-vlm", "mlx", "mlx"),
        ("vllm-mlx", "mlx", "mlx"),
        ("exllamav3", "cuda", "exllama"),
        ("LM Studio", "vulkan", "llama_cpp"),
        ("lmstudio", "mlx", "mlx"),
        ("TGI", None, "tgi"),
        ("Deepspeed", None, "deepspeed"),
        ("Deepspeed-MII", None, "deepspeed_mii"),
        ("optimum-habana", None, "optimum_habana"),
        ("transformers-neuronx", None, "transformers_neuronx"),
    ],
)
def test_engines_are_known_by_what_files_write(written: str, backend: str | None, engine: str) -> None:
    assert engine_in(written, backend) == engine


@pytest.mark.parametrize("written", ["JetStream PyTorch", "sambaflow", "optimum-neuron", "ds4"])
def test_an_engine_that_is_not_described_is_refused_by_name(written: str) -> None:
    with pytest.raises(RefusedRow, match=f"engine not described: {written}"):
        engine_in(written)


@each(
    ("engine", "stated", "version"),
    [
        ("tensorrt_llm", "1.2.0rc6.post3", "1.2.0"),
        ("tensorrt_llm", "TensorRT-LLM 0.17", "0.17"),
        ("tensorrt_llm", "with TensorRT 10.14", None),
        ("tensorrt_llm", "feat/1.2-mlpinf", "1.2"),
        ("vllm", "0.7.3 (README of 2025-03-11)", "0.7.3"),
        ("vllm", "0.14.0rc3.dev30+gb026cf14e.d20260212.rocm700", "0.14.0"),
        ("vllm", "vllm_0.10.2_20251006", "0.10.2"),
        ("vllm", "2024-11", "2024-11"),
        ("sglang", "nightly-dev-20260216-d3bae71e", "2026-02-16"),
        ("llama_cpp", "b828e18c7 (7948)", "b7948"),
        ("llama_cpp", "b8920", "b8920"),
        ("llama_cpp", "May 2024", "2024-05"),
        ("llama_cpp", "llmfit 1.1.3, 2026-07-21", "2026-07-21"),
        ("mlx", "0.28.2 (mlx 0.29.2.dev)", "0.28.2"),
        ("vllm", "2025", "2025-12"),
        ("vllm", None, None),
    ],
)
def test_releases_builds_and_dates_are_read(engine: str, stated: str | None, version: str | None) -> None:
    assert version_in(engine, stated) == version


# --- closed loops ----------------------------------------------------------------------------------------------------


def test_a_run_is_asked_as_its_load_was_made(scored: Scored) -> None:
    report, asked = scored(serving_kind, SERVING, ON_TENSORRT, ON_VLLM, ON_SGLANG)
    assert (report.kind, report.answered, report.refused) == ("closed-loop serving runs", 3, {})
    first, second, third = asked
    assert (first["engine"], first["engine_version"], first["hardware"]) == ("tensorrt_llm", "1.0.0", "H100_SXM")
    assert (first["precision"], first["kv_precision"], first["tensor_parallel"]) == ("fp8", "fp8", 1)
    assert (first["concurrency"], first["input_tokens"]) == (8, {"least": 922, "most": 1024})
    # a checkpoint in 16 bits as it is, its cache too
    assert (second["engine_version"], second["tensor_parallel"]) == ("0.12.0", 2)
    assert "precision" not in second
    assert "kv_precision" not in second
    assert (third["input_tokens"], third["output_tokens"]) == (1024, 128)


def test_the_whole_time_is_of_the_mean_output(scored: Scored) -> None:
    report, _ = scored(serving_kind, SERVING, ON_TENSORRT)
    # 0.95 of 128 tokens on average
    measured = 271.98 + (0.95 * 128 - 1) * 18.652
    assert bias_of(report, "e2e_ms") == pytest.approx(100 * (4000 / measured - 1), rel=0.01)
    assert bias_of(report, "ttft_ms") == pytest.approx(100 * (200 / 271.98 - 1))
    assert bias_of(report, "tpot_ms") == pytest.approx(100 * (20 / 18.652 - 1))
    tpot = report.metrics["tpot_ms"]
    assert isinstance(tpot, Score)
    assert tpot.coverage_80 == 100


def test_a_flag_spoils_the_first_token_or_all(scored: Scored) -> None:
    report, _ = scored(serving_kind, SERVING, ON_VLLM, COLD, DRAFTED)
    assert (report.answered, report.flagged) == (2, 1)
    counts = {metric: score.n for metric, score in report.metrics.items()}
    assert counts == {"ttft_ms": 1, "tpot_ms": 2, "e2e_ms": 1}
    everything, asked = scored(serving_kind, SERVING, ON_VLLM, COLD, DRAFTED, all_rows=True)
    assert (everything.answered, everything.flagged) == (3, 0)
    # Qwen3.5 in fp8 has a scale a block
    assert (asked[2]["precision"], asked[2]["input_tokens"]) == ("fp8_block", {"least": 819, "most": 1024})


def test_an_image_without_a_version_is_of_its_time(scored: Scored) -> None:
    _, asked = scored(serving_kind, SERVING, UNDATED)
    assert (asked[0]["engine_version"], asked[0]["expert_parallel"]) == ("0.5.4", 8)
    # DeepSeek-R1 is published in fp8
    assert "precision" not in asked[0]


@pytest.mark.parametrize(
    ("devices", "users", "settings"),
    [
        (4, 8, {"mem_fraction_static": 0.95, "chunked_prefill_size": 8192, "num_continuous_decode_steps": 10}),
        (8, 8, {"mem_fraction_static": 0.82, "chunked_prefill_size": 32768, "num_continuous_decode_steps": 10}),
        (8, 64, {"mem_fraction_static": 0.82, "chunked_prefill_size": 32768, "num_continuous_decode_steps": 30}),
    ],
)
def test_a_run_of_a_sweep_has_the_settings_of_its_script(
    scored: Scored, devices: int, users: int, settings: dict[str, float]
) -> None:
    """InferenceX's dsr1_fp8_b200.sh: four cards have their weights in a larger share, and smaller chunks."""
    row = f"of a sweep,deepseek-ai/DeepSeek-R1,b200_sxm,sglang,0.5.9,,fp8,{devices},{devices},1,1,{devices},1"
    _, asked = scored(serving_kind, SERVING, f"{row},{users},8192,1024,1000,10,")
    assert settings.items() <= asked[0]["engine_settings"].items()


def test_a_user_s_own_runs_need_few_columns(scored: Scored) -> None:
    header = "model,hardware,engine,devices,concurrency,input_tokens,output_tokens,tpot_ms"
    report, asked = scored(serving_kind, header, "Qwen/Qwen3-32B,H100,vllm,2,8,1024,128,18")
    assert report.answered == 1
    (question,) = asked
    assert question.pop("model") == "Qwen/Qwen3-32B"
    lengths = {"input_tokens": 1024, "output_tokens": 128}
    assert question == {"hardware": "H100_SXM", "engine": "vllm", "devices": 2, "concurrency": 8, **lengths}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("Qwen/Qwen3-32B,H100,vllm,2,,1024,128,18", "concurrency not stated"),
        ("Qwen/Qwen3-32B,H100,vllm,2,8,,128,18", "lengths not stated"),
        ("Qwen/Qwen3-32B,H100,vllm,2,8,1024,128,", "nothing measured that is estimated"),
        ("Qwen/Qwen3-32B,,vllm,2,8,1024,128,18", "accelerator not stated"),
        ("Qwen/Qwen3-32B,H100,sambaflow,2,8,1024,128,18", "engine not described: sambaflow"),
        ("Qwen/Qwen3-32B,H100,vllm,2,many,1024,128,18", "concurrency is no number"),
    ],
)
def test_a_run_that_cannot_be_asked_is_counted_by_why(cells: str, reason: str, scored: Scored) -> None:
    header = "model,hardware,engine,devices,concurrency,input_tokens,output_tokens,tpot_ms"
    report, asked = scored(serving_kind, header, cells)
    assert asked == [] or "measured" in reason
    assert report.refused == {reason: 1}


def test_a_name_that_counts_its_devices_is_taken(scored: Scored) -> None:
    header = "model,hardware,engine,concurrency,input_tokens,output_tokens,tpot_ms"
    _, asked = scored(serving_kind, header, "Qwen/Qwen3-32B,2xH100,vllm,8,1024,128,18")
    assert asked[0]["hardware"] == "2xH100"


# --- a rate ----------------------------------------------------------------------------------------------------------


def test_metrics_of_one_run_are_asked_once(scored: Scored) -> None:
    rows = [f"{STAGE},{metric},{actual},{OF_STAGE}" for metric, actual in (("itl_mean", 18.855), ("e2e_p99", 5400))]
    report, asked = scored(
        open_loop_kind, OPEN, *rows, f"{STAGE},e2e_p50,5100,{OF_STAGE}", f"{STAGE},itl_mean,20,{OF_STAGE}mix"
    )
    assert len(asked) == 1
    question = asked[0]
    assert (question["request_rate"], question["requests"], question["engine_version"]) == (8, 4800, "2026-02-17")
    assert (question["input_tokens"], question["output_tokens"]) == (575, 246)
    # a hundred prompts, each of which is computed once but for half a page
    assert question["cached_share"] == pytest.approx((1 - 100 / 4800) * (1 - 8 / 574.91))
    assert question["engine_settings"] == {"max_num_seqs": 128, "max_model_len": 4096, "max_num_batched_tokens": 2048}
    assert (report.answered, report.flagged, report.refused) == (2, 1, {"metric not estimated: e2e_p50": 1})
    assert bias_of(report, "tpot_ms") == pytest.approx(100 * (20 / 18.855 - 1))
    assert bias_of(report, "e2e_p99_ms") == pytest.approx(100 * (500 / 5400 - 1))


def test_what_a_numbered_run_leaves_open_is_not_guessed(scored: Scored) -> None:
    _, asked = scored(open_loop_kind, OPEN, f"{NUMBERED},ttft_mean,70,5.0,,,246.04,100,466,,,,")
    assert (asked[0]["input_tokens"], asked[0]["engine_version"]) == (566, "2026-02")
    assert "cached_share" not in asked[0]
    assert "requests" not in asked[0]


def test_a_run_of_a_known_load_has_its_prompts_cached(scored: Scored) -> None:
    header = OPEN.replace(",flag", ",load_source,flag")
    _, asked = scored(open_loop_kind, header, f"{NUMBERED},ttft_mean,70,5.0,,,246.04,100,466,,,,workload,")
    assert asked[0]["cached_share"] == pytest.approx(0.95, abs=0.02)


# --- tables ----------------------------------------------------------------------------------------------------------


def test_a_static_batch_is_asked_in_its_layout(scored: Scored) -> None:
    rows = (STATIC, BY_LAYERS, ON_A_CHIP, f"{BY_STAGES},static batch; Pipeline Parallelism")
    hybrid = f"{HYBRID},static batch; Hybird Tensor (2) and Pipeline (2) Parallelism"
    report, asked = scored(tables, TABLE, *rows, hybrid)
    assert (report.answered, report.refused) == (5, {})
    assert [(one["batch_size"], one["tensor_parallel"], one["pipeline_parallel"]) for one in (asked[0], asked[4])] == [
        (16, 1, 1),
        (1, 2, 2),
    ]
    # a board of two chips is counted as one: weights of 93 GB ran on it
    assert [one["pipeline_parallel"] for one in asked[1:4]] == [4, 2, 2]
    assert asked[2]["hardware"] == "MI250_GCD"
    assert asked[0]["engine_version"] == "2024-06"


def test_what_a_table_of_llama_cpp_calls_a_batch_is_the_tokens_of_a_pass(scored: Scored) -> None:
    # 17.5 ms a token of 128 in and 128 out, whether the prompt goes in one token after the other or 64 at once
    said = "meta-llama/Llama-2-7b-hf,A100-SXM-40GB,1,1,1,llama.cpp,fp16,fp16,{},128,128,output_tok_s,{},"
    note = "static batch; request latency 2.2368 s; out=batch*osl/latency; llama.cpp layer split over GPUs"
    report, asked = scored(tables, TABLE, f"argonne,{said.format(64, 3662.416)}{note}")
    assert asked[0]["batch_size"] == 1
    assert asked[0]["engine_settings"] == {"n_batch": 64, "n_ubatch": 64}
    (score,) = [score for name, score in report.metrics.items() if name == "output_tokens_per_s"]
    assert score.n == 1


def test_a_saturated_table_is_beside_the_rate_that_saturates(scored: Scored) -> None:
    report, asked = scored(tables, TABLE, SATURATED, BY_COPIES)
    assert report.answered == 2
    # 200 requests of 128 tokens a second
    assert bias_of(report, "output_tokens_per_s") == pytest.approx(
        50 * (200 * 128 / 29526.04 + 200 * 128 / 30429.0) - 100
    )
    assert (asked[0]["engine_version"], asked[0]["precision"], asked[0]["kv_precision"]) == ("0.17", "fp8", "fp8")
    copies = (asked[1]["tensor_parallel"], asked[1]["data_parallel"], asked[1]["expert_parallel"])
    assert copies == (1, 8, 8)


def test_rows_of_a_table_are_refused_with_their_reason(scored: Scored) -> None:
    unknown = STATIC.replace("TensorRT-LLM", "sambaflow")
    # 127 steps of 20 ms, of which a tenth is what the bytes take at least: 0.254 s for 16 x 128 tokens
    impossible = STATIC.replace("2410.405", "8100")
    report, _ = scored(tables, TABLE, SUSPECT, unknown, impossible)
    assert report.refused == {
        "its note says that it is suspect": 1,
        "engine not described: sambaflow": 1,
        "faster than the memory's bandwidth allows": 1,
    }
    short = Stub(notes=(SimpleNamespace(subject="memory", origin="warning"),))
    waiting, _ = scored(tables, TABLE, STATIC, stub=short)
    assert waiting.refused == {"memory is short by the estimate: sequences would wait": 1}


def test_the_layout_of_a_whole_machine_is_the_best_one(scored: Scored) -> None:
    report, asked = scored(tables, CENTRE, OFFLINE, SERVER)
    assert report.answered == 2
    assert [(one["tensor_parallel"], one["data_parallel"]) for one in asked] == [(1, 8), (1, 8)]
    assert asked[1]["request_rate"] == pytest.approx(148066.66 / 129)
    assert "engine_version" not in asked[0]
    # more come than the estimate can serve, so that the rate itself is what is compared
    assert list(report.metrics) == ["output_tokens_per_s"]
    kept, _ = scored(tables, CENTRE, SERVER.replace("148066.66", "12900"))
    assert list(kept.metrics) == ["ttft_ms"]


def test_submitted_stacks_are_asked_as_tuned(scored: Scored) -> None:
    submitted = OFFLINE.replace("mlcommons,", "mlcommons/inference_results_v6.0,")
    _, asked = scored(tables, CENTRE, submitted, BY_AMD, OFFLINE.replace("mlcommons,", "AccelMark,"))
    assert [one.get("engine_settings") for one in asked] == [{"profile": "tuned"}, {"profile": "tuned"}, None]


@pytest.mark.parametrize(
    ("row", "near"),
    [
        # argonne-lcf/LLM-Inference-Bench 4211f5d4: llama.cpp of spring 2024 with one token in a pass
        (ON_A_CHIP + "llama.cpp layer split over GPUs", 15.0),
        (ON_A_CHIP.replace("MI250", "MI300X").replace("22.215", "35.755") + "llama.cpp layer split over GPUs", 25.0),
        (
            ON_A_CHIP.replace("MI250", "PVC-Max1550")
            .replace("Llama-2-7b-hf", "Meta-Llama-3-8B")
            .replace("22.215", "9.831")
            + "llama.cpp layer split over GPUs",
            15.0,
        ),
    ],
)
def test_builds_of_2024_on_other_designs(row: str, near: float) -> None:
    report = validate([dict(zip(TABLE.split(","), row.split(","), strict=True))])
    score = report.metrics["output_tokens_per_s"]
    assert isinstance(score, Score)
    assert score.mape < near
    assert score.coverage_80 == 100


def test_a_batch_that_shrinks_is_a_smaller_one(scored: Scored) -> None:
    _, asked = scored(tables, CENTRE, SHRINKING)
    # 200 requests of 210 of 256 tokens
    assert (asked[0]["batch_size"], asked[0]["output_tokens"]) == (164, 256)
    left, _ = scored(tables, CENTRE, OFFLINE.replace(",,MLPerf", ",lengths_unknown,MLPerf"))
    assert (left.answered, left.flagged) == (0, 1)


# --- local -----------------------------------------------------------------------------------------------------------


def test_tokens_at_a_depth_and_prompts_of_a_batch(scored: Scored) -> None:
    report, asked = scored(local_kind, LOCAL, DEEP, BATCHED)
    assert (report.answered, report.refused) == (2, {})
    deep, prompts, tokens = asked
    assert (deep["depth"], deep["input_tokens"], deep["output_tokens"]) == (32768, 1, 33)
    assert (deep["engine_version"], deep["precision"], deep["hardware"]) == ("b7941", "q8_0", "GB10")
    assert (prompts["batch_size"], prompts["input_tokens"], prompts["output_tokens"]) == (32, 512, 1)
    assert (tokens["batch_size"], tokens["depth"], tokens["output_tokens"]) == (32, 512, 33)
    assert bias_of(report, "prefill_tokens_per_s") == pytest.approx(100 * (1000 / 3100.8 - 1))


def test_backends_and_passes_are_asked_as_they_ran(scored: Scored) -> None:
    _, asked = scored(local_kind, LOCAL, ON_VULKAN, BATCHED, DEEP.replace("llama-bench", "llama-bench; ubatch 2048"))
    assert asked[0]["engine_settings"] == {"backend": "vulkan"}
    # benches/dgx-spark/dgx-spark.md of llama.cpp: llama-batched-bench -ub 2048
    assert asked[1]["engine_settings"] == {"backend": "cuda", "n_ubatch": 2048, "n_batch": 2048}
    assert asked[3]["engine_settings"] == {"backend": "cuda", "n_ubatch": 2048, "n_batch": 2048}


def test_ollama_on_mlx_is_mlx(scored: Scored) -> None:
    _, asked = scored(local_kind, LOCAL, WHOLE.replace("lmstudio", "ollama"), ON_VULKAN.replace("llama.cpp", "ollama"))
    assert [question["engine"] for question in asked] == ["mlx", "ollama"]


def test_a_whole_response_is_beside_the_whole_time(scored: Scored) -> None:
    report, asked = scored(local_kind, LOCAL, WHOLE)
    assert list(report.metrics) == ["output_tokens_per_s"]
    assert (asked[0]["engine"], asked[0]["precision"], asked[0]["input_tokens"]) == ("mlx", "mlx_4bit", 5)


def test_flags_of_local_rows(scored: Scored) -> None:
    unclear = WHOLE + "unclear"
    # of builds of May 2024 the tables have times of their own
    report, asked = scored(local_kind, LOCAL, DEEP, ON_TWO, WARM, unclear)
    assert (report.answered, report.flagged) == (2, 2)
    # whole layers on each of two cards
    assert asked[1]["pipeline_parallel"] == 2
    everything, _ = scored(local_kind, LOCAL, DEEP, ON_TWO, WARM, unclear, all_rows=True)
    assert everything.answered == 4


def test_cores_of_a_chip_are_asked_as_the_backend_cpu(scored: Scored) -> None:
    prompts = ON_CORES.replace(",1,0,0,128,,7.89,", ",1,512,0,0,91.24,,")
    report, asked = scored(local_kind, LOCAL, prompts, ON_CORES.replace("llama-bench", "few threads on purpose"))
    assert (asked[0]["hardware"], asked[0]["engine_settings"]) == ("Apple_M2_Max", {"backend": "cpu"})
    assert report.refused == {"its note says that it ran otherwise": 1}


def test_experts_on_the_host_are_asked_so(scored: Scored) -> None:
    _, asked = scored(local_kind, LOCAL, HYBRID_IK, PART_OF_EXPERTS, TWO_SOCKETS, ONE_SOCKET)
    assert [one["engine"] for one in asked] == ["ik_llama_cpp"] * 2 + ["ktransformers"] * 2
    assert asked[0]["engine_settings"]["n_cpu_moe"] > 48
    assert asked[0]["engine_settings"]["host_bandwidth_gb_s"] == pytest.approx(83.2)
    assert (asked[0]["precision"], asked[0]["engine_version"]) == ("q4_k_m", "b3725")
    assert asked[1]["engine_settings"] == {"n_cpu_moe": 18, "backend": "cuda"}
    assert [one["engine_settings"]["sockets"] for one in asked[2:]] == [2, 1]
    # eight channels of DDR5-4800 a socket
    assert asked[3]["engine_settings"]["host_bandwidth_gb_s"] == pytest.approx(307.2)


def test_what_the_host_has_is_not_guessed(scored: Scored) -> None:
    vague = HYBRID_IK.replace("exps=CPU", "part of the experts on the CPU (-ot)")
    weak = DEEP[:-1] + ",mixed"
    fewer = TWO_SOCKETS.replace("all 8 experts", "6 of 8 experts used (not the model as published)")
    unknown = HYBRID_IK.replace("7950X", "2x9115")
    report, _ = scored(local_kind, LOCAL, vague, weak, fewer, unknown)
    assert (report.answered, report.flagged) == (0, 2)
    assert report.refused == {
        "its note says that it ran otherwise": 1,
        "bandwidth of the host's memory not known: 2x9115": 1,
    }


def test_what_an_engine_moved_to_the_host_is_what_does_not_fit() -> None:
    report = validate([dict(zip(LOCAL.split(","), FITTED.split(","), strict=True))])
    assert (report.answered, report.refused) == (1, {})


def test_devices_share_as_the_source_s_path_says(scored: Scored) -> None:
    header = f"source,{LOCAL}"
    rows = [f"exl3-ab/llamacpp/q6k/sm-{mode}/pp2048,{ON_FOUR}" for mode in ("layer", "row")]
    _, asked = scored(local_kind, header, *rows)
    assert asked[0]["pipeline_parallel"] == 4
    assert (asked[1]["tensor_parallel"], asked[1]["engine_settings"]["split_mode"]) == (4, "row")


def test_a_file_is_of_the_format_that_it_is_named_by(scored: Scored) -> None:
    # lhl/strix-halo-testing 5ee14b5b: experts in mxfp4 and the rest in 16 bits, 12.83 GiB
    named = ON_VULKAN.replace("Qwen/Qwen3-32B,Q8_0", "openai/gpt-oss-20b,mxfp4 (named F16)")
    header = f"{LOCAL},file_size_gib"
    mostly = ON_VULKAN.replace("Q8_0", "UD-Q8_K_XL")
    report, asked = scored(local_kind, header, f"{named},12.833", f"{mostly},33.0", f"{mostly},40.0")
    assert [one["precision"] for one in asked] == ["gguf_f16", "q8_0"]
    assert report.refused == {"its file is larger than the format that it is named by": 1}


def test_tokens_of_another_loop_on_mlx_are_refused(scored: Scored) -> None:
    tokens = WHOLE.replace("lmstudio", "mlx-vlm").replace(
        "whole response time (prefill and HTTP inside)", "tokens alone"
    )
    report, _ = scored(local_kind, LOCAL, tokens)
    assert report.refused == {"tokens of mlx-vlm's own loop are not described": 1}


# --- bias ----------------------------------------------------------------------------------------------------------


def answers(count: int, ratio: float, **traits: float | str) -> list[Answer]:
    value = Comparison(metric="tpot_ms", measured=10 * ratio, estimated=10)
    return [Answer(model="m", system="H100", engine="vllm", values=(value,), traits=traits) for _ in range(count)]


def test_a_cell_is_told_from_thirty_rows_on() -> None:
    cells = biases(("tpot_ms",), [*answers(30, 1.1, concurrency=4), *answers(29, 2.0, concurrency=5)])
    assert [(cell.by, cell.cell, cell.metric, cell.n, cell.off) for cell in cells] == [
        ("concurrency", "up to 4", "tpot_ms", 30, True)
    ]
    assert cells[0].ratio == pytest.approx(1.1)


def test_a_cell_is_of_the_geometric_mean() -> None:
    even = [*answers(20, 2.0, bits=4.5), *answers(20, 0.5, bits=4.5)]
    (cell,) = biases(("tpot_ms",), even)
    assert (cell.cell, cell.off) == ("3.5 to 5.5", False)
    assert cell.ratio == pytest.approx(1.0)


def test_cells_stand_in_the_order_of_what_they_tell() -> None:
    rows = [
        *answers(30, 1.0, concurrency=512, context=100, **{"class": "dense", "input/output": 8}),
        *answers(30, 1.0, concurrency=16, context=100, **{"class": "latent", "input/output": 9}),
    ]
    told = [(cell.by, cell.cell) for cell in biases(("tpot_ms",), rows)]
    assert told == [
        ("input/output", "2 to 8"),
        ("input/output", "above 8"),
        ("concurrency", "4 to 16"),
        ("concurrency", "above 256"),
        ("context", "up to 512"),
        ("class", "dense"),
        ("class", "latent"),
    ]


# --- the estimates themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "kind", "metrics"),
    [
        ((SERVING, ON_VLLM, ON_TENSORRT), "closed-loop serving runs", {"ttft_ms", "tpot_ms", "e2e_ms"}),
        ((OPEN, f"{STAGE},itl_mean,18.855,{OF_STAGE}"), "served loads at a constant rate", {"tpot_ms"}),
        ((TABLE, STATIC, SATURATED), "tables of throughput", {"output_tokens_per_s"}),
        ((CENTRE, SHRINKING), "tables of throughput", {"output_tokens_per_s"}),
        ((LOCAL, DEEP, BATCHED), "rates of local inference", {"prefill_tokens_per_s", "decode_tokens_per_s"}),
    ],
)
def test_each_kind_is_told_by_its_columns_and_answered(
    lines: tuple[str, ...], kind: str, metrics: set[str], tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    report = validate(path)
    assert (report.kind, report.answered, report.refused) == (kind, len(lines) - 1, {})
    assert set(report.metrics) == metrics
    for score in report.metrics.values():
        assert isinstance(score, Score)
        assert score.coverage_80 is not None
        # a wrong unit or layout would be far off
        assert score.mape < 300
