"""What a GGUF file's metadata says of a model, as the config that its family reads.

An architecture of llama.cpp is one row of FAMILIES: the model_type that describes it, and the fields that it has beside
the usual ones. A field is read from a metadata key (without the architecture's name before it), from the presence of a
tensor in some layer, or is a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConfigError, UnsupportedModelError, did_you_mean
from .gguf_file import GgufFile, Strings


@dataclass(frozen=True, slots=True)
class Key:
    """A field that stands under one of these keys; absent where the file has none of them."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Has:
    """True where some tensor's name ends so in some layer."""

    tensor: str


Source = Key | Has | bool | None


@dataclass(frozen=True, slots=True)
class Family:
    model_type: str
    fields: Mapping[str, Source] = field(default_factory=dict)


def _key(*names: str) -> Key:
    return Key(names)


USUAL: Mapping[str, Key] = {
    "hidden_size": _key("embedding_length"),
    "num_hidden_layers": _key("block_count"),
    "num_attention_heads": _key("attention.head_count"),
    "num_key_value_heads": _key("attention.head_count_kv"),
    "head_dim": _key("attention.key_length"),
    "intermediate_size": _key("feed_forward_length"),
    "max_position_embeddings": _key("context_length"),
    "sliding_window": _key("attention.sliding_window"),
}
_BIASED = {"attention_bias": Has("attn_q.bias")}
_EXPERTS = {
    "num_experts": _key("expert_count"),
    "num_experts_per_tok": _key("expert_used_count"),
    "moe_intermediate_size": _key("expert_feed_forward_length"),
}
_LOCAL_EXPERTS = {
    "num_local_experts": _key("expert_count"),
    "num_experts_per_tok": _key("expert_used_count"),
    "intermediate_size": _key("expert_feed_forward_length", "feed_forward_length"),
}
_ROUTED_EXPERTS = {
    "n_routed_experts": _key("expert_count"),
    "n_shared_experts": _key("expert_shared_count"),
    "num_experts_per_tok": _key("expert_used_count"),
    "moe_intermediate_size": _key("expert_feed_forward_length"),
    "first_k_dense_replace": _key("leading_dense_block_count"),
    "num_nextn_predict_layers": _key("nextn_predict_layers"),
}
_UNWINDOWED = {"sliding_window": None}

FAMILIES: Mapping[str, Family] = {
    "llama": Family("llama", {**_BIASED, **_UNWINDOWED, "mlp_bias": Has("ffn_up.bias")}),
    "mistral3": Family("mistral", _UNWINDOWED),
    "qwen": Family("qwen"),
    "qwen2": Family("qwen2"),
    "qwen2vl": Family("qwen2"),
    "qwen2moe": Family(
        "qwen2_moe", {**_EXPERTS, "shared_expert_intermediate_size": _key("expert_shared_feed_forward_length")}
    ),
    "qwen3": Family("qwen3", _BIASED),
    "qwen3vl": Family("qwen3", _BIASED),
    "qwen3moe": Family("qwen3_moe", {**_BIASED, **_EXPERTS}),
    "qwen3vlmoe": Family("qwen3_moe", {**_BIASED, **_EXPERTS}),
    "gemma": Family("gemma", _BIASED),
    "gemma2": Family("gemma2", _BIASED),
    "gemma3": Family("gemma3_text", _BIASED),
    "phi2": Family("phi", {"qk_layernorm": Has("attn_q_norm.weight")}),
    # llama.cpp does not use phi3's window
    "phi3": Family("phi3", _UNWINDOWED),
    "phimoe": Family(
        "phimoe", {**_LOCAL_EXPERTS, **_UNWINDOWED, "attention_bias": Has("attn_q.bias"), "lm_head_bias": True}
    ),
    "gpt-oss": Family("gpt_oss", _LOCAL_EXPERTS),
    "deepseek2": Family(
        "deepseek_v2",
        {
            **_ROUTED_EXPERTS,
            "q_lora_rank": _key("attention.q_lora_rank"),
            "kv_lora_rank": _key("attention.kv_lora_rank"),
            "qk_rope_head_dim": _key("rope.dimension_count"),
            "v_head_dim": _key("attention.value_length_mla", "attention.value_length"),
        },
    ),
    "command-r": Family("cohere", {"use_qk_norm": Has("attn_q_norm.weight")}),
    "cohere2": Family("cohere2"),
    "falcon": Family(
        "falcon",
        {"num_kv_heads": _key("attention.head_count_kv"), "new_decoder_architecture": Has("attn_norm_2.weight")},
    ),
    "starcoder2": Family("starcoder2", {"use_bias": Has("attn_q.bias")}),
    "starcoder": Family("gpt_bigcode", {"n_inner": _key("feed_forward_length"), "n_positions": _key("context_length")}),
    "gpt2": Family("gpt2", {"n_inner": _key("feed_forward_length"), "n_positions": _key("context_length")}),
    "gptneox": Family("gpt_neox", {"attention_bias": Has("attn_qkv.bias")}),
    "bloom": Family("bloom", {"seq_length": _key("context_length")}),
    "mpt": Family("mpt", {"max_seq_len": _key("context_length")}),
    "stablelm": Family(
        "stablelm",
        {
            "use_qkv_bias": Has("attn_q.bias"),
            "use_parallel_residual": _key("use_parallel_residual"),
            "qk_layernorm": Has("attn_q_norm.weight"),
        },
    ),
    "olmo": Family("olmo", _BIASED),
    "olmo2": Family("olmo2", _BIASED),
    "olmoe": Family("olmoe", {**_EXPERTS, "intermediate_size": _key("feed_forward_length")}),
    "glm4": Family("glm4", {"attention_bias": Has("attn_q.bias")}),
    "glm4moe": Family("glm4_moe", {**_ROUTED_EXPERTS, **_BIASED, "use_qk_norm": Has("attn_q_norm.weight")}),
    "granite": Family("granite", _BIASED),
    "granitemoe": Family("granitemoe", {**_LOCAL_EXPERTS, **_BIASED}),
    "baichuan": Family("baichuan"),
    "internlm2": Family("internlm2", {"bias": Has("attn_q.bias")}),
    "exaone": Family("exaone", _BIASED),
    "exaone4": Family("exaone4"),
    "nemotron": Family("nemotron", {**_BIASED, "mlp_bias": Has("ffn_up.bias")}),
    "smollm3": Family("smollm3", {**_BIASED, **_UNWINDOWED}),
    "seed_oss": Family("seed_oss", {**_BIASED, "attention_out_bias": Has("attn_output.bias")}),
    "minimax-m2": Family("minimax_m2", _LOCAL_EXPERTS),
    "ernie4_5": Family("ernie4_5", {"use_bias": Has("attn_q.bias")}),
    "ernie4_5-moe": Family(
        "ernie4_5_moe",
        {
            "use_bias": Has("attn_q.bias"),
            "moe_num_experts": _key("expert_count"),
            "moe_k": _key("expert_used_count"),
            "moe_intermediate_size": _key("expert_feed_forward_length"),
            "moe_num_shared_experts": _key("expert_shared_count"),
            "moe_layer_start_index": _key("leading_dense_block_count"),
            "moe_layer_interval": _key("interleave_moe_layer_step"),
        },
    ),
    "mamba": Family(
        "mamba",
        {
            "state_size": _key("ssm.state_size"),
            "conv_kernel": _key("ssm.conv_kernel"),
            "time_step_rank": _key("ssm.time_step_rank"),
            "intermediate_size": _key("ssm.inner_size"),
        },
    ),
    "hunyuan-dense": Family("hunyuan_v1_dense", _BIASED),
    "arcee": Family("llama", {**_BIASED, **_UNWINDOWED}),
}
# an architecture of the table that another one describes: a llama with experts is a mixtral
_WITH_EXPERTS = {"llama": Family("mixtral", {**_LOCAL_EXPERTS, **_UNWINDOWED})}


def config_of(file: GgufFile, where: str) -> dict[str, Any]:
    """The config that the metadata amounts to, with the mix of formats as its quantization_config.

    Raises UnsupportedModelError for an architecture that has no row here, ConfigError when a key is missing.
    """
    architecture = file.metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise ConfigError(f"{where} has no general.architecture, so it does not say what model it is.")
    family = FAMILIES.get(architecture)
    if family is None:
        raise UnsupportedModelError(
            f"{where} holds a model of the architecture {architecture!r}, which is not described here; its header "
            f"lists {file.weights.summary()}.{did_you_mean(architecture, tuple(FAMILIES))} Give the model's "
            "config.json, which may be described all the same."
        )
    read = _Metadata(file, architecture, where)
    if read.whole("expert_count", default=0) and architecture in _WITH_EXPERTS:
        family = _WITH_EXPERTS[architecture]
    values: dict[str, Any] = {"model_type": family.model_type, "torch_dtype": "float16"}
    for name, source in {**USUAL, **family.fields}.items():
        values[name] = read.field(source)
    values |= read.derived(family.model_type)
    values["quantization_config"] = {"quant_method": "gguf", "mix": file.weights.mix or ""}
    return {
        name: value for name, value in values.items() if value is not None or name in ("q_lora_rank", "sliding_window")
    }


class _Metadata:
    """Typed reads of one architecture's keys."""

    def __init__(self, file: GgufFile, architecture: str, where: str) -> None:
        self.file, self.architecture, self.where = file, architecture, where

    def field(self, source: Source) -> Any:
        if isinstance(source, Has):
            return any(
                name.startswith("blk.") and name.endswith(f".{source.tensor}") for name in self.file.weights.tensors
            )
        if not isinstance(source, Key):
            return source
        for name in source.names:
            value = self.value(name)
            if value is not None:
                return value
        return None

    def value(self, name: str) -> Any:
        """The value of a key; of a list with an entry a layer, the one that all layers share."""
        value = self.file.metadata.get(f"{self.architecture}.{name}")
        if isinstance(value, Strings):
            raise ConfigError(f"{self.where} has a list of {value.length:,} entries as its {self.architecture}.{name}.")
        if not isinstance(value, list):
            return value
        if len(set(value)) != 1:
            raise ConfigError(
                f"{self.where} gives its layers unlike {self.architecture}.{name} ({value[:4]} …), which is not "
                "described for this architecture; give the model's config.json."
            )
        return value[0]

    def whole(self, name: str, *, default: int) -> int:
        value = self.value(name)
        return value if isinstance(value, int) else default

    def derived(self, model_type: str) -> dict[str, Any]:
        """Fields that follow from several entries or from the tensors' shapes."""
        found: dict[str, Any] = {"tie_word_embeddings": "output.weight" not in self.file.weights.tensors}
        table = self.file.weights.tensors.get("token_embd.weight")
        if table is None or len(table.shape) != 2:
            raise ConfigError(f"{self.where} has no token_embd.weight, so it holds no whole language model.")
        found["vocab_size"] = table.shape[1]
        predictors = self.whole("nextn_predict_layers", default=0)
        if predictors:
            found["num_hidden_layers"] = self.whole("block_count", default=0) - predictors
        if model_type == "deepseek_v2":
            rope = self.whole("rope.dimension_count", default=0)
            key = self.whole("attention.key_length_mla", default=self.whole("attention.key_length", default=0))
            found |= {"qk_nope_head_dim": key - rope, "head_dim": None, "num_key_value_heads": None}
            if self.field(Has("exp_probs_b.bias")):
                found["model_type"] = "deepseek_v3"
        if model_type in ("falcon", "gpt_bigcode"):
            found |= {"multi_query": self.whole("attention.head_count_kv", default=1) == 1, "head_dim": None}
        if model_type == "mpt":
            hidden = self.whole("embedding_length", default=1)
            found["expansion_ratio"] = self.whole("feed_forward_length", default=4 * hidden) // max(hidden, 1)
        return found
