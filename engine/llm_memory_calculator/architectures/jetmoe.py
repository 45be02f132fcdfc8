"""JetMoE-8B: experts of the query and output projections, one product for k and v, and experts of the feed-forward."""

from ..architecture import Architecture
from ..config import Config
from ..operators import Attention, Learned, Linear, Output, Part
from ._blocks import Heads, decoder, depth_of, grouped, mixture, pre_norm

_KV: tuple[Part, Part] = ("k", "v")


def build(config: Config) -> Architecture:
    hidden, kv = config.integer("hidden_size"), config.integer("num_key_value_heads")
    count, active = config.integer("num_local_experts", default=8), config.integer("num_experts_per_tok", default=2)
    heads = Heads(query=kv * active, kv=kv, dim=config.integer("kv_channels", "head_dim", default=128))
    path, names = "self_attention.experts", ("input_linear", "input_linear", "output_linear")
    # each expert that a token picks gives the queries of one head to each KV head, and takes their values back
    router, queries = mixture(
        hidden,
        count=count,
        active=active,
        width=kv * heads.dim,
        router=f"{path}.router.layer",
        module=path,
        names=names,
        gated=False,
    )
    projection = "self_attention.kv_proj"
    key, value = (Output(name=projection, units=kv, width=heads.dim, part=part) for part in _KV)
    keys = Linear(name=projection, outputs=(key, value), input_units=hidden, split="columns")
    attend = Attention(name="self_attention", heads=heads.query, kv_heads=kv, head_dim=heads.dim)
    experts = mixture(
        hidden,
        count=count,
        active=active,
        width=config.integer("intermediate_size"),
        router="mlp.router.layer",
        module="mlp",
        names=names,
    )
    block = pre_norm(
        hidden,
        (router, queries, keys, attend, Learned(name=f"{path}.bias", size=hidden)),
        (*experts, Learned(name="mlp.bias", size=hidden)),
    )
    stack = grouped([None] * depth_of(config), lambda _: block, "model.layers.{index}")
    return decoder(config, stack, tied_default=True)
