"""What engines load and what the files hold are two counts; the hub's headers say the second one."""

from typing import Any

from llm_memory_calculator import calculate_memory, inspect_model

from ..rows import each
from .families import described
from .test_families import GLM_5, MIXTURE
from .test_families_multimodal import gemma3n

GLM_45 = {
    "model_type": "glm4_moe", "hidden_size": 5120, "intermediate_size": 12288, "num_hidden_layers": 92,
    "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151552,
    "attention_bias": True, "use_qk_norm": True, "moe_intermediate_size": 1536, "n_routed_experts": 160,
    "first_k_dense_replace": 3, "num_nextn_predict_layers": 1, **MIXTURE,
}  # fmt: skip
GLM_45_AIR = GLM_45 | {
    "hidden_size": 4096, "intermediate_size": 10944, "num_hidden_layers": 46, "use_qk_norm": False,
    "moe_intermediate_size": 1408, "n_routed_experts": 128, "first_k_dense_replace": 1,
}  # fmt: skip
MT0_LARGE = {
    "model_type": "mt5", "d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_layers": 24, "num_heads": 16,
    "vocab_size": 250112, "tie_word_embeddings": False,
}  # fmt: skip

# Loaded: what transformers builds. Stored: the values that the hub counts in the safetensors.
COUNTS: dict[str, tuple[str | dict[str, Any], int, int]] = {
    "deepseek-ai/DeepSeek-V3": ("deepseek-ai/DeepSeek-V3", 671_026_404_352, 684_489_845_504),
    "Qwen/Qwen3-Next-80B-A3B-Instruct": ("Qwen/Qwen3-Next-80B-A3B-Instruct", 79_674_391_296, 81_324_862_720),
    "Qwen/Qwen3.5-27B": ("Qwen/Qwen3.5-27B", 27_356_728_560, 27_781_427_952),
    "XiaomiMiMo/MiMo-7B-RL": ("XiaomiMiMo/MiMo-7B-RL", 7_622_619_136, 7_833_409_536),
    "zai-org/GLM-4.5": (GLM_45, 352_797_814_784, 358_337_791_296),
    "zai-org/GLM-4.5-Air": (GLM_45_AIR, 106_852_245_504, 110_468_824_832),
    "zai-org/GLM-5": (GLM_5 | {"num_nextn_predict_layers": 1}, 743_911_199_232, 753_864_139_008),
    "bigscience/mt0-large": (MT0_LARGE, 973_466_624, 1_229_581_312),
    "google/gemma-3n-E2B-it": (gemma3n(8192, 30, 10), 5_418_464_192, 5_439_438_272),
}


@each("model", COUNTS)
def test_what_is_loaded_and_what_is_stored_are_two_fields(model: str) -> None:
    given, loaded, stored = COUNTS[model]
    found = inspect_model(given)
    assert (found.parameter_count, found.stored_parameter_count) == (loaded, stored)


def test_the_bytes_are_those_of_what_is_loaded() -> None:
    plain = {name: value for name, value in MT0_LARGE.items() if name != "tie_word_embeddings"}
    assert calculate_memory(MT0_LARGE).weight_memory_bytes == calculate_memory(plain).weight_memory_bytes


def test_a_note_says_how_much_is_left_out() -> None:
    notes = calculate_memory(GLM_45).notes
    # the corrections of 89 routers are stored and are no parameters
    left_out = 358_337_791_296 - 352_797_814_784 - 89 * 160
    assert any(f"{left_out:,} values" in note.text and "not counted" in note.text for note in notes)


def test_the_text_says_which_count_the_bytes_are_of() -> None:
    assert "Its files hold 684,489,845,504 values; engines load 671,026,404,352, of which the bytes are." in str(
        inspect_model("deepseek-ai/DeepSeek-V3")
    )
    assert "Its files" not in str(inspect_model("Qwen/Qwen3-8B"))


def test_the_count_of_files_is_null_where_a_part_of_them_is_not_known() -> None:
    unknown = GLM_5 | {"index_topk_freq": 4, "index_skip_topk_offset": 3, "num_nextn_predict_layers": 1}
    assert described(**unknown).stored_parameter_count is None


def test_without_parts_apart_the_files_hold_what_is_loaded() -> None:
    found = inspect_model("Qwen/Qwen3-8B")
    assert found.stored_parameter_count == found.parameter_count == 8_190_735_360
