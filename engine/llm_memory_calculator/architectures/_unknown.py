"""A model_type that no family describes: a decoder by the fields that decoders usually have, with a warning."""

from __future__ import annotations

import re

from ..architecture import Architecture
from ..config import Config
from ..errors import UnsupportedModelError, did_you_mean, shown
from ._blocks import (
    Operators,
    attention,
    decoder,
    depth_of,
    feed_forward,
    gated_feed_forward,
    grouped,
    latent_attention,
    leading_dense,
    mixture,
    pre_norm,
    read_heads,
    without_predictors,
)

_NEEDED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "intermediate_size")
# A config with one of these has layers that the usual fields do not describe.
_STRANGE = re.compile(
    r"mamba|ssm|state_size|conv_|_conv|linear_attn|linear_attention|vision|audio|image|encoder|decoder_layers|hybrid"
    r"|recurrent|rwkv|lru|time_step|per_layer|layer_config|block_configs|kv_shared|compress|index_|hc_mult|altup"
    r"|num_hidden_layers_per|d_state|type_vocab_size|draft|eagle|medusa|speculat|sparse_step|mlp_only|text_model|peft_type|base_model_name|chunk_size$|unet|cross_att|latent_size|adapter|depth_map|loop"
)
_WITHOUT_MEANING = frozenset({"add_cross_attention", "chunk_size_feed_forward"})
_TWO_MATRICES = frozenset({"gelu", "gelu_new", "gelu_fast", "gelu_python", "quick_gelu", "relu", "relu2"})
_EXPERT = re.compile(r"expert|moe")
_READ = frozenset(
    {
        "num_local_experts",
        "num_experts",
        "n_routed_experts",
        "num_experts_per_tok",
        "num_experts_per_token",
        "moe_topk",
        "moe_intermediate_size",
        "n_shared_experts",
        "num_shared_experts",
        "shared_expert_intermediate_size",
        "first_k_dense_replace",
        "mlp_layer_types",
        # of the training or the routing, and not of the shape
        "router_aux_loss_coef",
        "moe_router_topk_scaling_factor",
        "moe_aux_loss_coeff",
        "norm_topk_prob",
        "topk_group",
        "n_group",
        "output_router_logits",
        "moe_router_dtype",
    }
)
_EXPERTS = ("num_local_experts", "num_experts", "n_routed_experts")


def describe(config: Config, known: tuple[str, ...]) -> Architecture:
    """A decoder with RMSNorms, by its heads, widths and experts.

    Raises UnsupportedModelError, with the nearest names, when the config lacks a usual field or has one that
    tells of other layers.
    """
    field = "model_type" if config.has("model_type") else "_class_name"
    name = config.text(field) if config.has(field) else ""
    if config.has("peft_type", "base_model_name_or_path"):
        base = config.values.get("base_model_name_or_path") or "the model that it adapts"
        raise UnsupportedModelError(
            f"This is the config of an adapter, not of a model: give {base}, with max_loras and max_lora_rank (or "
            "lora_config) for the adapters served beside it."
        )
    if field == "_class_name" and name:
        raise UnsupportedModelError(
            f"The config's _class_name {shown(name)}, a part of a pipeline that makes images or videos, is not "
            f"described.{did_you_mean(name.lower(), known)} Letter case does not count; give the pipeline without it "
            "to count the rest."
        )
    strange = next((key for key in _strangers(config)), None)
    missing = next((key for key in _NEEDED if not config.has(key)), None)
    if strange or missing:
        called = f"The config's {field} {shown(name)} is" if name else "The config has no model_type, and is"
        reason = f"has {strange}" if strange else f"has no {missing}"
        raise UnsupportedModelError(
            f"{called} not described here, and cannot be described by the usual fields of a decoder, since the config "
            f"{reason}.{did_you_mean(name, known)} Where its layers are those of a family that is known, give the "
            f"config with that one's {field}."
        )
    hidden, depth = config.integer("hidden_size"), depth_of(config)
    feed = _feed_forwards(config, hidden, depth)
    attend = _attention(config, hidden)
    blocks = grouped(feed, lambda operators: pre_norm(hidden, attend, operators), "model.layers.{index}")
    assumed = _assumed(config)
    text = f"model_type {shown(name)} is not known" if name else "The config has no model_type"
    config.note("model_type", f"{text}: a decoder with {assumed} was assumed. Check it.", "warning")
    return without_predictors(decoder(config, blocks), config)


def _strangers(config: Config) -> list[str]:
    """Fields that tell of layers which the usual fields do not describe."""
    found = [
        key
        for key, value in config.values.items()
        if value not in (None, False, 0, [], {})
        and key not in _WITHOUT_MEANING
        and not key.endswith(("_token_id", "_token_index"))
        and _STRANGE.search(key)
    ]
    if config.has("model_type") and _STRANGE.search(config.text("model_type")):
        found.append("a model_type that tells of other layers")
    classes = config.values.get("architectures")
    if isinstance(classes, list) and classes and not str(classes[0]).endswith(("ForCausalLM", "LMHeadModel")):
        found.append(f"the class {classes[0]}")
    found += [key for key in config.values if _EXPERT.search(key) and key not in _READ and config.has(key)]
    types = config.values.get("layer_types")
    if isinstance(types, list) and set(map(str, types)) - {"full_attention"}:
        found.append("layer_types with other layers than full attention")
    return found


def _is_mixture(config: Config) -> bool:
    return any(config.has(name) and config.integer(name, least=0) > 1 for name in _EXPERTS)


def _is_gated(config: Config) -> bool:
    return not (config.has("hidden_act") and config.text("hidden_act") in _TWO_MATRICES)


def _assumed(config: Config) -> str:
    attend = "latent attention" if config.has("kv_lora_rank") else "attention over the whole context"
    gate = (
        "gated feed-forwards" if _is_gated(config) else f"feed-forwards of two matrices ({config.text('hidden_act')})"
    )
    experts = ", routed experts" if _is_mixture(config) else ""
    norms = ", norms of queries and keys" if _has_head_norms(config) else ""
    return f"{attend}{norms}, {gate}{experts}, two RMSNorms a layer"


def _has_head_norms(config: Config) -> bool:
    return any(config.has(name) and config.boolean(name) for name in ("use_qk_norm", "qk_norm"))


def _attention(config: Config, hidden: int) -> Operators:
    if config.has("kv_lora_rank"):
        return latent_attention(config)
    bias = config.has("attention_bias", "qkv_bias", "use_bias") and config.boolean(
        "attention_bias", "qkv_bias", "use_bias"
    )
    window = config.integer("sliding_window") if config.has("sliding_window") and _windowed(config) else None
    return attention(
        hidden,
        read_heads(config),
        window=window,
        qkv_bias=bias,
        out_bias=bias and not config.has("qkv_bias"),
        head_norms=_has_head_norms(config),
    )


def _windowed(config: Config) -> bool:
    return not config.has("use_sliding_window") or config.boolean("use_sliding_window")


def _feed_forwards(config: Config, hidden: int, depth: int) -> list[Operators]:
    """The feed-forward of each layer: dense, or a mixture where the config has one."""
    width, bias = config.integer("intermediate_size"), config.has("mlp_bias") and config.boolean("mlp_bias")
    if _is_gated(config):
        dense = gated_feed_forward(hidden, width, bias=bias)
    else:
        dense = feed_forward(hidden, width, bias=bias, names=("up_proj", "down_proj"))
    if not _is_mixture(config):
        return [dense] * depth
    own = config.optional_integer("moe_intermediate_size") or width
    shared_count = config.optional_integer("n_shared_experts", "num_shared_experts", least=0) or 0
    shared_width = config.optional_integer("shared_expert_intermediate_size") or shared_count * own
    experts = mixture(
        hidden,
        count=config.integer(*_EXPERTS),
        active=config.integer("num_experts_per_tok", "moe_topk", "num_experts_per_token"),
        width=own,
        shared=gated_feed_forward(hidden, shared_width, path="mlp.shared_experts", shared=True, reduces=False)
        if shared_width
        else (),
    )
    return [experts if sparse else dense for sparse in leading_dense(config, default=0)]
