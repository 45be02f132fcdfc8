"""Which weights a quantiser's names mean: bytes by hand from the shapes of Llama-3.1-8B and the quantiser's layout."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import ConfigError, MemoryReport, calculate_memory, load_model

from ..rows import each

B: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
MLP, ONE = 3 * 4096 * 14336, 4096 * 14336  # a layer's, one matrix of it
ATTENTION = 2 * 4096 * 4096 + 2 * 4096 * 1024
LINEAR = 32 * (MLP + ATTENTION)
HEAD = 128256 * 4096
NORMS = 65 * 4096
INT4 = 4 + 16 / 128  # compressed-tensors: a 16-bit scale a group of 128
GPTQ = 4 + 20 / 128  # and a zero point of 4 bits; without the group index of each input
MLX = 4 + 32 / 64


def report(**quantization: Any) -> MemoryReport:
    return calculate_memory({**B, "quantization_config": quantization})


def size(**quantization: Any) -> int:
    return report(**quantization).weight_memory_bytes


def warnings(found: MemoryReport) -> str:
    return "\n".join(note.text for note in found.notes if note.origin == "warning")


def compressed(*ignore: str, targets: list[str] | None = None) -> MemoryReport:
    weights = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": True}
    groups = {"group_0": {"targets": targets or ["Linear"], "weights": weights}}
    return report(quant_method="compressed-tensors", ignore=["lm_head", *ignore], config_groups=groups)


def by_hand(left_alone: int) -> int:
    return int(((LINEAR - left_alone) * INT4 + left_alone * 16) / 8) + 2 * (2 * HEAD + NORMS)


UP_31 = [f"model.layers.31.mlp.{part}" for part in ("gate_proj", "up_proj", "down_proj")]


@each(
    ("ignore", "left_alone"),
    [
        # a plain name is that module and not what is in it
        (["model.layers.0.mlp"], 0),
        (["model.layers.0.mlp.up_proj"], ONE),
        (["language_model.model.layers.0.mlp.up_proj"], ONE),
        (["model.language_model.layers.0.mlp.up_proj"], ONE),
        (["layers.0.mlp.up_proj"], ONE),
        # as an engine fuses them, and as a library wraps them
        (["model.layers.0.mlp.gate_up_proj"], 2 * ONE),
        (["model.layers.0.self_attn.qkv_proj"], 4096 * (4096 + 2 * 1024)),
        (["model.layers.0.mlp.up_proj.linear"], ONE),
        (["model.layers.0.mlp.up_proj.weight"], ONE),
        # regexes from the begin of a name, of single layers too
        ([r"re:.*layers\.(0|1)\.mlp\..*"], 2 * MLP),
        ([r"re:.*layers\.30\.mlp\..*"], MLP),
        ([r"re:.*layers\.[0-9]\.mlp\..*"], 10 * MLP),
        ([r"re:.*layers\.(?:[12][0-9])\.self_attn\..*"], 20 * ATTENTION),
        ([r"re:model\.layers\.\d\.mlp\.up_proj$"], 10 * ONE),
        ([r"re:layers\.3\.mlp.*"], MLP),
        ([r"re:language_model\.model\.layers\.3\.mlp.*"], MLP),
        ([r"re:.*mlp\.up_proj\.linear$"], 32 * ONE),
        ([r"re:.*self_attn.*"], 32 * ATTENTION),
        # twice the same is once
        ([r"re:.*layers\.31\.mlp\..*", *UP_31], MLP),
    ],
)
def test_names_that_compressed_tensors_ignores(ignore: list[str], left_alone: int) -> None:
    assert compressed(*ignore).weight_memory_bytes == by_hand(left_alone)


@pytest.mark.parametrize(
    ("targets", "quantised"),
    [
        ([r"re:.*layers\.(4|5)\.mlp\..*"], 2 * MLP),
        (["model.layers.7.mlp.up_proj", "model.layers.8.mlp.up_proj"], 2 * ONE),
        (["Linear", r"re:.*mlp.*"], LINEAR),
    ],
)
def test_names_that_compressed_tensors_targets(targets: list[str], quantised: int) -> None:
    assert compressed(targets=targets).weight_memory_bytes == by_hand(LINEAR - quantised)


@pytest.mark.parametrize(
    "names",
    [
        ["model.layers.0.mlp"],
        ["re:.*experts.*"],
        ["model.layers.0.feed_forward.w1", "visual"],
        ["model.layers.*.block_sparse_moe*"],
    ],
)
def test_a_name_that_takes_nothing_is_said(names: list[str]) -> None:
    found = compressed(*names)
    assert f"{len(names)} module(s) that are no weight of this model" in warnings(found)
    assert names[0].split(":")[-1] in warnings(found)


@pytest.mark.parametrize(
    "names", [["lm_head"], ["re:.*mtp.*"], ["model.layers.32.mlp.up_proj"], ["model.layers.0.input_layernorm"]]
)
def test_a_name_of_what_is_never_quantised_is_not_worth_a_word(names: list[str]) -> None:
    assert warnings(compressed(*names)) == ""


@pytest.mark.parametrize("prefix", ["", "model.", "language_model.model.", "model.language_model.", "language_model."])
def test_mlx_s_overrides_hold_under_every_prefix(prefix: str) -> None:
    plain = size(bits=4, group_size=64)
    assert plain == int((LINEAR + 2 * HEAD) * MLX / 8) + 2 * NORMS
    override = {f"{prefix}layers.0.mlp.down_proj": {"bits": 8, "group_size": 64}}
    assert size(bits=4, group_size=64, **override) == plain + ONE // 2
    assert size(bits=4, group_size=64, **{f"{prefix}layers.0.mlp.down_proj": False}) == plain + int(ONE * 11.5 / 8)
    table: dict[str, Any] = {f"{prefix}embed_tokens": {"bits": 6, "group_size": 64}}
    assert size(bits=4, group_size=64, **table) == plain + HEAD // 4


def test_mlx_s_recipes_may_give_the_head_its_own_bits() -> None:
    assert size(bits=4, group_size=64, lm_head={"bits": 6, "group_size": 64}) == 4_648_738_816
    assert size(bits=4, group_size=64, lm_head=False) == size(bits=4, group_size=64) + int(HEAD * 11.5 / 8)


def test_mlx_leaves_towers_in_16_bits_and_quantises_their_projector() -> None:
    config = dict(load_model("google/gemma-3-4b-it").config.values)
    whole = load_model(config).architecture
    tower = sum(
        layer.repeat * weight.parameters
        for layer in whole.towers
        for operator in layer.operators
        for weight in operator.weights()
        if "multi_modal_projector" not in layer.path + weight.name
    )
    four, eight = (
        calculate_memory({**config, "quantization": {"bits": bits, "group_size": 64}}).weight_memory_bytes
        for bits in (4, 8)
    )
    # what doubles between the two is all that is quantised: the rest is the tower and the norms in 16 bits
    quantised = 2 * (eight - four)
    assert whole.parameter_count - quantised == pytest.approx(tower, rel=0.005)


def test_matrices_that_mlx_cannot_group_stay_in_16_bits() -> None:
    # mlx_lm quantises a matrix whose inputs are a multiple of the group
    odd = {**B, "intermediate_size": 14336 + 32, "quantization": {"bits": 4, "group_size": 64}}
    down = 32 * 4096 * (14336 + 32)
    rest = LINEAR - 32 * ONE + 2 * 32 * 4096 * 32 + 2 * HEAD
    assert calculate_memory(odd).weight_memory_bytes == int(rest * MLX / 8) + 2 * (down + NORMS)


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        (".*self_attn.*", 32 * ATTENTION),
        ("self_attn.*", 32 * ATTENTION),
        (r".*layers\.(1|2)\.mlp.*", 2 * MLP),
        ("model.layers.3.mlp.up_proj", ONE),
        ("model.layers.3.mlp.up_proj$", ONE),
    ],
)
def test_auto_round_s_keys_may_be_regexes(key: str, taken: int) -> None:
    plain: dict[str, Any] = {"quant_method": "auto-round", "bits": 4, "group_size": 128}
    own = {"extra_config": {key: {"bits": 16, "data_type": "float"}}}
    assert size(**plain, **own) == size(**plain) + int(taken * (16 - GPTQ) / 8)
    assert size(**plain, extra_config={key: {"bits": 8}}) == size(**plain) + int(taken * (4 + 4 / 128) / 8)


INDEX = 4 * (6 * 4096 + 14336)  # GPTQ's group index of a layer's inputs


@pytest.mark.parametrize(
    ("dynamic", "more"),
    [
        ({r"-:model\.layers\.0\..*": {}}, (MLP + ATTENTION) * (16 - GPTQ) / 8 - INDEX),
        ({r"-:.*\.0\..*": {}}, (MLP + ATTENTION) * (16 - GPTQ) / 8 - INDEX),
        ({r"+:.*\.18\..*gate.*": {"bits": 8}}, ONE * (4 + 4 / 128) / 8),
        ({r".*\.18\..*(gate|up).*": {"bits": 8}}, 2 * ONE * (4 + 4 / 128) / 8),
        ({r"+:.*\.18\..*gate.*": {"group_size": 64}}, ONE * 20 / 128 / 8),
        # the first that matches holds
        ({r"-:.*\.18\..*": {}, r"+:.*\.18\..*gate.*": {"bits": 8}}, (MLP + ATTENTION) * (16 - GPTQ) / 8 - INDEX),
    ],
)
def test_gptq_s_dynamic_takes_single_layers(dynamic: dict[str, Any], more: float) -> None:
    plain: dict[str, Any] = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    assert size(**plain, dynamic=dynamic) == size(**plain) + int(more)


@pytest.mark.parametrize(
    "stated",
    [
        {"quant_method": "bitsandbytes", "load_in_8bit": True},
        {"quant_method": "gptq", "bits": 4, "group_size": 128},
        {"quant_method": "awq", "bits": 4, "group_size": 128},
        {"bits": 4, "group_size": 64},
        {"quant_method": "auto-round", "bits": 4, "group_size": 128, "extra_config": {".*mlp.*": {"bits": 16}}},
        {"quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {"-:.*mlp.*": {}}},
        {"quant_method": "fp8", "modules_to_not_convert": ["model.layers.0"]},
    ],
    ids=lambda stated: str(stated.get("quant_method", "mlx")),
)
def test_what_is_left_alone_is_stored_in_the_config_s_own_format(stated: dict[str, Any]) -> None:
    half, whole = (
        calculate_memory({**B, "torch_dtype": dtype, "quantization_config": stated})
        for dtype in ("bfloat16", "float32")
    )
    quantised = LINEAR if "bits" not in stated or "quant_method" in stated else LINEAR + 2 * HEAD
    left = 2 * HEAD + LINEAR + NORMS - quantised
    if "extra_config" in stated or "dynamic" in stated:
        left += 32 * MLP
    if stated["quant_method" if "quant_method" in stated else "bits"] == "fp8":
        left += MLP + ATTENTION
    # MLX's scales and biases, two a group of 64, are as wide as the weights were
    scales = 2 * 2 * quantised // 64 if "quant_method" not in stated else 0
    assert whole.weight_memory_bytes - half.weight_memory_bytes == 2 * left + scales
    assert whole.kv_precision == "bf16"


INT8_TOKENS = {"num_bits": 8, "type": "int", "dynamic": True}


@pytest.mark.parametrize("layout", ["int-quantized", "naive-quantized"])
def test_few_bits_that_are_not_packed_take_a_byte_each(layout: str) -> None:
    weights = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 128, "symmetric": True}
    group = {"targets": ["Linear"], "weights": weights, "input_activations": INT8_TOKENS}
    found = size(quant_method="compressed-tensors", format=layout, ignore=["lm_head"], config_groups={"group_0": group})
    assert found == LINEAR + LINEAR // 128 * 2 + 2 * (2 * HEAD + NORMS)


def test_the_order_of_the_inputs_is_stored_where_a_group_has_one() -> None:
    weights = {"num_bits": 4, "type": "int", "group_size": 128, "symmetric": True, "actorder": "group"}
    group = {"targets": ["Linear"], "weights": weights}
    found = size(quant_method="compressed-tensors", ignore=["lm_head"], config_groups={"group_0": group})
    assert found == by_hand(0) + 32 * INDEX


@pytest.mark.parametrize(
    ("stated", "bytes_"),
    [
        # GPTQ's own fields, and MLX's no more than these
        ({"bits": 4, "group_size": 128, "desc_act": False, "sym": True, "damp_percent": 0.01}, 5_732_835_328),
        ({"w_bit": 4, "q_group_size": 128, "zero_point": True}, 5_727_854_592),
        ({"bits": 4, "group_size": 128}, int((LINEAR + 2 * HEAD) * 4.25 / 8) + 2 * NORMS),
        # transformers' bitsandbytes: a float32 maximum a block of 64
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, int(LINEAR * 4.5 / 8) + 2 * (2 * HEAD + NORMS)),
        ({"load_in_8bit": True}, 9_086_705_664),
    ],
)
def test_a_method_that_is_not_named_is_told_by_its_fields(stated: dict[str, Any], bytes_: int) -> None:
    assert size(**stated) == bytes_
    assert warnings(report(**stated)) == ""


def test_bitsandbytes_skips_the_head_by_default_alone() -> None:
    plain: dict[str, Any] = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    more = int(HEAD * (16 - 4.5) / 8)
    assert size(**plain, llm_int8_skip_modules=["vision_tower"]) == size(**plain) - more
    assert size(**plain, llm_int8_skip_modules=["lm_head"]) == size(**plain)


def test_what_an_override_of_mlx_leaves_out_is_mlx_s_default() -> None:
    found = size(group_size=32, bits=4, mode="mxfp4", lm_head={"group_size": 64, "bits": 8})
    assert found == int((LINEAR + HEAD) * 4.25 / 8 + HEAD * 8.5 / 8) + 2 * NORMS


def test_a_recipe_for_models_of_every_kind_is_no_news() -> None:
    # llm-compressor's examples of multimodal models list towers, which a text model has none of
    assert "no weight of this model" not in warnings(compressed("re:.*visual.*", "re:.*vision_tower.*"))
    assert "no weight of this model" not in warnings(calculate_memory("llama 3.1 70b fp8"))


@pytest.mark.parametrize("field", ["block_name_to_quantize", "to_quant_block_names"])
@pytest.mark.parametrize("blocks", ["visual.blocks,model.layers", [["visual.blocks", "model.layers"]]])
def test_auto_round_s_blocks_may_be_a_tower_s(field: str, blocks: Any) -> None:
    config = dict(load_model("Qwen/Qwen2-VL-7B-Instruct").config.values)
    plain: dict[str, Any] = {"quant_method": "auto-round", "bits": 4, "group_size": 128}

    def of(**more: Any) -> int:
        return calculate_memory({**config, "quantization_config": {**plain, **more}}).weight_memory_bytes

    # 32 blocks of 1,280: qkv, proj and two matrices of 5,120
    tower = 32 * (4 * 1280 * 1280 + 2 * 1280 * 5120)
    assert of(**{field: blocks}) == of() - int(tower * (16 - GPTQ) / 8)
    assert of(**{field: "model.layers"}) == of()
    alone = calculate_memory({**B, "quantization_config": {**plain, field: "model.visual.blocks"}})
    assert alone.weight_memory_bytes == 16_060_522_496
    assert "no weight of this model" in warnings(alone)
    assert alone.precision == "bf16"


# --- single experts, towers -----------------------------------------------------------------------------------------


def mixture(**quantization: Any) -> int:
    config = dict(load_model("Qwen/Qwen3-30B-A3B").config.values)
    return calculate_memory({**config, "quantization_config": quantization}).weight_memory_bytes


@pytest.mark.parametrize(
    ("dynamic", "experts"),
    [
        ({r"+:.*layers\.0\.mlp\.experts\.7\.up_proj": {"bits": 8}}, 1),
        ({r"+:.*mlp\.experts\.7\.up_proj": {"bits": 8}}, 48),
        ({r"+:.*mlp\.experts\.1[0-9]\.up_proj": {"bits": 8}}, 480),
        ({r"+:.*mlp\.experts\..*\.up_proj": {"bits": 8}}, 48 * 128),
        # any number of it, expert 5 and not layer 5 alone
        ({r"+:.*experts\.5\.up_proj": {"bits": 8}}, 48),
    ],
)
def test_patterns_of_single_experts(dynamic: dict[str, Any], experts: int) -> None:
    plain: dict[str, Any] = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    more = experts * 768 * 2048 * (4 + 4 / 128) / 8
    assert mixture(**plain, dynamic=dynamic) == pytest.approx(mixture(**plain) + more, abs=1)


@pytest.mark.parametrize(
    "pattern", ["model.layers.1.mlp.experts.3.*", "model.layers.1.mlp.experts.3.up*", "*.experts.3.*"]
)
def test_globs_of_single_experts(pattern: str) -> None:
    plain: dict[str, Any] = {"quant_method": "modelopt", "quant_algo": "FP8"}
    matrices = (3 if pattern.endswith("3.*") else 1) * (48 if pattern.startswith("*") else 1)
    # and one float32 scale a matrix less, of which an expert is a part
    assert mixture(**plain, exclude_modules=[pattern]) - mixture(**plain) == pytest.approx(
        matrices * (768 * 2048 - 4), abs=matrices * 4
    )


def test_mlx_names_stacked_experts_its_own_way() -> None:
    plain: dict[str, Any] = {"bits": 4, "group_size": 64}
    own = {"model.layers.0.mlp.switch_mlp.down_proj": {"bits": 8, "group_size": 64}}
    assert mixture(**plain, **own) == mixture(**plain) + 128 * 768 * 2048 // 2
    gate = {"model.layers.0.mlp.gate": {"bits": 8, "group_size": 64}}
    assert mixture(**plain, **gate) == mixture(**plain) + 128 * 2048 // 2


def test_names_deeper_than_a_tower_s_matrices_are_matched() -> None:
    # Gemma 4's tower wraps each projection in a module with limits: q_proj.linear
    config = dict(load_model("google/gemma-4-31B-it").config.values)
    weights = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 32, "symmetric": True}
    base: dict[str, Any] = {
        "quant_method": "compressed-tensors",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
    }

    def with_ignored(*names: str) -> MemoryReport:
        return calculate_memory({**config, "quantization_config": {**base, "ignore": ["lm_head", *names]}})

    place = "model.vision_tower.encoder.layers.0.self_attn.q_proj"
    plain, shallow, deep = with_ignored(), with_ignored(place), with_ignored(f"{place}.linear")
    assert deep.weight_memory_bytes == shallow.weight_memory_bytes > plain.weight_memory_bytes
    assert "no weight of this model" not in warnings(deep)
    assert "no weight of this model" in warnings(with_ignored(f"{place.replace('q_proj', 'r_proj')}.linear"))


def test_hundreds_of_patterns_of_single_experts_are_counted() -> None:
    plain: dict[str, Any] = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    named = [(layer, expert) for layer in range(48) for expert in range(0, 128, 16)]
    dynamic = {rf"+:model\.layers\.{i}\.mlp\.experts\.{e}\.down_proj$": {"bits": 8} for i, e in named}
    more = len(named) * 768 * 2048 * (4 + 4 / 128) / 8
    assert mixture(**plain, dynamic=dynamic) == pytest.approx(mixture(**plain) + more, abs=1)
    extra = {f"model.layers.{i}.mlp.experts.{e}.down_proj": {"bits": 8} for i, e in named}
    rounded: dict[str, Any] = {"quant_method": "auto-round", "bits": 4, "group_size": 128}
    assert mixture(**rounded, extra_config=extra) == pytest.approx(mixture(**rounded) + more, abs=1)


@pytest.mark.parametrize(
    "patterns",
    [
        [rf"re:.*a.*{number}.*b" for number in range(5_000)],
        [f"*{number}*x" for number in range(50_000)],
        [rf"re:.*experts\.{number}\..*x.*y" for number in range(500)],
    ],
    ids=["regexes", "globs", "experts"],
)
def test_patterns_without_end_are_refused(patterns: list[str]) -> None:
    with pytest.raises(ConfigError, match="precision"):
        mixture(quant_method="fp8", modules_to_not_convert=patterns)
