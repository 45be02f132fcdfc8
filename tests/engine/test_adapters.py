"""Adapters as PEFT writes them down, against the trainable parameters that it prints."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import CalculatorError, LoraConfig, calculate_memory, max_batch_size
from llm_memory_calculator.errors import ArgumentError, InvalidFileError
from llm_memory_calculator.path_patterns import path_pattern

from ..rows import each

LLAMA_2, LLAMA_3, GPT_OSS = "meta-llama/Llama-2-7b-hf", "meta-llama/Meta-Llama-3-8B", "openai/gpt-oss-20b"
QWEN_VL = "Qwen/Qwen2.5-VL-7B-Instruct"
MT0_LARGE = {
    "model_type": "mt5", "d_model": 1024, "d_kv": 64, "d_ff": 2816, "num_heads": 16, "num_layers": 24,
    "num_decoder_layers": 24, "vocab_size": 250112, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}  # fmt: skip
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# an adapter_config.json as PEFT saves it, whole
SAVED: dict[str, Any] = {
    "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": LLAMA_2, "bias": "none", "corda_config": None,
    "eva_config": None, "exclude_modules": None, "fan_in_fan_out": False, "inference_mode": True,
    "init_lora_weights": True, "layer_replication": None, "layers_pattern": None, "layers_to_transform": None,
    "loftq_config": {}, "lora_alpha": 16, "lora_bias": False, "lora_dropout": 0.05, "megatron_config": None,
    "megatron_core": "megatron.core", "modules_to_save": None, "peft_type": "LORA", "qalora_group_size": 16, "r": 8,
    "rank_pattern": {}, "revision": None, "target_modules": ["v_proj", "q_proj"], "target_parameters": None,
    "task_type": "CAUSAL_LM", "trainable_token_indices": None, "use_dora": False, "use_qalora": False,
    "use_rslora": False,
}  # fmt: skip


def values(model: Any, adapter: Any, **more: Any) -> float:
    """Values of the adapter, which are in 16 bits."""
    return calculate_memory(model, lora_config=adapter, **more).lora_adapter_memory_bytes / 2


# Of PEFT's print_trainable_parameters: its README (mt0-large), alpaca-lora (Llama 7B, q and v), QLoRA recipes of
# Llama-2 and Llama-3, OpenAI's cookbook (gpt-oss, experts of three layers)
@pytest.mark.parametrize(
    ("model", "adapter", "parameters"),
    [
        (MT0_LARGE, {"r": 8, "target_modules": ["q", "v"]}, 2_359_296),
        (LLAMA_2, SAVED, 4_194_304),
        (LLAMA_2, {"r": 16, "target_modules": LINEAR}, 39_976_960),
        (LLAMA_3, {"r": 16, "target_modules": LINEAR}, 41_943_040),
        (
            GPT_OSS,
            {
                "r": 8,
                "target_modules": "all-linear",
                "target_parameters": [
                    f"{layer}.mlp.experts.{name}" for layer in (7, 15, 23) for name in ("gate_up_proj", "down_proj")
                ],
            },
            15_040_512,
        ),
    ],
)
def test_an_adapter_has_the_parameters_that_peft_prints(model: Any, adapter: dict[str, Any], parameters: int) -> None:
    assert values(model, {"peft_type": "LORA", **adapter}) == parameters


QV = 32 * 2 * 8 * (4096 + 4096)


@each(
    ("changes", "expected"),
    [
        ({"alpha_pattern": {"q_proj": 64}}, QV),
        ({"rank_pattern": {"q_proj": 32}}, QV // 2 * 5),
        ({"rank_pattern": {"model.layers.0.self_attn.q_proj": 32}}, QV + 24 * 8192),
        ({"rank_pattern": {"^model.layers.1.self_attn.q_proj": 16, "v_proj": 4}}, QV - 32 * 4 * 8192 + 8 * 8192),
        (
            {"rank_pattern": {f"model.layers.{layer}.self_attn.v_proj": 1 + layer for layer in range(32)}},
            QV // 2 + 4325376,
        ),
        ({"rank_pattern": {r"layers\.[0-3]\..*": 16}}, QV + 4 * 2 * 8 * 8192),
        ({"layers_to_transform": [0, 1, 5]}, QV * 3 // 32),
        ({"layers_to_transform": 31, "layers_pattern": "layers"}, QV // 32),
        ({"exclude_modules": ["v_proj"]}, QV // 2),
        ({"exclude_modules": r".*layers\.\d\..*"}, QV * 22 // 32),
        ({"target_modules": r".*\.self_attn\.(q|v)_proj"}, QV),
        ({"target_modules": r"model\.layers\.(2[0-9]|3[01])\.self_attn\.[qv]_proj"}, QV * 12 // 32),
        ({"target_modules": ["model.layers.3.self_attn.q_proj"]}, 8 * 8192),
        ({"target_modules": ["q_proj", "lm_head"]}, QV // 2 + 8 * (4096 + 32000)),
        ({"target_modules": ["q_proj", "embed_tokens"]}, QV // 2 + 8 * (4096 + 32000)),
        ({"modules_to_save": ["embed_tokens", "lm_head"]}, QV + 2 * 32000 * 4096),
        ({"modules_to_save": ["input_layernorm"]}, QV + 32 * 4096),
        ({"use_dora": True}, QV + 32 * 2 * 4096),
        ({"lora_bias": True}, QV + 32 * 2 * 4096),
        ({"trainable_token_indices": [1, 2, 3]}, QV + 3 * 4096),
        ({"trainable_token_indices": {"embed_tokens": [7]}}, QV + 4096),
        ({"bias": "all"}, QV),  # Llama has none
        ({"target_modules": {"q_proj", "v_proj"}}, QV),
    ],
)
def test_each_field_has_the_size_that_peft_gives_it(changes: dict[str, Any], expected: int) -> None:
    assert values(LLAMA_2, SAVED | changes) == expected


def test_biases_are_kept_of_the_targets_or_of_all() -> None:
    model = "Qwen/Qwen2.5-7B"
    adapter = {"r": 8, "target_modules": ["q_proj", "o_proj"]}
    plain = values(model, adapter)
    # q, k and v have biases: 3,584 and twice 512 in each of 28 layers
    assert values(model, adapter | {"bias": "lora_only"}) - plain == 28 * 3584
    assert values(model, adapter | {"bias": "all"}) - plain == 28 * (3584 + 1024)


def test_a_pattern_chooses_between_language_and_tower() -> None:
    text_only = values(QWEN_VL, {"r": 8, "target_modules": r"^(?!.*visual).*(?:q_proj|k_proj|v_proj|o_proj)$"})
    # 28 layers: q and o 3,584 x 3,584, k and v 3,584 x 512
    assert text_only == 28 * 8 * 2 * (3584 + 3584 + 3584 + 512)
    # the pattern of Unsloth for all layers of a vision model
    parts = "(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense)"
    tags, ends = "(?:vision|image|visual|patch|language|text)", "(?:qkv|proj|q_proj|k_proj|v_proj|o_proj)"
    everything = rf"(?:.*?{tags}.*?{parts}.*?{ends}.*?)|(?:\bmodel\.layers\.[\d]{{1,}}\.{parts}\.(?:{ends}))"
    # and 32 blocks of the tower: qkv 1,280 x 3,840 and proj 1,280 x 1,280
    tower = 32 * 8 * (1280 + 3840 + 1280 + 1280)
    assert values(QWEN_VL, {"r": 8, "target_modules": everything}) >= text_only + tower


@pytest.mark.parametrize("tensor_parallel", [1, 2, 8])
def test_ranks_share_it_as_they_share_any_adapter(tensor_parallel: int) -> None:
    own = LoraConfig(rank=8, target_modules=LINEAR, max_loras=3)
    peft = {"r": 8, "target_modules": LINEAR, "max_loras": 3}
    assert values(LLAMA_3, peft, tensor_parallel=tensor_parallel) == values(
        LLAMA_3, own, tensor_parallel=tensor_parallel
    )
    staged = values(LLAMA_3, peft, tensor_parallel=tensor_parallel, pipeline_parallel=4)
    assert staged == values(LLAMA_3, own, tensor_parallel=tensor_parallel, pipeline_parallel=4)


def test_how_many_there_are_is_said_beside_it() -> None:
    one = values(LLAMA_2, SAVED)
    assert values(LLAMA_2, SAVED, max_loras=5) == values(LLAMA_2, SAVED | {"max_loras": 5}) == 5 * one
    assert values(LLAMA_2, SAVED, lora_dtype="fp32") == 2 * one
    # an engine's slot of rank 16
    assert values(LLAMA_2, SAVED, max_lora_rank=16) == 2 * one
    assert values(LLAMA_2, SAVED | {"enabled": False}) == 0
    with pytest.raises(ArgumentError, match="max_lora_rank 4 is less than the adapter's rank, 8"):
        calculate_memory(LLAMA_2, lora_config=SAVED, max_lora_rank=4)
    with pytest.raises(ArgumentError, match="Give lora_config or target_modules"):
        calculate_memory(LLAMA_2, lora_config=SAVED, target_modules="q_proj")
    with pytest.raises(ArgumentError, match="max_loras stands in lora_config too"):
        calculate_memory(LLAMA_2, lora_config=SAVED | {"max_loras": 1}, max_loras=2)


def test_it_is_read_from_a_folder_and_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps(SAVED))
    for place in (str(tmp_path), tmp_path, str(file), file):
        assert values(LLAMA_2, place) == QV
    assert max_batch_size(LLAMA_2, memory_gb=24, lora_config=tmp_path).lora_adapter_memory_bytes == 2 * QV
    file.write_text("[1]")
    with pytest.raises(InvalidFileError, match=r"is no adapter_config\.json"):
        calculate_memory(LLAMA_2, lora_config=str(tmp_path))
    with pytest.raises(ArgumentError, match=r"the folder .* holds none"):
        calculate_memory(LLAMA_2, lora_config=str(tmp_path.parent))


def test_peft_s_own_object_is_read() -> None:
    @dataclass
    class LoraConfigOfPeft:
        peft_type: str = "LORA"
        r: int = 8
        target_modules: set[str] = field(default_factory=lambda: {"q_proj", "v_proj"})
        runtime_config: object = field(default_factory=object)

    assert values(LLAMA_2, LoraConfigOfPeft()) == QV


def test_what_was_not_read_or_found_is_said() -> None:
    odd = SAVED | {"target_modules": ["q_proj", "v_proj", "w_pack"], "a_new_field": 3}
    notes = calculate_memory(LLAMA_2, lora_config=odd).notes
    texts = " ".join(note.text for note in notes if note.origin == "warning")
    assert "w_pack" in texts
    assert "a_new_field" in texts


@pytest.mark.parametrize("changes", [{"modules_to_save": ["lm_head"]}, {"use_dora": True}, {"bias": "all"}])
def test_what_vllm_does_not_load_is_said(changes: dict[str, Any]) -> None:
    def told(adapter: dict[str, Any]) -> list[str]:
        notes = calculate_memory(LLAMA_2, lora_config=adapter).notes
        return [note.text for note in notes if note.subject == "lora_config" and note.origin == "warning"]

    assert told(SAVED) == []
    (text,) = told(SAVED | changes)
    assert next(iter(changes)) in text


@dataclass
class Other:
    rank: int = 8


@each(
    ("adapter", "message"),
    [
        (7, "must be an object, or the path of an adapter_config.json"),
        ([SAVED], "must be an object, or the path"),
        (LoraConfig, "must be an object, or the path"),
        (Other(), "must be an object or a LoraConfig"),
        ("no-such-folder", "there is no file 'no-such-folder'"),
        ({"rank": "eight"}, "rank must be a whole number"),
        ({"target_modules": {"q_proj": 1}}, "target_modules must be a name or a list of names"),
        ({"max_lorass": 1}, "Did you mean 'max_loras'"),
        (SAVED | {"peft_type": "IA3"}, "peft_type 'IA3' is not described: only LORA is"),
        (SAVED | {"peft_type": 3}, "peft_type 3 is not described"),
        (SAVED | {"r": 0}, "lora_config's r must be between 1 and 65,536"),
        (SAVED | {"r": None}, "lora_config has no r"),
        (SAVED | {"target_modules": None}, "neither target_modules nor target_parameters"),
        (SAVED | {"target_modules": []}, "target_modules is an empty list"),
        (SAVED | {"target_modules": ["q_projj"]}, "Did you mean 'q_proj'"),
        (SAVED | {"target_modules": "(q_proj"}, "a bracket that is not closed"),
        (SAVED | {"target_modules": "q_proj"}, "is a pattern over whole paths"),
        (SAVED | {"target_modules": "visual.*"}, "matches none of this model"),
        (SAVED | {"target_modules": None, "target_parameters": ["experts.w1"]}, "which no matrix of this model is"),
        (SAVED | {"rank_pattern": ["q_proj"]}, "rank_pattern must be an object of ranks by module"),
        (SAVED | {"rank_pattern": {"q_proj": "x"}}, "rank_pattern must be a whole number"),
        (SAVED | {"layers_to_transform": "all"}, "layers_to_transform must be a whole number"),
        (SAVED | {"modules_to_save": ["score"]}, "modules_to_save names 'score'"),
        (SAVED | {"modules_to_save": 3}, "modules_to_save must be a name or a list of names"),
        (SAVED | {"bias": "some"}, "bias 'some' is not known"),
        (SAVED | {"use_dora": "maybe"}, "use_dora must be True or False"),
        (SAVED | {"trainable_token_indices": 3}, "trainable_token_indices must be a list"),
        (SAVED | {"layer_replication": [[0, 16], [8, 24]]}, "layer_replication is not described"),
        (SAVED | {"use_qalora": True}, "use_qalora is not described"),
    ],
)
def test_what_is_wrong_is_refused_in_a_sentence(adapter: Any, message: str) -> None:
    with pytest.raises(CalculatorError, match=re.escape(message)):
        calculate_memory(LLAMA_2, lora_config=adapter)


def test_experts_are_meant_all_or_none() -> None:
    model = "mistralai/Mixtral-8x7B-v0.1"
    # 8 experts of 4,096 x 14,336 in 32 layers
    assert values(model, {"r": 8, "target_modules": ["w1"]}) == 32 * 8 * 8 * (4096 + 14336)
    assert values(model, {"r": 8, "target_modules": r".*experts\.\d+\.w1"}) == 32 * 8 * 8 * (4096 + 14336)
    with pytest.raises(ArgumentError, match="names single experts"):
        calculate_memory(model, lora_config={"r": 8, "target_modules": r".*experts\.(0|3)\.w1"})


@each(
    "expression",
    [
        r".*\.(q_proj|v_proj)", r"^(?!.*visual).*(?:q_proj|k_proj)$", r"model\.layers\.([0-9]|1[0-5])\..*[qkv]_proj",
        r"[^.]+\.layers\.\d{1,2}\.mlp\.(?:gate|up)_proj", r"(?=model).*?proj\b", r"\w+(\.\w+)*", r"[]a-]+", "",
        r"(?P<name>lm)_head|x{2,}", r"\S{3,9}", r"[^\d\s.]+", r"\Amodel\..*\Z",
    ],
)  # fmt: skip
def test_a_pattern_matches_what_re_matches(expression: str) -> None:
    paths = [f"model.layers.{index}.self_attn.q_proj" for index in (0, 9, 15, 16, 120)]
    paths += ["model.visual.blocks.0.attn.k_proj", "model.layers.3.mlp.up_proj", "lm_head", "xxx", "]a-", "", "a b"]
    pattern = path_pattern(expression, "target_modules")
    assert [pattern.fullmatch(path) for path in paths] == [bool(re.fullmatch(expression, path)) for path in paths]


@pytest.mark.parametrize(
    "expression",
    ["(a*)*b", "((a+)+)+b", "(a|a)*b", "(?:(?:){9999}){9999}b", "a{0,9999}a{0,9999}a{0,9999}b", ".*.*.*.*.*.*.*b"],
)
def test_no_pattern_runs_for_long(expression: str) -> None:
    # with re, most of these take longer than anyone waits
    assert not path_pattern(expression, "target_modules").fullmatch("a" * 200)


@pytest.mark.parametrize("expression", ["(" * 100 + ")" * 100, "a" * 3000, r"(a)\1", "((((a*)*)*)*)*", "(?<=a)b", "[a"])
def test_a_pattern_that_is_not_described_is_refused(expression: str) -> None:
    with pytest.raises(ArgumentError, match="target_modules"):
        path_pattern(expression, "target_modules")


def test_no_restriction_to_layers_is_an_empty_list_too() -> None:
    adapter = {"peft_type": "LORA", "r": 16, "target_modules": ["q_proj", "v_proj"]}
    assert values(LLAMA_3, {**adapter, "layers_to_transform": []}) == values(LLAMA_3, adapter)
    for left in ({"layers_to_transform": [40]}, {"exclude_modules": ["q_proj", "v_proj"]}):
        with pytest.raises(
            ArgumentError, match=r"layers_to_transform \(this model has layers 0 to 31\).*exclude_modules"
        ):
            values(LLAMA_3, {**adapter, **left})
    report = calculate_memory(LLAMA_3, lora_config={**adapter, "exclude_modules": ["q_proj"]})
    assert not [note for note in report.notes if note.subject == "target_modules" and note.origin == "warning"]


def test_adapters_of_a_checkpoint_stored_in_32_bits_are_served_in_16() -> None:
    # gemma-2-9b is stored in fp32: 42 layers, 3,584 to 16 heads of 256, rank 16
    report = calculate_memory("google/gemma-2-9b", max_loras=1, target_modules=["q_proj"])
    assert report.lora_adapter_memory_bytes == 2 * 16 * 42 * (3584 + 4096)


def test_no_adapter_is_on_the_decoder_of_images() -> None:
    # SDXL's U-Net has 10 blocks of 640 channels and 60 of 1,280, each with two attentions
    adapter = {"r": 16, "target_modules": ["to_q"]}
    assert values("stabilityai/stable-diffusion-xl-base-1.0", adapter) == 16 * 2 * (10 * 1280 + 60 * 2560)


def test_all_is_what_people_write_for_every_projection() -> None:
    """800 million of rank 64 on all layers of Llama-2-70B (turboderp/exllama issue 180)."""
    asked = {"max_loras": 1, "max_lora_rank": 64}
    found = calculate_memory("meta-llama/Llama-2-70b-hf", target_modules="all", **asked)
    assert found == calculate_memory("meta-llama/Llama-2-70b-hf", target_modules="all-linear", **asked)
    assert 1.55e9 < found.lora_adapter_memory_bytes < 1.75e9
