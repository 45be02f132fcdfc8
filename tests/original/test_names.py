"""The original's 27 public names, each with its arguments in its order; and nothing below stands on them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import llm_memory_calculator

from ..rows import each

# Arguments by name in the original's order, as its signatures of version 0.1.0 have them.
FUNCTIONS = {
    "calculate_memory": "model_id_or_config batch_size seq_length precision tensor_parallel framework_overhead "
    "include_gradients token respect_weight_tying max_loras max_lora_rank lora_dtype fully_sharded_loras "
    "target_modules lora_config",
    "estimate_memory": "config",
    "analyze_hf_model": "model_id seq_length batch_size precision token",
    "compare_models": "model_ids seq_length precision token",
    "estimate_max_batch_size": "model_id_or_config gpu_memory_gb seq_length precision token respect_weight_tying",
    "analyze_attention_efficiency": "model_id_or_config seq_lengths batch_size precision token respect_weight_tying",
    "get_hardware_config": "name",
    "get_all_hardware": "",
    "get_hardware_by_type": "hw_type",
    "get_hardware_by_manufacturer": "manufacturer",
    "search_hardware": "query hw_type manufacturer min_flops max_flops min_memory max_memory min_memory_bw "
    "max_memory_bw has_real_values",
    "set_hardware_db_path": "path",
    "estimate_prefill_performance": "model batch_size input_tokens system_name bits tensor_parallel pipeline_parallel "
    "expert_parallel debug",
    "estimate_decode_performance": "model batch_size beam_size input_tokens output_tokens system_name bits "
    "tensor_parallel pipeline_parallel expert_parallel debug",
    "estimate_end_to_end_performance": "model batch_size beam_size input_tokens output_tokens system_name bits "
    "tensor_parallel pipeline_parallel expert_parallel debug",
    "estimate_chunked_performance": "model batch_size input_tokens output_tokens chunk_size system_name bits "
    "tensor_parallel pipeline_parallel debug",
    "compare_performance_configurations": "model configurations batch_size input_tokens output_tokens debug",
    "get_various_parallelization": "model total_nodes",
    "get_best_parallelization_strategy": "stage model total_nodes batch_size beam_size input_tokens output_tokens "
    "system_name bits debug",
    "get_pareto_optimal_performance": "stage model total_nodes batch_list beam_size input_tokens output_tokens "
    "system_name bits debug",
    "get_minimum_system_size": "model batch_size input_tokens output_tokens system_name bits",
}
CLASSES = {
    "MemoryReport": "model_type attention_type precision parameter_count weight_memory_bytes kv_cache_bytes "
    "activation_memory_bytes state_memory_bytes image_memory_bytes extra_work_bytes lora_adapter_memory_bytes "
    "total_memory_bytes weight_memory_gb kv_cache_gb activation_memory_gb state_memory_gb image_memory_gb "
    "extra_work_gb lora_adapter_memory_gb total_memory_gb recommended_gpu_memory_gb can_fit_24gb_gpu can_fit_80gb_gpu",
    "ModelMemoryCalculator": "PRECISION_BYTES detect_model_type detect_attention_type calculate_model_weights "
    "calculate_kv_cache calculate_activation_memory calculate_state_memory calculate_lora_adapter_memory "
    "calculate_encoder_params calculate_decoder_params calculate_projector_params calculate_encoder_kv_cache "
    "calculate_decoder_kv_cache calculate_cross_attention_kv_cache calculate_audio_input_memory "
    "calculate_audio_conv_memory calculate_total_memory",
    "UniversalParameterCounter": "count_parameters",
    "HuggingFaceConfigLoader": "fetch_model_config get_model_config get_model_info analyze_model compare_models",
    "HardwareManager": "get_hardware_config get_all_hardware get_hardware_by_type get_hardware_by_manufacturer "
    "search_hardware",
}
# Of calculate_memory the first five may be given by their place, all others by name alone.
BY_NAME_ALONE = {"calculate_memory": 5}


def test_there_are_27_names() -> None:
    names = {*FUNCTIONS, *CLASSES, "HARDWARE_CONFIGS"}
    assert len(names) == 27
    assert names <= set(llm_memory_calculator.__all__)


@each(("name", "arguments"), FUNCTIONS.items())
def test_a_function_takes_the_original_s_arguments_in_its_order(name: str, arguments: str) -> None:
    asked = arguments.split()
    placed = BY_NAME_ALONE.get(name, len(asked))
    parameters = inspect.signature(getattr(llm_memory_calculator, name)).parameters
    assert list(parameters)[:placed] == asked[:placed]
    assert set(asked) <= set(parameters)
    # what is new can be given by its name alone, so that no later argument of the original changes its place
    new = [parameter for key, parameter in parameters.items() if key not in asked]
    may_follow = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    assert all(parameter.kind in may_follow or parameter.name == "if_ambiguous" for parameter in new)


@pytest.mark.parametrize(("name", "members"), CLASSES.items())
def test_a_class_has_the_original_s_members(name: str, members: str) -> None:
    found = getattr(llm_memory_calculator, name)
    assert set(members.split()) <= {*dir(found), *getattr(found, "__dataclass_fields__", ())}


# Names of the original's README and table: TFLOPS and GB/s by NVIDIA's, AMD's and Google's datasheets.
@each(
    ("name", "tflops", "memory_gb", "bandwidth"),
    [
        ("A100_40GB", 312, 40, 1555),
        ("A100_80GB", 312, 80, 2039),
        ("H100_80GB", 989, 80, 3350),
        ("MI300X", 1307, 192, 5300),
        ("TPUv4", 275, 32, 1200),
        ("TPUv5e", 197, 16, 819),
        ("A100_80GB_GPU", 312, 80, 2039),
        ("H100_GPU", 989, 80, 3350),
    ],
)
def test_hardware_by_the_original_s_names(name: str, tflops: float, memory_gb: float, bandwidth: float) -> None:
    config = llm_memory_calculator.get_hardware_config(name)
    assert config == llm_memory_calculator.HARDWARE_CONFIGS[name]
    assert config["Flops"] == pytest.approx(tflops, rel=0.001)
    # Google writes 32 GB for 32 GiB
    assert config["Memory_size"] == pytest.approx(memory_gb, rel=0.08)
    assert config["Memory_BW"] == pytest.approx(bandwidth, rel=0.001)
    assert config["real_values"] is True


def test_nothing_but_the_list_of_public_names_knows_the_original_s_room() -> None:
    root = Path(llm_memory_calculator.__file__).parent
    public = root / "__init__.py"
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path == public or "original" in path.relative_to(root).parts or "original" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(alias.name for alias in node.names)]
                assert not any(part == "original" for name in names for part in name.split(".")), path
