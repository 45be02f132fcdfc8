"""A.X-K2: DeepSeek-V3.2's layers with a gate on the attention's output and low-rank gates on the norms."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Activation, Linear, Norm, Output
from ._blocks import (
    Operators,
    beside_shared,
    decoder,
    gated_feed_forward,
    grouped,
    latent_attention,
    leading_dense,
    plain,
    within,
    without_predictors,
)
from ._deepseek import indexer


def build(config: Config) -> Architecture:
    config = config.filled(
        q_lora_rank=384,
        kv_lora_rank=128,
        qk_rope_head_dim=32,
        qk_nope_head_dim=64,
        v_head_dim=64,
        index_topk=2048,
        index_head_dim=128,
        index_n_heads=16,
        gated_norm_rank=16,
        num_experts_per_tok=8,
    )
    hidden = config.integer("hidden_size")
    experts = beside_shared(config, shared=1)
    dense = gated_feed_forward(hidden, config.integer("intermediate_size"))
    attend = (*indexer(config), *_gated(config, latent_attention(config, sparse=True)))

    def block(sparse: bool) -> Operators:
        before, between = "input_layernorm", "post_attention_layernorm"
        after: Operators = (Norm(name=between, width=hidden),)
        if sparse:
            return (*_gated_norm(config, before), *attend, *_gated_norm(config, between), *experts)
        return (*_gated_norm(config, before), *attend, *after, *dense)

    every = config.integer("moe_layer_freq", default=1)
    sparse = leading_dense(config, default=1)
    if not config.has("mlp_layer_types"):
        sparse = [leads and index % every == 0 for index, leads in enumerate(sparse)]
    return without_predictors(decoder(config, grouped(sparse, block, "model.layers.{index}")), config)


def _gated(config: Config, attend: Operators) -> Operators:
    """One projection of the low-rank queries, normed and not, gives the queries and the gate."""
    heads, rank, value = (config.integer(name) for name in ("num_attention_heads", "q_lora_rank", "v_head_dim"))
    nope, rope = config.integer("qk_nope_head_dim"), config.integer("qk_rope_head_dim")
    name, gate = within("self_attn", "q_gate_proj", "gate")
    both = Output(name=name, units=heads, width=nope + rope + value, part="q_b")
    query = Linear(name=name, outputs=(both,), input_units=2 * rank, split="columns")
    down, norm, _, *rest, out = attend
    return (down, norm, query, *rest, Activation(name=gate, width=heads * value), out)


def _gated_norm(config: Config, path: str) -> Operators:
    hidden, rank = config.integer("hidden_size"), config.integer("gated_norm_rank")
    norm, down, up, gate = within(path, "norm", "mlp.fc1", "mlp.fc2", "gate")
    return (
        Norm(name=norm, width=hidden),
        plain(down, rank, hidden),
        plain(up, hidden, rank),
        Activation(name=gate, width=hidden),
    )
