"""The params.json of Mistral and of Meta, in the names of a config.json.

Mistral's names are those of mistral-inference and of vLLM's reader of them, Meta's those of the llama repositories.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError, shown
from ..report import Note

NAME = "params.json"
# What says nothing of the weights, or is read here under its own name.
_TAKEN = frozenset(
    {
        *("dim", "n_layers", "n_heads", "n_kv_heads", "hidden_dim", "norm_eps", "tied_embeddings", "moe", "yarn"),
        *("llama_4_scaling", "vision_encoder", "multimodal", "quantization", "max_seq_len", "model_type"),
    }
)
_OF_EXPERTS = {
    "num_experts": "n_routed_experts",
    "num_experts_per_tok": "num_experts_per_tok",
    "expert_hidden_dim": "moe_intermediate_size",
    "num_shared_experts": "n_shared_experts",
    "first_k_dense_replace": "first_k_dense_replace",
    "route_every_n": "moe_layer_freq",
}
# Meta's checkpoints of Llama 3.2 1B and 3B, which have one matrix for table and head, by dim and n_layers.
_TIED = {(2048, 16), (3072, 28)}
_DIGITS = re.compile(r"[0-9]{1,18}")
_GIVE = "give the config.json of the model's repository in the format of transformers."


def is_params(values: Mapping[str, Any]) -> bool:
    """Whether these are the keys of a params.json, and not of a config.json."""
    kind = values.get("model_type")
    if kind not in (None, "transformer", "mamba") or "hidden_size" in values or "d_model" in values:
        return False
    return "dim" in values and "n_layers" in values


def read(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """The same as a config.json has it, and what was taken for it.

    Raises ConfigError for a field that is missing or wrong, and for models that these files describe in part alone.
    """
    params = Config(values)
    notes: list[Note] = []
    if values.get("model_type") == "mamba":
        config = _mamba(params)
    elif params.has("hidden_dim"):
        config = _mistral(params)
    else:
        config = _meta(params, notes)
    text = f"Read as a params.json, whose fields are those of a {config['model_type']} by other names."
    return config, (Note(subject="model", text=text, origin="source"), *notes)


def _mamba(params: Config) -> dict[str, Any]:
    return {
        "model_type": "mamba2",
        "d_model": params.integer("dim"),
        "n_layer": params.integer("n_layers", most=DEEPEST_STACK),
        "vocab_size": params.integer("vocab_size"),
        "ssm_cfg": {"ngroups": params.integer("n_groups", default=1)},
        "pad_vocab_size_multiple": params.integer("pad_vocab_size_multiple", default=1),
        "tie_embeddings": params.boolean("tie_embeddings", "tied_embeddings", default=False),
    }


# --- Meta ----------------------------------------------------------------------------------------------------------


def _meta(params: Config, notes: list[Note]) -> dict[str, Any]:
    values = params.values
    if not params.has("multiple_of"):
        raise ConfigError(
            "The params.json has neither hidden_dim (Mistral) nor multiple_of (Meta), one of which gives the width of "
            "the feed-forward; give the whole file."
        )
    beyond = next((name for name in values if name.startswith(("vision_", "moe_")) and values[name] is not None), None)
    if beyond is not None:
        raise ConfigError(f"The params.json has {beyond}, and does not say enough of that part of the model: {_GIVE}")
    if values.get("vocab_size") in (None, -1):
        raise ConfigError(
            "The params.json has no vocab_size (-1: the tokenizer says it); add it: 32000 for Llama 1, Llama 2 and "
            "Code Llama 34B, 32016 for Code Llama 7B and 13B."
        )
    hidden, depth = params.integer("dim"), params.integer("n_layers", most=DEEPEST_STACK)
    multiple = params.integer("multiple_of")
    width = int(2 * 4 * hidden / 3)
    if params.has("ffn_dim_multiplier"):
        width = int(params.real("ffn_dim_multiplier", most=100) * width)
    heads = params.integer("n_heads")
    tied = (hidden, depth) in _TIED and params.boolean("use_scaled_rope", default=False)
    if tied:
        text = "Llama 3.2 1B and 3B have one matrix for table and head, of which their params.json says nothing."
        notes.append(Note(subject="tie_word_embeddings", text=text, origin="assumption"))
    config = {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "num_key_value_heads": params.optional_integer("n_kv_heads") or heads,
        "intermediate_size": multiple * ceil(width / multiple),
        "vocab_size": params.integer("vocab_size"),
        "tie_word_embeddings": tied,
    }
    if params.has("quantization_args"):
        # not described by the formats, which say what to give
        stated = params.section("quantization_args")
        config["quantization_config"] = {"quant_method": stated.text("scheme", default="quantization_args")}
    return config


# --- Mistral -------------------------------------------------------------------------------------------------------


def _mistral(params: Config) -> dict[str, Any]:
    multimodal = params.section("multimodal") if params.has("multimodal") else params.stating()
    vision = "vision_encoder" if params.has("vision_encoder") else "vision_encoder_args"
    text = _decoder(params)
    outside = {name: text.pop(name) for name in ("quantization_config",) if name in text}
    tied = {"tie_word_embeddings": text["tie_word_embeddings"]}
    if multimodal.has(vision):
        return {**_seeing(multimodal.section(vision)), "text_config": text, **tied, **outside}
    if params.has("multimodal") and multimodal.has("whisper_model_args"):
        hearing = _hearing(multimodal.section("whisper_model_args"))
        return {**hearing, "text_config": text | {"model_type": "llama"}, **tied, **outside}
    return {**text, **outside}


def _decoder(params: Config) -> dict[str, Any]:
    depth = params.integer("n_layers", most=DEEPEST_STACK)
    heads = params.integer("n_heads")
    config = {
        **{name: value for name, value in params.values.items() if name not in _TAKEN},
        "model_type": "mistral",
        "hidden_size": params.integer("dim"),
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "num_key_value_heads": params.optional_integer("n_kv_heads") or heads,
        "intermediate_size": params.integer("hidden_dim"),
        "tie_word_embeddings": params.boolean("tied_embeddings", default=False),
        **_windows(params, depth),
        **_quantization(params),
    }
    if not params.has("max_position_embeddings") and params.has("max_seq_len"):
        config["max_position_embeddings"] = params.integer("max_seq_len")
    latent = params.has("kv_lora_rank")
    if not params.has("moe"):
        return config | {"model_type": "mistral4", "n_routed_experts": None} if latent else config
    moe = params.section("moe")
    if latent:
        renamed = {usual: moe.values[own] for own, usual in _OF_EXPERTS.items() if moe.has(own)}
        return config | {"model_type": "mistral4", "first_k_dense_replace": 0, "n_shared_experts": 0} | renamed
    if moe.has("num_shared_experts") and moe.integer("num_shared_experts", least=0):
        raise ConfigError(
            "The params.json has moe.num_shared_experts and no kv_lora_rank, a model that is not described: " + _GIVE
        )
    return config | {
        "model_type": "mixtral",
        "num_local_experts": moe.integer("num_experts"),
        "num_experts_per_tok": moe.integer("num_experts_per_tok"),
    }


def _windows(params: Config, depth: int) -> dict[str, Any]:
    """One window for all layers or none; or a list of windows and nulls, which goes round."""
    stated = params.values.get("sliding_window")
    if not isinstance(stated, list):
        window = int(stated) if isinstance(stated, str) and _DIGITS.fullmatch(stated) else stated
        return {"sliding_window": window}
    plain = all(size is None or type(size) is int for size in stated)
    sizes = {size for size in stated if size is not None} if plain else set()
    if not plain or len(sizes) > 1 or not stated or depth % len(stated):
        raise ConfigError(
            f"The params.json's sliding_window must be one window and nulls, as many as divide its {depth} layers, and "
            f"is {shown(stated)}."
        )
    kinds = ["full_attention" if size is None else "sliding_attention" for size in stated]
    return {"sliding_window": next(iter(sizes), None), "layer_types": kinds * (depth // len(stated))}


def _quantization(params: Config) -> dict[str, Any]:
    if not params.values.get("quantization"):
        return {}
    stated = params.section("quantization")
    if stated.values.get("qformat_weight") == "fp8_e4m3":
        dynamic = stated.values.get("qscheme_act") == "NO_SCALES"
        left = ["vision_tower", "multi_modal_projector", "lm_head"]
        scheme = "dynamic" if dynamic else "static"
        return {
            "quantization_config": {
                "quant_method": "fp8",
                "activation_scheme": scheme,
                "modules_to_not_convert": left,
            }
        }
    # what is not known of these is refused by the formats, with what to give
    method = str(stated.values.get("quant_method") or stated.values.get("qformat_weight"))
    return {"quantization_config": {**stated.values, "quant_method": method.lower().replace("_", "-")}}


def _seeing(vision: Config) -> dict[str, Any]:
    """Pixtral's tower; four patches are one token where a merger is named."""
    merge = vision.integer("spatial_merge_size", default=1)
    merges = merge > 1 or vision.values.get("mm_projector_id") == "patch_merge"
    if merges and not vision.boolean("add_pre_mm_projector_layer_norm", default=True):
        raise ConfigError("The params.json's vision_encoder merges patches without a norm, which is not described.")
    own = {"model_type": "pixtral", **vision.values}
    if not merges:
        bias = vision.boolean("adapter_bias", default=True)
        return {
            "model_type": "llava",
            "vision_config": own,
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "full",
            "multimodal_projector_bias": bias,
        }
    return {
        "model_type": "mistral3",
        "vision_config": own,
        "spatial_merge_size": merge,
        "multimodal_projector_bias": vision.boolean("adapter_bias", default=False),
    }


def _hearing(whisper: Config) -> dict[str, Any]:
    """Voxtral's encoder."""
    encoder = whisper.section("encoder_args")
    if encoder.has("causal") and encoder.boolean("causal"):
        raise ConfigError(
            "The params.json's multimodal.whisper_model_args is that of a causal encoder (Voxtral Realtime), which is "
            "not described; give the config of its decoder alone to count that."
        )
    hidden = encoder.integer("dim")
    factor = whisper.section("downsample_args", default={}).integer("downsample_factor", default=4)
    sounds = encoder.section("audio_encoding_args", default={})
    return {
        "model_type": "voxtral",
        "audio_config": {
            "hidden_size": hidden,
            "num_hidden_layers": encoder.integer("n_layers", most=DEEPEST_STACK),
            "num_attention_heads": encoder.integer("n_heads"),
            "intermediate_size": encoder.integer("hidden_dim", default=factor * hidden),
            "num_mel_bins": sounds.integer("num_mel_bins", default=128),
            "max_source_positions": encoder.integer("max_source_positions", default=1500),
        },
    }
