"""Nemotron-H and Nemotron 3: layers of one mixer each, which are Mamba-2, attention, feed-forwards or experts."""

from ..architecture import Architecture
from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Norm
from ._blocks import (
    Heads,
    Operators,
    attention,
    check_heads,
    decoder,
    feed_forward,
    grouped,
    mixture,
    plain,
    router_correction,
    without_predictors,
)
from ._recurrent import ATTENTION, KIND_FIELDS, LAYER_KINDS, STATE, layer_kinds, mamba2, state_format

EXPERTS, DENSE = "moe", "mlp"
LETTERS = {"M": STATE, "*": ATTENTION, "E": EXPERTS, "-": DENSE}
NAMES = ("up_proj", "down_proj")


def build(config: Config) -> Architecture:
    hidden, kinds = config.integer("hidden_size"), layers(config)
    mixers = {STATE: state_space, ATTENTION: attend, EXPERTS: experts, DENSE: dense}
    stack = grouped(
        kinds,
        lambda kind: (Norm(name="norm", width=hidden), *mixers[kind](config, hidden)),
        "backbone.layers.{index}",
    )
    # transformers keeps the head apart whatever the config says
    paths = ("backbone.embeddings", "backbone.norm_f", "lm_head", "")
    return without_predictors(decoder(config.stating(tie_word_embeddings=False), stack, paths=paths), config)


def layers(config: Config) -> list[str]:
    """The kind of each layer, by letters or by words."""
    entries = next((config.values[name] for name in KIND_FIELDS if config.has(name)), None)
    if entries is not None:
        known = {**LAYER_KINDS, EXPERTS: EXPERTS, DENSE: DENSE}
        return layer_kinds(config, len(entries) if isinstance(entries, list) else 0, known)
    letters = config.text("hybrid_override_pattern")
    if not letters or set(letters) - set(LETTERS):
        raise ConfigError(
            f"The config's hybrid_override_pattern must be made of the letters {' '.join(LETTERS)} (Mamba-2, "
            f"attention, experts, feed-forward), and is {shown(letters)}."
        )
    depth = config.optional_integer("num_hidden_layers")
    if depth is not None:
        config.check_length("hybrid_override_pattern", letters, depth)
    return [LETTERS[letter] for letter in letters]


def state_space(config: Config, hidden: int) -> Operators:
    return mamba2(
        hidden,
        heads=config.integer("mamba_num_heads", default=128),
        dim=config.integer("mamba_head_dim", default=64),
        groups=config.integer("mamba_n_groups", "n_groups", default=8),
        state=config.integer("ssm_state_size", default=128),
        kernel=config.integer("mamba_d_conv", "conv_kernel", default=4),
        chunk=config.integer("mamba_chunk_size", "chunk_size", default=128),
        bias=config.boolean("use_bias", default=False),
        conv_bias=config.boolean("mamba_conv_bias", "use_conv_bias", default=True),
        # engines keep it so too, where the config does not say otherwise
        keeps=state_format(config, default="float32"),
    )


def attend(config: Config, hidden: int) -> Operators:
    heads = Heads(
        query=config.integer("num_attention_heads", default=32),
        kv=config.integer("num_key_value_heads", default=8),
        dim=config.integer("head_dim", "attention_head_dim", default=128),
    )
    check_heads(heads.query, heads.kv)
    return attention(hidden, heads, path="mixer")


def dense(config: Config, hidden: int) -> Operators:
    width = config.integer("intermediate_size", default=21504)
    return feed_forward(hidden, width, bias=config.boolean("mlp_bias", default=False), path="mixer", names=NAMES)


def experts(config: Config, hidden: int) -> Operators:
    """Experts without a gate, in Nemotron 3 Super on a latent narrower than the hidden states."""
    bias, latent = config.boolean("mlp_bias", default=False), config.optional_integer("moe_latent_size")
    count = config.integer("n_routed_experts", "num_local_experts", default=8)
    width = config.integer("moe_shared_expert_intermediate_size", default=7688)
    router, *routed = mixture(
        hidden,
        count=count,
        active=config.integer("num_experts_per_tok", default=2),
        width=config.integer("moe_intermediate_size", default=7688),
        router="mixer.gate",
        module="mixer.experts",
        names=("", *NAMES),
        gated=False,
        latent=latent,
        shared=feed_forward(
            hidden, width, bias=bias, path="mixer.shared_experts", names=NAMES, shared=True, reduces=latent is not None
        ),
    )
    correction = router_correction(count, "mixer.gate.e_score_correction_bias")
    if latent is None:
        return (router, *routed, correction)
    down = plain("mixer.fc1_latent_proj", latent, hidden, bias)
    up = plain("mixer.fc2_latent_proj", hidden, latent, bias)
    return (router, down, *routed, up, correction)
