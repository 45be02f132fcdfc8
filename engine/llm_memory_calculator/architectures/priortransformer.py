"""The prior of unCLIP and Kandinsky 2: from an encoded prompt to the embedding of an image, one pass a step."""

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..operators import Learned, Norm
from ._blocks import plain
from ._diffusion import PROJECTIONS, embedding, plain_feed_forward, read_transformer_heads
from ._encoders import encoder_attention, encoder_model


def build(config: Config) -> Architecture:
    hidden, heads = read_transformer_heads(config, 32, 64)
    width = config.integer("embedding_dim", default=768)
    pooled, image = (config.integer(f"{name}_dim", default=width) for name in ("embedding_proj", "clip_embed"))
    positions = config.integer("num_embeddings", default=77) + config.integer("additional_embeddings", default=4)
    block = (
        Norm(name="norm1", width=hidden, bias=True),
        *encoder_attention(hidden, heads, path="attn1", names=PROJECTIONS, bias=True),
        Norm(name="norm3", width=hidden, bias=True),
        *plain_feed_forward(hidden),
    )

    def present(field: str, default: str) -> bool:
        """Whether an optional part is there: null says that it is not."""
        return config.has(field) if field in config.values else default != ""

    depth = config.integer("num_layers", default=20, most=DEEPEST_STACK)
    return encoder_model(
        config,
        first=(
            *embedding("time_embedding", hidden, config.integer("time_embed_dim", default=hidden), hidden),
            plain("proj_in", hidden, width, bias=True),
            *(
                (Norm(name="embedding_proj_norm", width=pooled, bias=True),)
                if present("embedding_proj_norm_type", "")
                else ()
            ),
            plain("embedding_proj", hidden, pooled, bias=True),
            *(
                (plain("encoder_hidden_states_proj", hidden, width, bias=True),)
                if present("encoder_hid_proj_type", "linear")
                else ()
            ),
            Learned(name="positional_embedding", size=positions * hidden),
            *((Learned(name="prd_embedding", size=hidden),) if present("added_emb_type", "prd") else ()),
        ),
        stack=(Layer(path="transformer_blocks.{index}", operators=block, indices=tuple(range(depth))),),
        last=(
            *((Norm(name="norm_in", width=hidden, bias=True),) if present("norm_in_type", "") else ()),
            Norm(name="norm_out", width=hidden, bias=True),
            plain("proj_to_clip_embeddings", image, hidden, bias=True),
            Learned(name="clip_mean", size=image),
            Learned(name="clip_std", size=image),
        ),
        hidden=hidden,
        vocabulary=0,
        longest=positions,
    )
