"""nanochat: norms without weights, one of them right after the table, and a feed-forward of squared ReLU."""

from functools import partial

from ..architecture import Architecture
from ..config import Config
from ..operators import Norm
from ._blocks import attention, feed_forward, plain_decoder, pre_norm, query_key_norms, read_heads


def build(config: Config) -> Architecture:
    heads = read_heads(config)
    norm = (Norm(name="model.norm", width=config.integer("hidden_size"), scaled=False),)
    return plain_decoder(
        config,
        heads,
        attend=partial(attention, norms=query_key_norms(heads, scaled=False)),
        feed=partial(feed_forward, bias=False, names=("fc1", "fc2")),
        layer=partial(pre_norm, scaled=False),
        after_table=norm,
        before_head=norm,
    )
