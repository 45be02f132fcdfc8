"""What a checkpoint's quantization_config says about its bytes."""

import pytest

from llm_memory_calculator import (
    ConfigError,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    load_model,
    plan_deployment,
)
from llm_memory_calculator.formats.module_rules import ModulePatterns, Modules
from llm_memory_calculator.formats.numerics import FORMATS
from llm_memory_calculator.operators import Weight

from ..rows import each

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}
LAYERS = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11008)
PLAIN = (2 * 32000 * 4096 + 65 * 4096) * 2


def weights(**quantization: object) -> int:
    return calculate_memory({**LLAMA, "quantization_config": quantization}).weight_memory_bytes


@each(
    ("quantization", "bits"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, 4 + (16 + 4) / 128),
        ({"quant_method": "awq", "bits": 4, "group_size": 64}, 4 + (16 + 4) / 64),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, 8 + 32 / 128**2),
        ({"quant_method": "mxfp4"}, 4 + 8 / 32),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, 4 + 32 / 64),
        (
            {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True},
            4 + 8 / 64 + 32 / (64 * 256),
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "ignore": ["lm_head"],
                "config_groups": {
                    "group_0": {"weights": {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}}
                },
            },
            4 + 16 / 128,
        ),
        (
            {
                "quant_method": "modelopt",
                "ignore": ["lm_head"],
                "config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "float", "group_size": 16}}},
            },
            4 + 8 / 16,
        ),
    ],
)
def test_bits_a_weight_are_those_of_the_format(quantization: dict[str, object], bits: float) -> None:
    assert weights(**quantization) == pytest.approx(LAYERS * bits / 8 + PLAIN, rel=2e-5)


def test_channel_scales_of_fp8_are_counted() -> None:
    channels = 32 * (4 * 4096 + 2 * 11008 + 4096)
    group = {"group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}}
    found = weights(quant_method="compressed-tensors", ignore=["lm_head"], config_groups=group)
    # in the weights' own 16 bits (compressed-tensors, quantization/lifecycle/initialize.py)
    assert found == LAYERS + 2 * channels + PLAIN


def test_gptq_stores_a_group_index_for_each_input() -> None:
    plain = weights(quant_method="awq", bits=4, group_size=128)
    inputs = 32 * (6 * 4096 + 11008)
    assert weights(quant_method="gptq", bits=4, group_size=128) == plain + 4 * inputs


def test_modules_left_out_stay_in_16_bits() -> None:
    everything = weights(quant_method="fp8", weight_block_size=[128, 128])
    kept = weights(quant_method="fp8", weight_block_size=[128, 128], modules_to_not_convert=["model.layers.0.mlp"])
    values = 3 * 4096 * 11008
    assert kept == everything + values - 4 * values // 128**2


def test_head_is_quantised_where_the_quantiser_targets_every_linear() -> None:
    group = {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}
    with_head = weights(quant_method="compressed-tensors", config_groups=group)
    without = weights(quant_method="compressed-tensors", config_groups=group, ignore=["lm_head"])
    assert without - with_head == 32000 * 4096 - 4  # one scale for the whole head


@each(
    ("patterns", "path", "left_out"),
    [
        (["lm_head"], "lm_head", True),
        (["model.layers.*.self_attn"], "model.layers.7.self_attn.q_proj", True),
        (["model.layers.*.self_attn"], "model.layers.7.mlp.gate_proj", False),
        (["gate"], "model.layers.3.mlp.gate", True),
        (["gate"], "model.layers.3.mlp.gate_proj", False),
        (["re:.*mlp.gate$"], "model.layers.3.mlp.gate", True),
        (["re:.*mlp.gate$"], "model.layers.3.mlp.gate_proj", False),
        (["model.layers.1"], "model.layers.1.mlp.up_proj", True),
        (["model.layers.1"], "model.layers.11.mlp.up_proj", False),
        (["model.layers.1*"], "model.layers.11.mlp.up_proj", True),
        (["*.mlp.shared_expert.*"], "model.layers.1.mlp.shared_expert.up_proj", True),
    ],
)
def test_exclusions_match_names_as_quantisers_write_them(patterns: list[str], path: str, left_out: bool) -> None:
    paths = {path.removeprefix("model."): path}
    modules = Modules(
        paths=paths,
        weights=dict.fromkeys(paths, Weight(name=path, rows=8)),
        in_order=sorted(paths),
        of_towers=frozenset(),
    )
    assert (path in ModulePatterns(patterns).taken(modules)[0]) is left_out


# bits a weight as the formats' own documents give them
@pytest.mark.parametrize(
    ("name", "bits"),
    [("mxfp4", 4.25), ("nvfp4", 4.5), ("nf4", 4.5), ("awq", 4.15625), ("int4", 4.125), ("bf16", 16), ("fp32", 32)],
)
def test_formats_have_their_published_bits(name: str, bits: float) -> None:
    assert FORMATS[name].bits_per_weight() == pytest.approx(bits, abs=1e-3)


def test_a_checkpoint_without_a_stated_format_says_what_was_assumed() -> None:
    config = {name: value for name, value in LLAMA.items() if name != "torch_dtype"}
    report = calculate_memory(config)
    assert report.precision == "bf16"
    assert any(note.subject == "torch_dtype" for note in report.notes)


@pytest.mark.parametrize(
    ("stated", "cache"),
    [
        ({"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}, "fp8"),
        ({"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": None}, "fp16"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4", "kv_cache_quant_algo": "NVFP4"}, "nvfp4"),
        ({"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}, "fp8"),
    ],
)
def test_the_cache_that_a_checkpoint_states_is_counted_and_said(stated: dict[str, object], cache: str) -> None:
    # vLLM takes a checkpoint's kv_cache_scheme and modelopt's kv_cache_quant_algo where its own is left at "auto"
    report = calculate_memory({**LLAMA, "quantization_config": stated})
    assert report.kv_precision == cache
    assert any(note.subject == "kv_precision" for note in report.notes) is (cache != "fp16")
    assert calculate_memory({**LLAMA, "quantization_config": stated}, kv_precision="bf16").kv_precision == "bf16"


def test_a_cache_of_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigError, match="KV cache in 'FP6'"):
        weights(quant_method="modelopt", quant_algo="FP8", kv_cache_quant_algo="FP6")


W4A16 = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128}


def compressed(targets: list[str], **more: object) -> int:
    groups = {"group_0": {"targets": targets, "weights": W4A16}}
    return weights(quant_method="compressed-tensors", config_groups=groups, ignore=["lm_head"], **more)


def test_only_the_targets_are_quantised() -> None:
    attention = 32 * 4 * 4096 * 4096
    saved = attention * (16 - 4 - 16 / 128) / 8
    assert compressed([r"re:.*mlp.*"]) == pytest.approx(compressed(["Linear"]) + saved, rel=1e-6)
    table = 32000 * 4096
    assert compressed(["Linear", "Embedding"]) == compressed(["Linear"]) - int(table * (16 - 4 - 16 / 128) / 8)
    assert compressed(["Linear", "re:.*embed_tokens"]) == compressed(["Linear", "Embedding"])
    with pytest.raises(ConfigError, match="'Embedding'"):
        compressed(["Conv1d"])


def test_gptq_s_own_fields_are_read() -> None:
    common = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    plain = weights(**common)
    assert weights(**common, lm_head=True) < plain
    assert weights(**common, modules_in_block_to_quantize=[["self_attn.q_proj"]]) > plain
    # GPTQModel's dynamic leaves what `-:` matches alone, and gives the rest of a pattern its own bits
    assert weights(**common, dynamic={r"-:.*mlp.*": {}}) > plain
    assert weights(**common, dynamic={r"+:.*mlp.*": {"bits": 8}}) > plain
    assert weights(**common, dynamic={r".*nothing.*": {"bits": 8}}) == plain
    with pytest.raises(ConfigError, match="dynamic"):
        weights(**common, dynamic=["mlp"])


@pytest.mark.parametrize(
    "pattern", ["re:" + "a" * 4000 + "(b)*", r"re:(a)\1", "re:(", "re:(a*)*)", r"re:(?P<n>a)(?P=n)"]
)
def test_what_is_no_regex_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="quantization_config"):
        weights(quant_method="fp8", ignore=[pattern])


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("re:(.*)*z$", 0),
        (r"re:(?:(?:\w+)\.)*mlp\.(?:\w+)*$", 32 * 3 * 4096 * 11008),
        (r"re:.*m.*o.*d.*e.*l.*layers\.3\.mlp", 3 * 4096 * 11008),
    ],
)
def test_a_pattern_that_could_run_for_ever_is_matched_in_bounded_time(pattern: str, kept: int) -> None:
    common = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    assert weights(**common, ignore=[pattern]) == weights(**common) + kept - 4 * kept // 128**2


@pytest.mark.parametrize("method", ["gptq", "awq"])
def test_a_group_of_nothing_is_refused(method: str) -> None:
    with pytest.raises(ConfigError, match="group_size"):
        weights(quant_method=method, bits=4, group_size=0)


def test_mixtral_s_experts_are_matched_by_their_names_in_the_checkpoint() -> None:
    config = dict(load_model("mixtral_8x7b").config.values)
    awq = {"quant_method": "awq", "bits": 4, "group_size": 128}

    def size(*kept: str) -> int:
        quantized = {**config, "quantization_config": {**awq, "modules_to_not_convert": list(kept)}}
        return calculate_memory(quantized).weight_memory_bytes

    down = 32 * 8 * 4096 * 14336
    assert size(r"re:.*block_sparse_moe.*w2$") == pytest.approx(size() + down * (16 - 4.15625) / 8, rel=1e-6)
    # one expert of one layer is left in 16 bits
    one = 4096 * 14336 * (16 - 4.15625) / 8
    assert size("model.layers.0.block_sparse_moe.experts.3.w1") == pytest.approx(size() + one, abs=8)
    everyone = [f"model.layers.{layer}.block_sparse_moe.experts.{e}.w2" for layer in range(32) for e in range(8)]
    assert size(*everyone) == size(r"re:.*block_sparse_moe.*w2$")
    # and by a pattern, four of eight
    half = 32 * 4 * 4096 * 14336 * (16 - 4.15625) / 8
    assert size(r"re:.*experts\.[0-3]\.w1") == pytest.approx(size() + half, rel=1e-9)


@pytest.mark.parametrize(("model", "own"), [("openai/gpt-oss-20b", "mxfp4"), ("deepseek_v3", "fp8")])
def test_asking_for_the_checkpoint_s_own_format_changes_nothing(model: str, own: str) -> None:
    assert calculate_memory(model, precision=own).weight_memory_bytes == calculate_memory(model).weight_memory_bytes


def test_a_precision_counts_what_the_checkpoint_s_config_cannot() -> None:
    report = calculate_memory({**LLAMA, "quantization_config": {"quant_method": "quip"}}, precision="int4")
    assert report.precision == "int4"
    assert any(note.origin == "override" and "not read" in note.text for note in report.notes)


@pytest.mark.parametrize(
    "patterns",
    [
        [f"model.layers.{number}*mlp*" for number in range(5000)],
        [f"*{number}*mlp*" for number in range(5000)],
        [rf"re:.*layers\.{number}\..*" for number in range(5000)],
        [f"model.layers.{number}.mlp" for number in range(5000)],
    ],
    ids=["globs by layer", "globs alike", "regexes", "names"],
)
def test_thousands_of_exclusions_are_counted_or_refused_and_never_run_on(patterns: list[str]) -> None:
    config = {**LLAMA, "num_hidden_layers": 1000, "quantization_config": {"quant_method": "fp8", "ignore": patterns}}
    try:
        size = calculate_memory(config).weight_memory_bytes
    except ConfigError as error:
        assert "precision" in str(error)  # noqa: PT017 the one of two outcomes
    else:
        # 1,000 layers in 16 bits of the mlp and 8 of the attention
        assert size > 1000 * (3 * 4096 * 11008 * 2 + 4 * 4096 * 4096)


# vLLM: "Downcasting torch.float32 to torch.bfloat16"; SGLang to float16; whisper.cpp's files are in 16 bits
@pytest.mark.parametrize(
    ("model", "engine", "served"),
    [
        ("openai/whisper-large-v2", "vllm", "bf16"),
        ("openai/whisper-large-v2", "whisper_cpp", "fp16"),
        ("google/flan-t5-xl", "tgi", "fp16"),
        ("google/gemma-2-9b", "sglang", "fp16"),
        ("google/gemma-2-9b", "llama_cpp", "fp16"),
    ],
)
def test_what_is_stored_in_32_bits_is_counted_as_a_named_engine_serves_it(model: str, engine: str, served: str) -> None:
    stored = calculate_memory(model)
    found = calculate_memory(model, engine=engine)
    assert (stored.precision, found.precision) == ("fp32", served)
    assert stored.weight_memory_bytes == pytest.approx(2 * found.weight_memory_bytes, rel=0.01)
    (said,) = [note.text for note in found.notes if note.subject == "precision"]
    assert said.startswith(f"Stored in fp32, served in {served}")
    # who asks for 32 bits gets them, and transformers 5 loads what is stored
    assert calculate_memory(model, engine=engine, precision="fp32").precision == "fp32"
    assert calculate_memory("google/gemma-2-9b", engine="transformers").precision == "fp32"


# 1,557,611,200 parameters (its files' headers): 6.2 GB in 32 bits, 3.1 GB in the 16 that vLLM serves
def test_devices_beside_each_other_and_plans_serve_what_is_stored_in_32_bits_as_one_device_alone_does() -> None:
    alone = estimate_performance("gpt2-xl", "T4", input_tokens=500)
    (row,) = compare_hardware("gpt2-xl", "T4", devices=1, input_tokens=500).rows
    assert row.layout is not None
    assert row.layout.tpot_ms == alone.tpot_ms
    report = plan_deployment("gpt2-xl", hardware="T4", request_rate=0.5, input_tokens=500)
    assert report.asked.formats == ("bf16", "fp8", "int4")
    weights = [plan.weights_gb for plan in report.plans if plan.precision == "bf16" and plan.tensor_parallel == 1]
    assert weights
    assert weights == pytest.approx([3.115] * len(weights), rel=0.01)
    # who allows 32 bits gets them
    asked = plan_deployment("gpt2-xl", hardware="T4", request_rate=0.5, input_tokens=500, formats="fp32")
    assert {plan.precision for plan in asked.plans} == {"fp32"}


@pytest.mark.parametrize(
    ("engine", "asked", "read"),
    [
        ("mlx", "4bit", "mlx_4bit"),
        ("mlx", "8-bit", "mlx_8bit"),
        ("llama_cpp", "4bit", "q4_k_m"),
        ("ollama", "4-bit", "q4_k_m"),
        ("vllm", "4bit", "int4"),
        (None, "4bit", "int4"),
    ],
)
def test_bits_alone_are_of_the_files_that_a_named_engine_reads(engine: str | None, asked: str, read: str) -> None:
    assert calculate_memory("meta-llama/Llama-3.1-8B", precision=asked, engine=engine).precision == read
