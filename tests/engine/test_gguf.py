"""GGUF: the bits of every type, and the mixes of llama-quantize against the sizes of published files."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import UnknownFormatError, UnknownModelError, calculate_memory, load_model
from llm_memory_calculator.formats.gguf import formats, mix_of_file, mixes
from llm_memory_calculator.formats.numerics import FORMATS, GGML_TYPES, kv_bits
from llm_memory_calculator.formats.scheme import stored_bytes

from ..rows import each


@pytest.mark.parametrize("name", GGML_TYPES)
def test_a_type_has_the_block_and_the_bytes_that_ggml_gives_it(name: str) -> None:
    gguf = pytest.importorskip("gguf")
    number, block, size, bits = GGML_TYPES[name]
    assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(number)] == (block, size)
    assert bits <= 8 * size / block
    assert kv_bits(FORMATS[name]) == pytest.approx(8 * size / block)


def test_no_type_of_ggml_is_left_out() -> None:
    gguf = pytest.importorskip("gguf")
    known = {number for number, _, _, _ in GGML_TYPES.values()}
    # types that the package got after this table are an error in a file, not a wrong size
    assert {int(kind) for kind in gguf.GGML_QUANT_SIZES if int(kind) <= 41} <= known


# Sizes of published files in GB (1e9 bytes), as their pages state them: TheBloke for Llama 2 (of 2023), bartowski,
# unsloth and ggml-org for the others. A file has a vocabulary and metadata besides, up to 8 MB here.
PUBLISHED = {
    "meta-llama/Llama-2-7b-hf": {
        "q3_k_s": 2.95,
        "q3_k_m": 3.30,
        "q3_k_l": 3.60,
        "q4_0": 3.83,
        "q4_k_s": 3.86,
        "q4_k_m": 4.08,
        "q5_0": 4.65,
        "q5_k_s": 4.65,
        "q5_k_m": 4.78,
        "q6_k": 5.53,
        "q8_0": 7.16,
    },
    "meta-llama/Meta-Llama-3-8B": {
        "iq1_s": 2.02,
        "iq1_m": 2.16,
        "iq2_xxs": 2.40,
        "iq2_xs": 2.61,
        "iq2_s": 2.76,
        "iq2_m": 2.95,
        "q2_k": 3.18,
        "iq3_xxs": 3.27,
        "iq3_xs": 3.52,
        "q3_k_s": 3.66,
        "iq3_s": 3.68,
        "iq3_m": 3.78,
        "q3_k_m": 4.02,
        "q3_k_l": 4.32,
        "iq4_xs": 4.45,
        "iq4_nl": 4.68,
        "q4_k_s": 4.69,
        "q4_k_m": 4.92,
        "q5_k_s": 5.60,
        "q5_k_m": 5.73,
        "q6_k": 6.60,
        "q8_0": 8.54,
    },
    "meta-llama/Llama-3.1-70B": {
        "q2_k": 26.38,
        "q3_k_s": 30.91,
        "iq3_m": 31.94,
        "q3_k_m": 34.27,
        "q3_k_l": 37.14,
        "iq4_xs": 37.90,
        "q4_k_s": 40.35,
        "q4_k_m": 42.52,
        "q5_k_s": 48.66,
        "q5_k_m": 49.95,
        "q6_k": 57.89,
        "q8_0": 74.98,
    },
    "Qwen/Qwen2.5-7B-Instruct": {"q2_k": 3.02, "q3_k_m": 3.81, "q4_k_m": 4.68, "q6_k": 6.25, "q8_0": 8.10},
    "Qwen/Qwen2.5-72B-Instruct": {"q3_k_m": 37.70, "q4_k_m": 47.42, "q6_k": 64.35},
    "Qwen/Qwen3-8B": {"q4_k_m": 5.03, "q8_0": 8.71},
    "Qwen/Qwen3-30B-A3B": {"q4_k_m": 18.56, "q6_k": 25.09, "q8_0": 32.48},
    "microsoft/Phi-3-mini-4k-instruct": {"q3_k_m": 1.96, "q4_k_m": 2.39, "q5_k_m": 2.82, "q6_k": 3.14, "q8_0": 4.06},
    "microsoft/phi-4": {"q4_k_m": 9.05, "q8_0": 15.58},
    "google/gemma-2-9b-it": {"q3_k_m": 4.76, "q4_k_m": 5.76, "q6_k": 7.59, "q8_0": 9.83},
    "google/gemma-2-27b-it": {"q4_k_m": 16.65, "q6_k": 22.34, "q8_0": 28.94},
    "mistralai/Mistral-7B-v0.3": {"iq4_xs": 3.91, "q4_k_m": 4.37},
    "mistralai/Mixtral-8x7B-v0.1": {"q4_k_m": 28.45, "q8_0": 49.62},
    "deepseek-ai/DeepSeek-V2-Lite": {"q4_k_m": 10.36, "q6_k": 14.07, "q8_0": 16.70},
    "deepseek-ai/DeepSeek-V3": {"q4_k_m": 404.43, "q8_0": 713.29},
    "openai/gpt-oss-20b": {"mxfp4_moe": 12.11},
}


@each(
    ("model", "mix", "size"), [(model, mix, size) for model, sizes in PUBLISHED.items() for mix, size in sizes.items()]
)
def test_a_mix_has_the_size_of_the_published_file(model: str, mix: str, size: float) -> None:
    report = calculate_memory(model, precision=mix)
    assert report.weight_memory_bytes / 1e9 == pytest.approx(size, rel=5e-3)
    assert (report.precision, report.kv_precision) == (mix, "fp16")


# TheBloke's files are of before January 2024, when llama.cpp's q2_k was larger and experts had no rules
@each(
    ("model", "mix", "size"),
    [
        ("meta-llama/Llama-2-7b-hf", "q2_k", 2.83),
        ("meta-llama/Llama-2-13b-hf", "q2_k", 5.43),
        ("meta-llama/Llama-2-70b-hf", "q2_k", 29.28),
        ("mistralai/Mistral-7B-v0.1", "q2_k", 3.08),
        ("mistralai/Mixtral-8x7B-v0.1", "q2_k", 15.64),
        ("mistralai/Mixtral-8x7B-v0.1", "q3_k_m", 20.36),
        ("mistralai/Mixtral-8x7B-v0.1", "q4_k_m", 26.44),
        ("mistralai/Mixtral-8x7B-v0.1", "q5_k_m", 32.23),
        ("mistralai/Mixtral-8x7B-v0.1", "q6_k", 38.38),
    ],
)
def test_a_mix_of_2023_has_the_size_of_the_published_file(model: str, mix: str, size: float) -> None:
    quantization = {"quant_method": "gguf", "mix": mix, "before_2024": True}
    config = dict(load_model(model).config.values) | {"quantization_config": quantization}
    assert calculate_memory(config).weight_memory_bytes / 1e9 == pytest.approx(size, rel=2e-3)


@pytest.mark.parametrize(
    ("spelled", "mix"),
    [("Q4_K_M", "q4_k_m"), (" q4-k-m ", "q4_k_m"), ("Q4_K", "q4_k_m"), ("q3_k", "q3_k_m"), ("q5_K", "q5_k_m")],
)
def test_a_mix_may_be_spelled_as_people_do(spelled: str, mix: str) -> None:
    assert calculate_memory("llama3_8b", precision=spelled).precision == mix


@pytest.mark.parametrize("precision", ["q4_k_n", "q4_k_xl", "q9_0", "iq4"])
def test_an_unknown_mix_names_the_nearest(precision: str) -> None:
    with pytest.raises(UnknownFormatError, match=r"Did you mean '.*q.*'.*Accepted: .*q4_k_m"):
        calculate_memory("llama3_8b", precision=precision)


def test_the_mix_of_a_file_is_told_by_its_number() -> None:
    assert mix_of_file(15) == "q4_k_m"
    assert mix_of_file(7) == "q8_0"
    assert [mix_of_file(other) for other in (None, 999, "15", True)] == [None, None, None, "gguf_f16"]


def test_the_layers_that_get_more_bits_are_the_outer_eighths_and_every_third() -> None:
    found = formats(load_model("meta-llama/Llama-2-7b-hf").architecture, "q4_k_m")
    more = [n for n in range(32) if found[f"model.layers.{n}.mlp.down_proj"].name == "q6_k"]
    assert more == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]
    assert found["model.layers.0.mlp.up_proj"].name == "q4_k"
    assert found["model.layers.0.input_layernorm"].name == "fp32"
    assert (found["model.embed_tokens"].name, found["lm_head"].name) == ("q4_k", "q6_k")


def test_a_tied_table_has_the_head_s_format() -> None:
    found = formats(load_model("google/gemma-2-2b").architecture, "q4_k_m")
    assert found["model.embed_tokens"].name == "q6_k"


def test_a_matrix_whose_inputs_fill_no_block_falls_back() -> None:
    found = formats(load_model("Qwen/Qwen2.5-0.5B").architecture, "q4_k_m")
    assert {form.name for form in found.values()} <= {"fp32", "q5_0", "q8_0", "q4_k", "q6_k"}
    assert found["model.layers.0.self_attn.q_proj"].name == "q5_0"  # 896 inputs are no multiple of 256


def test_routers_stay_in_32_bits_and_gpt_oss_keeps_its_experts() -> None:
    found = formats(load_model("openai/gpt-oss-20b").architecture, "q4_k_m")
    assert found["model.layers.0.mlp.router"].name == "fp32"
    assert found["model.layers.0.mlp.experts.0.up_proj"].name == "mxfp4"


@pytest.mark.parametrize(("name", "bits"), [("q8_0", 8.5), ("q4_0", 4.5), ("Q5_1", 6.0), ("iq4_nl", 4.5)])
def test_a_cache_may_have_the_types_that_llama_cpp_offers(name: str, bits: float) -> None:
    plain = calculate_memory("llama3_8b", precision="q4_k_m", seq_length=8192)
    report = calculate_memory("llama3_8b", precision="q4_k_m", kv_precision=name, seq_length=8192)
    assert report.kv_cache_bytes == plain.kv_cache_bytes * bits / 16


def test_a_mix_is_no_format_of_a_cache() -> None:
    with pytest.raises(UnknownFormatError, match=r"kv_precision 'q4_k_m' is not known.*q4_0"):
        calculate_memory("llama3_8b", kv_precision="q4_k_m")


@pytest.mark.parametrize("tensor", [2, 4, 8])
def test_ranks_share_the_matrices_and_repeat_the_norms(tensor: int) -> None:
    whole = calculate_memory("llama3_70b", precision="q4_k_m").weight_memory_bytes
    norms = 161 * 8192 * 4
    rank = calculate_memory("llama3_70b", precision="q4_k_m", tensor_parallel=tensor).weight_memory_bytes
    assert tensor * rank == whole + (tensor - 1) * norms


def test_stages_add_up_to_the_whole_and_a_copy_of_a_tied_table() -> None:
    found = calculate_memory("google/gemma-2-2b", precision="q4_k_m", pipeline_parallel=2)
    whole = calculate_memory("google/gemma-2-2b", precision="q4_k_m").weight_memory_bytes
    assert whole / 2 < found.weight_memory_bytes < whole


LADDERS = [
    ["q4_0", "q5_0", "q8_0", "gguf_f16", "gguf_f32"],
    ["q3_k_s", "q3_k_m", "q3_k_l", "q5_k_m"],
    ["q4_k_s", "q4_k_m", "q5_k_m", "q6_k", "q8_0"],
]
SIZES = st.integers(1, 24).map(lambda count: 32 * count)


@given(
    hidden=SIZES,
    width=SIZES,
    layers=st.integers(8, 24),
    vocabulary=st.integers(1, 5000),
    tied=st.booleans(),
    kv=st.sampled_from([1, 2, 4, 8]),
)
def test_a_wider_mix_is_never_smaller(
    hidden: int, width: int, layers: int, vocabulary: int, tied: bool, kv: int
) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": 8,
        "num_key_value_heads": kv,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        "torch_dtype": "float16",
    }
    model = load_model(config)
    for ladder in LADDERS:
        sizes = [stored_bytes(model.architecture, model.formats(mix, None).scheme) for mix in ladder]
        assert sizes == sorted(sizes)


@pytest.mark.parametrize("mix", mixes())
def test_every_mix_is_counted_for_every_shape_of_model(mix: str) -> None:
    for model in ("mixtral_8x7b", "deepseek-ai/DeepSeek-V2-Lite", "falcon-7b", "gpt2"):
        report = calculate_memory(model, precision=mix)
        bits = 8 * report.weight_memory_bytes / report.parameter_count
        assert 1.5 < bits <= 32.5


def test_a_table_by_layers_is_quantised_like_the_vocabulary_s() -> None:
    # google/gemma-3n-E4B-it: its GGUF of the text model alone has 7.35 GB at Q8_0, and towers are counted in fp16 here
    report = calculate_memory("google/gemma-3n-E4B", precision="q8_0")
    architecture = load_model("google/gemma-3n-E4B").architecture
    towers = sum(
        2 * layer.repeat * weight.size
        for layer in architecture.towers
        for operator in layer.operators
        for weight in operator.weights()
    )
    assert (report.weight_memory_bytes - towers) / 1e9 == pytest.approx(7.35, rel=0.015)


def test_a_decoder_beside_a_tower_is_mixed_as_it_is_alone() -> None:
    # llama.cpp writes the decoder of InternVL3-78B, which is Qwen2.5-72B's, as a qwen2, and its tower elsewhere
    alone = formats(load_model("Qwen/Qwen2.5-72B").architecture, "q3_k_m")
    beside = formats(load_model("OpenGVLab/InternVL3-78B").architecture, "q3_k_m")
    layers = [name for name in alone if name.startswith("model.layers.") and not name.endswith(".bias")]
    assert layers
    assert {alone[name] == beside[f"language_model.{name}"] for name in layers} == {True}
    assert alone["model.layers.40.self_attn.v_proj"].name == "q5_k"


# --- ik_llama.cpp's own --------------------------------------------------------------------------------------------


# GiB of a Llama of 8B in each, as its llama-bench prints them (ikawrakow/ik_llama.cpp, a discussion of May 2025), and
# the bits a weight that its llama-quantize prints (examples/quantize/quantize.cpp).
@each(
    ("mix", "gib", "bits"),
    [
        ("iq2_k", 2.53, 2.375),
        ("iq3_k", 3.37, 3.44),
        ("iq4_ks", 4.16, 4.25),
        ("iq4_k", 4.37, 4.5),
        ("iq5_ks", 4.95, 5.25),
        ("iq5_k", 5.16, 5.5),
        ("iq6_k", 6.19, 6.6),
    ],
)
def test_mixes_of_ik_llama_cpp_have_the_sizes_that_it_prints(mix: str, gib: float, bits: float) -> None:
    report = calculate_memory("meta-llama/Llama-3.1-8B", precision=mix)
    assert report.weight_memory_bytes / 2**30 == pytest.approx(gib, rel=0.01)
    assert FORMATS[mix].bits_per_weight() == pytest.approx(bits, abs=0.03)
    assert report.engine.startswith("ik_llama.cpp")


def test_a_mix_of_ik_llama_cpp_is_loaded_by_no_other() -> None:
    report = calculate_memory("meta-llama/Llama-3.1-8B", precision="IQ3_K", hardware="RTX_4090", engine="llama_cpp")
    assert any("loaded by ik_llama_cpp alone" in note.text for note in report.notes)


def test_a_file_of_a_recipe_is_not_taken_for_the_mix_of_its_name() -> None:
    with pytest.raises(UnknownModelError, match="recipe of its maker's own; precision 'iq4_ks' of that id counts"):
        calculate_memory("ubergarm/Qwen3-30B-A3B-GGUF:IQ4_KS")


def test_a_format_that_is_not_known_is_refused_with_the_nearest_few() -> None:
    with pytest.raises(UnknownFormatError) as caught:
        calculate_memory("meta-llama/Llama-3.1-8B", precision="iq7_k")
    said = str(caught.value)
    assert "Did you mean 'iq" in said
    assert len(said) < 400
