"""Names of models as users write them: what is answered, what is refused, and what is offered instead."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.errors import HubOfflineError, UnknownModelError
from llm_memory_calculator.formats import labels
from llm_memory_calculator.formats.gguf import mixes
from llm_memory_calculator.sources import catalogue_entries, locate, names
from llm_memory_calculator.sources.catalogue import find, near_names

from ..rows import each

LLAMA3_8B, LLAMA3_70B = "meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-70B"
LLAMA31_8B, LLAMA31_70B = "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-70B"

# a name, and an entry of the shape that it means
ANSWERED: dict[str, list[tuple[str, str]]] = {
    "one base among the candidates": [
        ("Llama 4 Maverick", "meta-llama/Llama-4-Maverick-17B-128E"),
        ("llama 4 scout", "meta-llama/Llama-4-Scout-17B-16E"),
        ("Idefics3 8B", "HuggingFaceM4/Idefics3-8B-Llama3"),
        ("DeepSeek V3", "deepseek-ai/DeepSeek-V3"),
        ("deepseek r1", "deepseek-ai/DeepSeek-V3"),
        ("gemma 3 27b it", "google/gemma-3-27b-pt"),
        ("Mistral Small 24B", "mistralai/Mistral-Small-24B-Instruct-2501"),
        ("Llama 3 70B instruct", LLAMA3_70B),
        ("Llama 3.2 11B", "meta-llama/Llama-3.2-11B-Vision"),
        ("nemotron 3 nano 30b", "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16"),
        ("Hunyuan Large", "tencent/Tencent-Hunyuan-Large"),
        ("glm 4.7 flash", "zai-org/GLM-4.7-Flash"),
        ("all-MiniLM-L6", "sentence-transformers/all-MiniLM-L6-v2"),
        ("mamba 2.8b", "state-spaces/mamba-2.8b-hf"),
        ("llama 405b", "meta-llama/Llama-3.1-405B"),
        ("TinyLlama 1.1B", "TinyLlama/TinyLlama-1.1B-Chat-v1.0"),
        ("e5 large", "intfloat/e5-large-v2"),
        ("phi 3.5 vision", "microsoft/Phi-3.5-vision-instruct"),
        ("5 v1 stable diffusion", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        ("stable diffusion v1", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    ],
    "candidates alike in shape": [
        ("qwen3 30b", "Qwen/Qwen3-30B-A3B"),
        ("Jamba 1.5 Mini", "ai21labs/Jamba-v0.1"),
        ("jamba large 1.6", "ai21labs/AI21-Jamba-1.5-Large"),
        ("qwen3 235b", "Qwen/Qwen3-235B-A22B"),
        ("Qwen3-235B-A22B (MoE, 22B active)", "Qwen/Qwen3-235B-A22B"),
        ("QwQ", "Qwen/QwQ-32B"),
        ("qwen3 next 80b", "Qwen/Qwen3-Next-80B-A3B-Instruct"),
        ("Qwen2-57B", "Qwen/Qwen2-57B-A14B"),
        ("qwen coder 32b", "Qwen/Qwen2.5-32B-Instruct"),
        ("qwen3 30b thinking 2507", "Qwen/Qwen3-30B-A3B-Instruct-2507"),
    ],
    "words that tell which of two": [
        ("mixtral 8x22b instruct", "mistralai/Mixtral-8x22B-Instruct-v0.1"),
        ("codellama 13b python", "codellama/CodeLlama-13b-Python-hf"),
        ("mistral 7b v0.2", "mistralai/Mistral-7B-Instruct-v0.2"),
        ("Mistral 7B Instruct 0.3", "mistralai/Mistral-7B-v0.3"),
        ("Qwen2.5 VL 7B", "Qwen/Qwen2.5-VL-7B-Instruct"),
    ],
    "brackets": [
        ("Qwen3 32B (dense)", "Qwen/Qwen3-32B"),
        ("Qwen3 30B (MoE)", "Qwen/Qwen3-30B-A3B"),
        ("[Qwen3] 8B", "Qwen/Qwen3-8B"),
        ("Llama 3.3 70B (Instruct)", LLAMA31_70B),
        ("Llama-4-Maverick (400B)", "meta-llama/Llama-4-Maverick-17B-128E"),
        ("llama 3.3 70b (8k context)", LLAMA31_70B),
        ("Qwen3: 8B", "Qwen/Qwen3-8B"),
        ('"Llama 3.1 8B"', LLAMA31_8B),
    ],
    "order": [
        ("32b qwen3", "Qwen/Qwen3-32B"),
        ("70B Llama-3.3 Instruct", LLAMA31_70B),
        ("8B-Llama-3.1", LLAMA31_8B),
        ("instruct 8b 3.1 llama", LLAMA31_8B),
        ("27b it gemma 3", "google/gemma-3-27b-pt"),
        ("2B BitNet 4T b1.58", "microsoft/bitnet-b1.58-2B-4T"),
        ("it_3_27b_gemma", "google/gemma-3-27b-pt"),
        ("instruct_qwen2_5_1_5b", "Qwen/Qwen2.5-1.5B-Instruct"),
        ("v0.1 8x7b mixtral", "mistralai/Mixtral-8x7B-v0.1"),
    ],
    "one letter": [
        ("lama 3.1 8b", LLAMA31_8B),
        ("Mixtrl 8x7B", "mistralai/Mixtral-8x7B-v0.1"),
        ("qwen-2.5 7b instuct", "Qwen/Qwen2.5-7B-Instruct"),
        ("quen3 8b", "Qwen/Qwen3-8B"),
        ("gema 3 27b", "google/gemma-3-27b-pt"),
        ("mistrall 7b v0.3", "mistralai/Mistral-7B-v0.3"),
        ("deepseak v3", "deepseek-ai/DeepSeek-V3"),
        ("falcno 40b", "tiiuae/falcon-40b"),
        ("llama 3.1 8b insturct", LLAMA31_8B),
        ("code llama 34b q4_k_m", "codellama/CodeLlama-34b-hf"),
        ("deep seek v3 nvfp4", "deepseek-ai/DeepSeek-V3"),
    ],
    "trained for a format, and not in it": [
        ("unquantized q4_0 gemma 3 27b it qat", "google/gemma-3-27b-pt"),
        ("gemma 3 4b it qat int4 unquantized", "google/gemma-3-4b-pt"),
    ],
    "the maker's name": [
        ("Meta Llama 3.1 8B Instruct", LLAMA31_8B),
        ("google gemma 2 9b it", "google/gemma-2-9b-it"),
        ("alibaba qwen2.5 14b", "Qwen/Qwen2.5-14B"),
        ("NVIDIA Nemotron 3 Super 120B", "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16"),
        ("Qwen/Qwen3 32B", "Qwen/Qwen3-32B"),
        ("meta-llama/Llama 3.1 70B", LLAMA31_70B),
        ("openai gpt oss 20b model", "openai/gpt-oss-20b"),
    ],
    "the count where the name has none": [
        ("deepseek-r1 671b", "deepseek-ai/DeepSeek-V3"),
        ("DeepSeek R1 0528 (671B)", "deepseek-ai/DeepSeek-V3"),
        ("llama 4 scout 109b", "meta-llama/Llama-4-Scout-17B-16E"),
        ("llama 4 400b", "meta-llama/Llama-4-Maverick-17B-128E"),
        ("phi-4 14b", "microsoft/phi-4"),
        ("mistral nemo 12 billion", "mistralai/Mistral-Nemo-Instruct-2407"),
        ("mixtral 47b", "mistralai/Mixtral-8x7B-v0.1"),
        ("GLM 4.5V 106B", "zai-org/GLM-4.5V"),
        ("command r plus 104b", "CohereLabs/c4ai-command-r-plus"),
        ("command a 111b", "CohereLabs/c4ai-command-a-03-2025"),
        ("command r 35b", "CohereLabs/c4ai-command-r-v01"),
        ("glm 355b", "zai-org/GLM-4.5"),
        ("phi 2.7b", "microsoft/phi-2"),
    ],
    # https://ollama.com/library
    "as ollama's tags name it": [
        ("deepseek r1 70b", LLAMA31_70B),
        ("deepseek r1 32b", "Qwen/Qwen2.5-32B"),
        ("DeepSeek-R1 14B", "Qwen/Qwen2.5-14B"),
        ("deepseek r1 7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B"),
        ("deepseek r1 1.5b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"),
        ("deepseek r1 llama 70b", LLAMA31_70B),
        ("deepsek r1 70b", LLAMA31_70B),
        ("deepseek r1 qwen 32b", "Qwen/Qwen2.5-32B"),
        ("falcon 2 11b", "tiiuae/falcon-11B"),
        ("hermes 3 405b", "meta-llama/Llama-3.1-405B"),
        ("tulu 3 70b", LLAMA31_70B),
        ("dolphin mixtral 8x22b", "mistralai/Mixtral-8x22B-v0.1"),
    ],
    "short words": [
        ("sd 1.5", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
        ("sd3.5 large", "stabilityai/stable-diffusion-3.5-large"),
        ("SD 3.5 Medium", "stabilityai/stable-diffusion-3.5-medium"),
        ("llava onevision 7b", "llava-hf/llava-onevision-qwen2-7b-ov-hf"),
        ("llava ov 0.5b", "llava-hf/llava-onevision-qwen2-0.5b-ov-hf"),
        ("command r+", "CohereLabs/c4ai-command-r-plus"),
        ("Command R+ 104B", "CohereLabs/c4ai-command-r-plus"),
    ],
    "one letter, with several words near": [
        ("deepsek v3", "deepseek-ai/DeepSeek-V3"),
        ("llamma 3.1 70b", LLAMA31_70B),
        ("lllama 3.1 8b", LLAMA31_8B),
    ],
    "the first generation, which has no number": [
        ("starcoder 7b", "bigcode/starcoderbase-7b"),
        ("starcoder 3b", "bigcode/starcoderbase-3b"),
    ],
}


@each(("name", "id"), [row for kind in ANSWERED.values() for row in kind])
def test_a_name_of_one_meaning_is_answered(name: str, id: str) -> None:
    entry = catalogue_entries()[id]
    model = load_model(name)
    assert model.architecture.parameter_count == entry["parameters"]
    assert model.architecture.model_type == entry["config"].get("model_type", model.architecture.model_type)


FORMATS = [
    ("qwen3 32b awq", "Qwen/Qwen3-32B", "awq"),
    ("llama 3.1 70b q4_k_m", LLAMA31_70B, "q4_k_m"),
    ("Llama 3.1 8B (Q4_K_M)", LLAMA31_8B, "q4_k_m"),
    ("llama 3.1 8b Q4 K M", LLAMA31_8B, "q4_k_m"),
    ("qwen3 8b iq4_xs", "Qwen/Qwen3-8B", "iq4_xs"),
    ("gemma 3 27b it qat q4_0", "google/gemma-3-27b-pt", "q4_0_qat"),
    ("llama3 8b int8", LLAMA3_8B, "int8"),
    ("llama3 8b int4", LLAMA3_8B, "int4"),
    ("llama 3.1 8b nf4", LLAMA31_8B, "nf4"),
    ("llama 3.1 8b bnb 4bit", LLAMA31_8B, "nf4"),
    ("llama 3.1 8b fp8", LLAMA31_8B, "fp8"),
    ("llama 3.1 8b FP8_DYNAMIC", LLAMA31_8B, "fp8"),
    ("llama 3.1 8b FP8_BLOCK", LLAMA31_8B, "fp8_block"),
    ("llama 3.1 8b mlx 4bit", LLAMA31_8B, "mlx_4bit"),
    ("llama 3.1 8b mlx_4bit", LLAMA31_8B, "mlx_4bit"),
    ("llama 3.1 8b w4a16", LLAMA31_8B, "int4"),
    ("llama 3.1 8b w3a16", LLAMA31_8B, "w3a16"),
    ("llama 3.1 8b W8A8", LLAMA31_8B, "int8"),
    ("llama 3.1 8b W4A16_ASYM", LLAMA31_8B, "int4"),
    ("llama 3.1 8b NVFP4A16", LLAMA31_8B, "nvfp4"),
    ("llama 3.1 8b nvfp4", LLAMA31_8B, "nvfp4"),
    ("llama 3.1 8b MXFP4", LLAMA31_8B, "mxfp4"),
    ("llama 3.1 8b mxfp8", LLAMA31_8B, "mxfp8"),
    ("llama 3.1 8b W4A16_AWQ", LLAMA31_8B, "awq"),
    ("llama 3.1 8b W4A8_AWQ", LLAMA31_8B, "awq"),
    ("llama 3.1 8b INT4_AWQ", LLAMA31_8B, "awq"),
    ("llama 3.1 8b FP8_PB_WO", LLAMA31_8B, "fp8_block"),
    ("llama 3.1 8b INT8_SQ", LLAMA31_8B, "int8"),
    ("llama 3.1 8b hqq4", LLAMA31_8B, "hqq4"),
    ("llama 3.1 8b hqq 3bit", LLAMA31_8B, "hqq3"),
    ("llama 2 70b chat gptq", "meta-llama/Llama-2-70b-hf", "gptq"),
    ("llama 3.1 8b gptq int8", LLAMA31_8B, "gptq_8bit"),
    ("llama 3.1 8b bf16", LLAMA31_8B, "bf16"),
    ("llama 3.1 8b 16-bit", LLAMA31_8B, "bf16"),
    ("llama 3.1 8b eetq", LLAMA31_8B, "int8"),
    ("llama 3.1 8b int8 w8a8", LLAMA31_8B, "int8"),
    ("Qwen3-8B-Q4_K_M-00001-of-00002.gguf", "Qwen/Qwen3-8B", "q4_k_m"),
    ("llama 3.1 8b quanto int8", LLAMA31_8B, "int8"),
    ("llama 3.1 8b @ q4_k_m", LLAMA31_8B, "q4_k_m"),
    ("llama 3.1 8b, quantized to int4", LLAMA31_8B, "int4"),
    ("llama 3.1 8b load_in_4bit", LLAMA31_8B, "nf4"),
    ("llama 3.1 8b Q4KM", LLAMA31_8B, "q4_k_m"),
    ("mlx-community Llama 3.1 8B 4bit", LLAMA31_8B, "mlx_4bit"),
    ("qwen3-32b-fp8-dynamic", "Qwen/Qwen3-32B", "fp8"),
    # as the base itself is published
    ("DeepSeek R1 fp8", "deepseek-ai/DeepSeek-V3", "fp8_block"),
    ("gpt oss 20b mxfp4", "openai/gpt-oss-20b", "mxfp4"),
    # as its own organisation publishes a copy
    ("fp8 qwen3 32b", "Qwen/Qwen3-32B-FP8", "fp8_block"),
    ("qwen2.5 72b awq instruct", "Qwen/Qwen2.5-72B-Instruct-AWQ", "awq"),
]


@each(("name", "id", "label"), FORMATS)
def test_a_format_in_a_name_is_counted(name: str, id: str, label: str) -> None:
    report = calculate_memory(name)
    assert report.precision == label
    assert report.parameter_count == catalogue_entries()[id]["parameters"]


@each(
    "label",
    [
        *mixes(),
        "fp8",
        "fp8_block",
        "int8",
        "int4",
        "awq",
        "gptq",
        "nf4",
        "mxfp4",
        "mxfp8",
        "nvfp4",
        "bf16",
        "fp16",
        "fp32",
        *(f"w{bits}a16" for bits in (2, 3, 5, 6, 7, 8)),
        *(f"hqq{bits}" for bits in (2, 3, 4, 8)),
        *(f"mlx_{bits}bit" for bits in (2, 3, 4, 5, 6, 8)),
    ],
)
def test_every_label_that_a_report_prints_is_read_in_a_name(label: str) -> None:
    assert calculate_memory(f"llama 3.1 8b {label}").precision == label


# The quantization_config of checkpoints of each kind, as their repositories have it.
CONFIGS: list[tuple[str, dict[str, object]]] = [
    ("Qwen3-8B 4.0bpw exl2", {"quant_method": "exl2", "bits": 4.0, "head_bits": 6}),
    ("turboderp/Llama-3.1-8B-Instruct-exl2:6.5bpw", {"quant_method": "exl2", "bits": 6.5, "head_bits": 6}),
    ("LoneStriker/Llama-3.1-8B-Instruct-4.65bpw-h8-exl2", {"quant_method": "exl2", "bits": 4.65, "head_bits": 8}),
    ("exl3 4bpw qwen3 8b h8", {"quant_method": "exl3", "bits": 4.0, "head_bits": 8}),
    ("turboderp/Qwen3-8B-exl3-3.5bpw", {"quant_method": "exl3", "bits": 3.5, "head_bits": 6}),
    (
        "ISTA-DASLab/Meta-Llama-3.1-8B-AQLM-PV-2Bit-1x16-hf",
        {
            "quant_method": "aqlm",
            "in_group_size": 8,
            "out_group_size": 1,
            "num_codebooks": 1,
            "nbits_per_codebook": 16,
        },
    ),
    (
        "ISTA-DASLab/Meta-Llama-3.1-8B-AQLM-PV-1Bit-1x16-hf",
        {
            "quant_method": "aqlm",
            "in_group_size": 16,
            "out_group_size": 1,
            "num_codebooks": 1,
            "nbits_per_codebook": 16,
        },
    ),
    (
        "acme/Qwen3-8B-torchao-int4wo",
        {
            "quant_method": "torchao",
            "quant_type": {"default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 128}}},
        },
    ),
    (
        "pytorch/Phi-4-mini-instruct-float8dq",
        {
            "quant_method": "torchao",
            "quant_type": {"default": {"_type": "Float8DynamicActivationFloat8WeightConfig", "_data": {}}},
        },
    ),
    ("acme/Llama-3.1-8B-bnb-int8", {"quant_method": "bitsandbytes", "load_in_8bit": True}),
    ("acme/Llama-3.1-8B-bitnet", {"quant_method": "bitnet"}),
    ("acme/Llama-3.1-8B-b1.58", {"quant_method": "bitnet"}),
    ("llama 3.1 8b bitnet 1.58bit", {"quant_method": "bitnet"}),
    ("llama 3.1 8b 1.58-bit BitNet", {"quant_method": "bitnet"}),
    (
        "acme/Llama-3.1-8B-HQQ-4bit",
        {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}},
    ),
    ("mlx-community/Qwen3-8B-mxfp4", {"quant_method": "mlx", "mode": "mxfp4", "bits": 4, "group_size": 32}),
    ("mlx-community/Qwen3-8B-4bit-DWQ", {"quant_method": "mlx", "bits": 4, "group_size": 64}),
    (
        "cyankiwi/Qwen3-8B-AWQ-8bit",
        {"quant_method": "awq", "bits": 8, "group_size": 128, "zero_point": True},
    ),
]


@pytest.mark.parametrize(("name", "config"), CONFIGS, ids=[row[0] for row in CONFIGS])
def test_a_quantiser_s_name_gives_the_config_that_it_writes(name: str, config: dict[str, object]) -> None:
    found = names.derive(name)
    assert found is not None
    assert found.certain
    assert found.form is not None
    assert found.form.config == config


@each(
    ("name", "says"),
    [
        ("Mistral 7B 4bit", "does not say whose 4 bits; int4 was taken"),
        ("llama3 8b 8-bit", "does not say whose 8 bits; int8 was taken"),
        ("Phi-3.5 mini q4", "Q4 alone names no mix; q4_k_m was taken"),
        ("llama 3.1 8b gguf", "q4_k_m was taken"),
        ("lama 3.1 8b", "'lama' was read as 'llama'"),
        ("34b code llama q4_k_m", "'code' and 'llama' were read as one word"),
        ("Llama 4 Maverick", "leaves '17b', '128e' open"),
        ("deepseek r1 70b", "taken for the model of ollama's tag deepseek-r1:70b"),
        ("deepseek r1 8b", "nearest, before deepseek-r1-distill-llama-8b"),
        ("lllama 3.1 8b", "'lllama' was read as 'llama'"),
        ("sd 1.5", "'sd' was read as 'stable diffusion'"),
        ("qwen3 8b 128k", "'128k' was taken for a context's length"),
        ("32b qwen3", "'32b qwen3' was counted as Qwen/Qwen3-32B,"),
    ],
)
def test_what_was_assumed_is_said(name: str, says: str) -> None:
    report = calculate_memory(name)
    assert report.model == name
    assert any(says in note.text for note in report.notes)


@pytest.mark.parametrize("name", ["qwen2_5_1_5b", "Qwen2.5 1.5B", "qwen2.5-1-5b", "QWEN2_5-1.5b"])
def test_the_point_of_a_size_may_be_spelled_otherwise(name: str) -> None:
    known = find(name)
    assert known is not None
    assert known.id == "Qwen/Qwen2.5-1.5B"


def test_an_exact_name_says_nothing_of_the_kind() -> None:
    assert find("Qwen/Qwen3-32B")
    assert not [note for note in calculate_memory("Qwen/Qwen3-32B").notes if "counted as" in note.text]


def test_a_copy_of_the_catalogue_keeps_its_own_name() -> None:
    name = "nvidia/Llama-3.1-Nemotron-70B-Instruct-HF"
    report = calculate_memory(name)
    assert report.model == name
    assert any(f"counted as that. {LLAMA31_70B}" in note.text or LLAMA31_70B in note.text for note in report.notes)
    assert calculate_memory("llama3_70b").model == LLAMA3_70B


# what is alike in shape and has a name of its own, as its repository is called
OTHER_NAMES = [
    ("phi 3.5 mini", "microsoft/Phi-3.5-mini-instruct", "microsoft/Phi-3-mini-128k-instruct"),
    ("phi3.5mini", "microsoft/Phi-3.5-mini-instruct", "microsoft/Phi-3-mini-128k-instruct"),
    ("llama3.3_70b", "meta-llama/Llama-3.3-70B-Instruct", LLAMA31_70B),
    ("qwen3.6 35b a3b", "Qwen/Qwen3.6-35B-A3B", "Qwen/Qwen3.5-35B-A3B"),
    ("glm 4.7", "zai-org/GLM-4.7", "zai-org/GLM-4.6"),
    ("minimax m2.5", "MiniMaxAI/MiniMax-M2.5", "MiniMaxAI/MiniMax-M2"),
    ("deepseek r1", "deepseek-ai/DeepSeek-R1", "deepseek-ai/DeepSeek-V3"),
    ("DeepSeek V3.1", "deepseek-ai/DeepSeek-V3.1", "deepseek-ai/DeepSeek-V3"),
    ("ring 1t", "inclusionAI/Ring-1T", "inclusionAI/Ling-1T"),
    ("llama guard 3 8b", "meta-llama/Llama-Guard-3-8B", LLAMA31_8B),
    ("zephyr 7b beta", "HuggingFaceH4/zephyr-7b-beta", "mistralai/Mistral-7B-v0.1"),
    ("vicuna 13b v1.5", "lmsys/vicuna-13b-v1.5", "meta-llama/Llama-2-13b-hf"),
    ("codegemma 7b", "google/codegemma-7b", "google/gemma-7b"),
    ("shieldgemma 9b", "google/shieldgemma-9b", "google/gemma-2-9b-it"),
    ("qwen3 coder next", "Qwen/Qwen3-Coder-Next", "Qwen/Qwen3-Next-80B-A3B-Instruct"),
]


@each(("name", "called", "counted"), OTHER_NAMES)
def test_a_copy_is_called_by_its_own_name_and_says_what_was_counted(name: str, called: str, counted: str) -> None:
    report = calculate_memory(name)
    assert report.model == called
    assert any(f"was counted as {counted}." in note.text for note in report.notes)


# a name, a name that is offered, and what is said
REFUSED: dict[str, list[tuple[str, str, str]]] = {
    "another size": [
        ("llama 3 9b", LLAMA3_8B, "Nothing of the size 9B"),
        ("llama 3 9b", LLAMA3_70B, ""),
        ("Qwen3 33B", "Qwen/Qwen3-32B", "Nothing of the size 33B"),
        ("qwen3 72b", "Qwen/Qwen3-32B", ""),
        ("mixtral 8x6b", "mistralai/Mixtral-8x7B-v0.1", ""),
        ("gemma 3 28b", "google/gemma-3-27b-pt", ""),
        ("gemma 3 8b", "google/gemma-3-4b-pt", ""),
        ("gemma 2 12b", "google/gemma-2-9b", ""),
        ("Llama 3.1 80B", LLAMA31_70B, ""),
        ("lama 3.1 9b", LLAMA31_8B, "'lama' was read as 'llama'"),
        ("qwen3 33b awq", "Qwen/Qwen3-32B", ""),
        ("falcon 41b", "tiiuae/falcon-40b", ""),
        ("deepseek r1 500b", "deepseek-ai/DeepSeek-V3", ""),
        ("gpt oss 21.5b", "openai/gpt-oss-20b", ""),
        ("phi 4b", "phi", ""),
        ("llama 2.7b", "huggyllama/llama-7b", "Nothing of the size 2.7B"),
        ("qwen 2.7b", "Qwen", ""),
        ("phi-4 20b", "microsoft/phi-4", ""),
        ("Qwen2-58B", "Qwen/Qwen2-57B-A14B", ""),
        ("bert 72b", "google-bert/bert-base-uncased", ""),
        ("mistral 8x7b", "'mistralai/Mixtral-8x7B-v0.1'", "Nothing of the size 8X7B"),
        ("mistral 8x22b", "'mistralai/Mixtral-8x22B-v0.1'", "Nothing of the size 8X22B"),
        ("llama 2 8b", "mean 'meta-llama/Llama-2-7b-hf' or 'meta-llama/Llama-2-13b-hf'", "Nothing of the size 8B"),
        ("qwen3 7b", "mean 'Qwen/Qwen3-8B'", "Nothing of the size 7B"),
    ],
    "a size too many": [
        ("gemma 3 27b 1m context", "mean 'google/gemma-3-27b-pt'?", "Nothing of the size 27B has 1M beside it"),
        ("qwen3 30b a5b", "mean 'Qwen/Qwen3-30B-A3B", "Nothing of the size 30B has A5B beside it"),
        ("llama 3.1 8b 70b", "'meta-llama/Llama-3.1-70B'", "The name says several sizes, 8B and 70B"),
    ],
    "another version": [
        ("llama 5 8b", "Llama-3.1-8B", ""),
        ("llama-31-8b", "Llama-3.1-8B", ""),
        ("mixtral 8x7b v0.9", "mistralai/Mixtral-8x7B-v0.1", "'v0.9' may be another version"),
        ("Qwen3.9 8B", "Qwen3-8B", ""),
        ("gemma 9 27b", "gemma-3-27b-pt", ""),
        ("DeepSeek V9", "DeepSeek-V", ""),
        # 5 is no word of v1-5, nor 2 of img2vid
        ("stable diffusion 5", "stable-diffusion", ""),
        ("stable diffusion 4", "stable-diffusion", ""),
        ("sd 4", "stable-diffusion", ""),
        ("stable video diffusion 2", "stable-video-diffusion", ""),
        ("qwen 1", "qwen", ""),
    ],
    "another architecture": [
        ("Qwen3 32B (MoE)", "Qwen/Qwen3-32B", "'moe' says that it has another shape"),
        ("Qwen3 30B A3B (dense)", "Qwen/Qwen3-30B-A3B", "'dense'"),
        ("llama 3.1 8b eagle3", LLAMA31_8B, "'eagle'"),
        ("llama 3.1 8b lora", LLAMA31_8B, "'lora'"),
        ("llama 3.1 8b pruned", LLAMA31_8B, "'pruned'"),
        ("llama 3.1 8b reward", LLAMA31_8B, "'reward'"),
        ("llama 3.1 8b vision", LLAMA31_8B, "'vision'"),
        ("qwen3 8b draft", "Qwen/Qwen3-8B", "'draft'"),
        ("Qwen3 8B thinking", "Qwen/Qwen3-8B", "nothing is known of 'thinking'"),
        ("nllb 200 600m", "facebook/nllb-200-distilled-600M", "leaves 'distilled' open"),
    ],
    "words of which nothing is known": [
        ("llama 3.1 8b medical", LLAMA31_8B, "nothing is known of 'medical'"),
        ("qwen3 8b zorblax", "Qwen/Qwen3-8B", "'zorblax'"),
        ("gemma 3 27b it wonderful edition", "google/gemma-3-27b-pt", "'wonderful', 'edition'"),
    ],
    "several bases": [
        ("Llama 70B", LLAMA31_70B, "could be any of these"),
        ("llama 2", "meta-llama/Llama-2-13b-hf", "could be any of these"),
        ("Qwen 32B", "Qwen/Qwen2.5-32B", ""),
        ("gemma 27b", "google/gemma-3-27b-pt", ""),
        ("llama 4 17b", "meta-llama/Llama-4-Scout-17B-16E", ""),
        ("gpt oss", "openai/gpt-oss-20b", ""),
        ("gpt-oss", "gpt-oss:20b", ""),
        ("deepseek v4", "deepseek-ai/DeepSeek-V4-Flash", ""),
        ("gemma 3", "google/gemma-3-", "could be any of these"),
        ("mistral small", "mistralai/Mistral-Small-24B-Instruct-2501", ""),
        ("devstral small 24b", "mistralai/Devstral-Small-2505", "(24B mistral3 fp8 of 393,216 tokens) or"),
        ("devstral 24b", "mistralai/Devstral-Small-2-24B-Instruct-2512", "could be any of these"),
        ("llava 7b", "llava-hf/llava-v1.6-mistral-7b-hf", "could be any of these"),
        ("llava 13b", "llava-hf/llava-1.5-13b-hf", "could be any of these"),
        ("llava 13b q4_0", "llava-hf/llava-v1.6-vicuna-13b-hf", "could be any of these"),
        ("deepseek 671b", "deepseek-ai/DeepSeek-V3.2", "could be any of these"),
        ("phi 14b", "microsoft/phi-4", "could be any of these"),
        ("phi 14b", "microsoft/Phi-3-medium-128k-instruct", "14B phi3 bfloat16 of 4,096 tokens"),
        ("kimi 1t", "moonshotai/Kimi-K2.5", "1.03T kimi_k2 fp8"),
        ("magistral 24b", "mistralai/Magistral-Small-2506", "could be any of these"),
        ("mixtral", "mixtral:8x7b", ""),
        ("gemma3", "gemma3:27b", ""),
    ],
    "two formats": [
        ("Qwen3-32B int8 w8a16", "Qwen/Qwen3-32B", "two formats, int8 weights (w8a16)"),
        ("qwen3 8b q4_k_m q8_0", "Qwen/Qwen3-8B", "two formats, GGUF q4_k_m and GGUF q8_0"),
        ("qwen3 8b awq fp8", "Qwen/Qwen3-8B", "two formats, AWQ"),
    ],
    "a format fixed in part": [
        ("qwen3 8b exl2", "Qwen/Qwen3-8B", "say how many, such as 4.0bpw"),
        ("qwen3 8b 3bit", "Qwen/Qwen3-8B", "name the quantiser"),
        ("qwen3 8b quantized", "Qwen/Qwen3-8B", "does not say in how many bits"),
        ("qwen3 8b mlx", "Qwen/Qwen3-8B", "does not say in how many bits"),
        ("llama 3.1 8b qat", LLAMA31_8B, "does not say in how many bits"),
        ("llama 3.1 8b aqlm", LLAMA31_8B, "say which, such as AQLM-2Bit-1x16"),
        ("qwen3 8b UD-Q4_K_XL", "Qwen/Qwen3-8B", "a mix of its maker's own"),
        ("qwen3 8b q4_k_l", "Qwen/Qwen3-8B", "a mix of its maker's own"),
        # Unsloth's dynamic GGUF files of DeepSeek-R1: 131, 158, 183 and 212 GB
        ("deepseek r1 1.58bit", "deepseek-ai/DeepSeek-V3", "a mix of its maker's own"),
        ("deepseek r1 1.73-bit", "deepseek-ai/DeepSeek-V3", "a mix of its maker's own"),
        ("DeepSeek R1 (2.22 bit dynamic)", "deepseek-ai/DeepSeek-V3", "a mix of its maker's own"),
        ("deepseek r1 gguf 2.51bit", "deepseek-ai/DeepSeek-V3", "a mix of its maker's own"),
        ("llama 3.1 70b 1.58bit", LLAMA31_70B, "a mix of its maker's own"),
        ("qwen3 8b w4a4", "Qwen/Qwen3-8B", "a number format that is not known here"),
    ],
    "ollama": [
        ("llama3:9b", "llama", ""),
        ("gpt-oss:120b-cloud", "", "cloud has no file: give the model's id on the hub"),
        ("minicpm-v:8b", "openbmb/MiniCPM-V-2_6", "not in the catalogue"),
    ],
}


@each(("name", "offered", "says"), [row for kind in REFUSED.values() for row in kind])
def test_what_contradicts_is_refused_with_what_is_near(name: str, offered: str, says: str) -> None:
    with pytest.raises(UnknownModelError) as raised:
        load_model(name)
    assert offered.lower() in str(raised.value).lower()
    assert says in str(raised.value)


@each("name", ["zzz 72b", "foo", "72b", "70b instruct", "small", "mini instruct", "chat", "4bit"])
def test_a_name_without_a_family_is_offered_nothing_far(name: str) -> None:
    with pytest.raises(UnknownModelError) as raised:
        load_model(name)
    assert "Did you mean" not in str(raised.value)


@pytest.mark.parametrize("name", ["acme/Llama-3-72B", "acme/llama-72b", "acme/qwen9-72b", "llama 9 72b", "qwen9 72b"])
def test_a_large_model_is_offered_the_like_of_it(name: str) -> None:
    offered = [found.id for one in re.findall(r"'([^']+)'", near_names(name)) if (found := find(one))]
    assert offered
    assert all(("llama" in id.lower()) == ("llama" in name.lower()) for id in offered)
    assert 0.8 < catalogue_entries()[offered[0]]["parameters"] / 72e9 < 1.25


def test_the_nearest_size_of_the_family_comes_first() -> None:
    assert re.findall(r"'([^']+)'", near_names("falcon 180"))[0] == "falcon-180B"
    assert find(re.findall(r"'([^']+)'", near_names("acme/Qwen2.5-33B"))[0]).id.startswith("Qwen/Qwen2.5-")  # type: ignore[union-attr]
    found = names.derive("gemma 3 14b")
    assert found is not None
    assert found.choices[0] == "google/gemma-3-12b-pt"


def test_a_repository_s_name_is_not_mended() -> None:
    with pytest.raises(HubOfflineError):
        load_model("acme/Lama-3.1-8B")
    for name in ("acme/Llama-3.1-8B-4bit", "acme/Llama-3.1-8B-q4"):
        found = names.derive(name)
        assert found is None or not found.certain


# --- over the whole catalogue --------------------------------------------------------------------------------------

ORIGINALS = [id for id in catalogue_entries() if labels.format_in(id.rpartition("/")[2].lower(), "")[1] is None]


def shape(id: str) -> tuple[object, object]:
    entry = catalogue_entries()[id]
    return entry["parameters"], entry["config"].get("model_type")


def meant(name: str) -> str | None:
    """The entry that a name means for certain."""
    known = find(name)
    if known:
        return known.id
    derived = names.derive(name)
    return derived.base if derived is not None and derived.certain else None


@given(
    id=st.sampled_from(ORIGINALS),
    seed=st.integers(min_value=0, max_value=2**32),
    separator=st.sampled_from([" ", "-", "_", "  ", " - ", ", "]),
    bracket=st.booleans(),
)
def test_words_in_any_order_case_and_brackets_are_the_same_model(
    id: str, seed: int, separator: str, bracket: bool
) -> None:
    shuffled = random.Random(seed)
    words = id.rpartition("/")[2].split("-")
    shuffled.shuffle(words)
    words = [word.upper() if shuffled.random() < 0.5 else word.lower() for word in words]
    if bracket:
        at = shuffled.randrange(len(words))
        words[at] = f"({words[at]})"
    found = meant(separator.join(words))
    assert found is not None
    assert shape(found) == shape(id)


SIZED = [id for id in ORIGINALS if re.search(r"-\d+(\.\d+)?[bB](-|$)", id)]


@given(id=st.sampled_from(SIZED), factor=st.sampled_from([0.5, 0.75, 0.9, 1.1, 1.3, 2, 3, 10]), spaces=st.booleans())
def test_another_size_never_is_the_same_model(id: str, factor: float, spaces: bool) -> None:
    name = id.rpartition("/")[2]
    match = re.search(r"(?<=-)(\d+(?:\.\d+)?)(?=[bB](?:-|$))", name)
    assert match is not None
    size = f"{float(match[0]) * factor:.1f}".removesuffix(".0")
    changed = name[: match.start()] + size + name[match.end() :]
    found = meant(changed.replace("-", " ") if spaces else changed)
    if size != match[0] and found is not None:
        spelled = [one.lower() for one in (found, *catalogue_entries()[found]["names"])]
        # or by the count itself: Granite's 1b-a400m has 1.33 billion
        counted = abs(catalogue_entries()[found]["parameters"] / 1e9 / float(size) - 1) < 0.04
        assert counted or any(f"{size}b" in one for one in spelled)


@given(name=st.text(st.sampled_from("abqwenlmi0123458.-_:/ ()[]\0é+"), max_size=40))
def test_no_name_is_too_strange_to_be_looked_at(name: str) -> None:
    if name.strip():
        names.derive(name)
        near_names(name)


@pytest.mark.parametrize("name", ["qwen " * 39, "8b " * 60, "(" * 190, "llama-" * 30])
def test_a_long_name_is_refused_and_not_pondered(name: str) -> None:
    with pytest.raises(UnknownModelError):
        locate(name)


# --- ollama's own files --------------------------------------------------------------------------------------------

# GB as ollama's library and README print them, which are rounded to one digit behind the point or to whole ones
OLLAMA = [
    ("gemma3n:e2b", 5.6, 0.05),
    ("gemma3n:e4b", 7.5, 0.05),
    ("gemma4:e2b", 7.2, 0.07),
    ("gemma4:e4b", 9.6, 0.05),
    ("gemma4:26b", 18, 0.5),
    ("gemma4:26b-a4b-it-q8_0", 28, 0.5),
    ("gemma4:31b", 20, 0.5),
    ("glm-4.7-flash:30b", 19, 0.5),
    ("phi4-reasoning:14b", 11, 0.5),
    ("phi4-mini-reasoning:3.8b", 3.2, 0.06),
    ("llama4:scout", 67, 0.5),
    ("llama4:maverick", 245, 0.5),
    ("llama3.2-vision:90b", 55, 0.5),
    ("qwen2.5vl:7b", 6.0, 0.05),
    ("granite4:micro", 2.1, 0.05),
    ("granite4:tiny-h", 4.2, 0.05),
    ("mxbai-embed-large:335m", 0.670, 0.003),
    ("nomic-embed-text:v1.5", 0.274, 0.001),
    ("all-minilm:22m", 0.046, 0.0005),
    ("codegemma:7b", 5.0, 0.05),
    ("deepseek-v2.5:236b", 133, 0.5),
    ("hermes3:405b", 229, 0.5),
    ("zephyr:141b", 80, 0.5),
]


@pytest.mark.parametrize(("tag", "gigabytes", "rounding"), OLLAMA)
def test_a_tag_has_the_size_that_the_library_says(tag: str, gigabytes: float, rounding: float) -> None:
    assert calculate_memory(tag).weight_memory_bytes / 1e9 == pytest.approx(gigabytes, abs=rounding)


@pytest.mark.parametrize("tag", ["qwen3.5:35b", "qwen3-next:80b", "qwen:0.5b"])
def test_what_is_not_known_of_a_tag_is_a_warning(tag: str) -> None:
    assert any(note.origin == "warning" and "larger" in note.text for note in calculate_memory(tag).notes)


def test_a_table_of_the_layers_is_a_table_of_the_vocabulary_to_llama_quantize() -> None:
    # a public GGUF of gemma-4-E2B-it has 3.412 GB at Q4_K_M, without the towers, which are in a file of their own
    model = load_model("google/gemma-4-E2B-it")
    towers = sum(
        2 * layer.repeat * weight.size
        for layer in model.architecture.towers
        for operator in layer.operators
        for weight in operator.weights()
    )
    report = calculate_memory("google/gemma-4-E2B-it", precision="q4_k_m")
    assert (report.weight_memory_bytes - towers) / 1e9 == pytest.approx(3.412, rel=0.025)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # as openai/whisper's model card counts them, in millions
        ("Systran/faster-whisper-large-v2", 1550e6),
        ("faster-whisper-medium", 769e6),
        ("large-v2", 1550e6),
        ("deepdml/faster-whisper-large-v3-turbo-ct2", 809e6),
    ],
)
def test_copies_for_faster_whisper_are_in_float16_under_its_engine(name: str, parameters: float) -> None:
    report = calculate_memory(name)
    assert report.precision == "fp16"
    assert report.parameter_count == pytest.approx(parameters, rel=0.01)
    assert report.engine.startswith("CTranslate2")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://huggingface.co/Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
        ("https://huggingface.co/Qwen/Qwen3-8B/tree/main", "Qwen/Qwen3-8B"),
        ("huggingface.co/Qwen/Qwen3-8B/blob/main/config.json", "Qwen/Qwen3-8B"),
        ("hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M", "bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M"),
        (
            "https://huggingface.co/bartowski/Qwen_Qwen3-8B-GGUF/resolve/main/Qwen_Qwen3-8B-Q4_K_M.gguf?download=true",
            "Qwen_Qwen3-8B-Q4_K_M.gguf",
        ),
        ("https://huggingface.co/Qwen/Qwen3-8B/tree/v2", "Qwen/Qwen3-8B@v2"),
        ("https://ollama.com/library/qwen3:8b", "qwen3:8b"),
        ("ollama run llama3.1:8b", "llama3.1:8b"),
        ("ollama run llama3.1", "llama3.1:latest"),
        ("ollama pull qwen3", "qwen3:latest"),
        ("https://ollama.com/library/gemma3", "gemma3:latest"),
        ("ollama llama3.1:8b", "llama3.1:8b"),
        ("ollama qwen3 8b", "qwen3:8b"),
        ("ollama/llama3.1:8b", "llama3.1:8b"),
        ("ollama/llama3.1", "llama3.1:latest"),
        ("ollama/ollama-of-nobody", "ollama/ollama-of-nobody"),
        (
            "ollama run hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
            "bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
        ),
        # what is no model's page stays what it is
        ("https://huggingface.co/datasets/acme", "https://huggingface.co/datasets/acme"),
        ("https://example.com/Qwen/Qwen3-8B", "https://example.com/Qwen/Qwen3-8B"),
        ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
    ],
)
def test_the_name_is_taken_out_of_an_address(written: str, meant: str) -> None:
    assert names.without_address(written) == meant


def test_gemma_of_qat_is_counted_in_the_format_that_google_publishes() -> None:
    # https://huggingface.co/google/gemma-3-27b-it-qat-q4_0-gguf
    words, published = names.derive("gemma 3 27b it qat"), names.derive("google/gemma-3-27b-it-qat-q4_0-gguf")
    assert words is not None
    assert published is not None
    assert (words.base, words.form) == (published.base, published.form)
    assert "q4_0 was taken" in words.assumed


@pytest.mark.parametrize(
    ("name", "engine", "file_gb"),
    [
        # https://ollama.com/library: latest of llama3.1 is 8b (4.9 GB), of qwen3 8b (5.2 GB), of gemma3 4b (3.3 GB)
        ("ollama llama3.1:8b", None, 4.9),
        ("ollama/llama3.1:8b", None, 4.9),
        ("ollama run llama3.1", None, 4.9),
        ("llama3.1", "ollama", 4.9),
        ("llama3.1", "Ollama", 4.9),
        ("qwen3", "ollama", 5.2),
        ("ollama qwen3:8b", None, 5.2),
        ("gemma3", "ollama", 3.3),
    ],
)
def test_a_name_of_ollama_s_library_is_what_ollama_runs(name: str, engine: str | None, file_gb: float) -> None:
    report = calculate_memory(name, hardware="RTX_4090", engine=engine)
    assert report.engine.startswith("Ollama")
    assert report.weight_memory_bytes / 1e9 == pytest.approx(file_gb, rel=0.05)
