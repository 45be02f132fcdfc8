"""Blocks of diffusion models: residual convolutions, transformer blocks, embeddings of the step, and the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, LARGEST_SIZE, Config
from ..errors import ConfigError
from ..images import Latents
from ..operators import Activation, Convolution, Learned, Linear, Norm, Operator, Output, Part
from ._blocks import Heads, Operators, dtype_of, gated_feed_forward, plain
from ._encoders import cross_attention, encoder_attention, two_sided

PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
_QUERY_KEY_VALUE: tuple[Part, ...] = ("q", "k", "v")


def diffusion_model(
    config: Config,
    *,
    hidden: int,
    first: Operators,
    stack: tuple[Layer, ...],
    last: Operators,
    latents: Latents,
    kept: int = 0,
) -> Architecture:
    """A denoiser, or another part of a pipeline that works on an image's positions. It caches nothing.

    kept: values of what comes first that a U-Net's last level takes once more.
    """
    return Architecture(
        model_type=config.text("_class_name"),
        task="diffusion",
        hidden_size=hidden,
        vocab_size=0,
        first=Layer(path="", operators=first, kept=kept),
        stack=stack,
        last=Layer(path="", operators=last),
        latents=latents,
        dtype=dtype_of(config),
        notes=tuple(config.notes),
    )


def idle(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The same as layers that do not run where images are made of a prompt."""
    return tuple(replace(layer, idle=True) for layer in layers)


MOST_BLOCKS, MOST_LEVELS = 16, 16
"""Residual blocks of a level of a U-Net, and its levels: each a few times what any published one has."""


def as_list(
    config: Config, name: str, count: int, default: int, *, least: int = 1, most: int = LARGEST_SIZE
) -> tuple[int, ...]:
    """A whole number for each level of a U-Net: a list of them, or one for all."""
    if isinstance(config.values.get(name), (list, tuple)):
        found = config.integers(name, least=least, most=most)
        if len(found) != count:
            raise ConfigError(
                f"The config's {config.where}{name} has {len(found)} entries, and block_out_channels gives {count} "
                "levels."
            )
        return found
    return (config.integer(name, default=default, least=least, most=most),) * count


def side_of(config: Config) -> int | None:
    """Latent positions along the longer side of the images that a model was made for, where its config says so."""
    if isinstance(config.values.get("sample_size"), (list, tuple)):
        return max(config.integers("sample_size", least=1), default=None)
    return config.optional_integer("sample_size")


# --- one vector an image -------------------------------------------------------------------------------------------


def of_image(name: str, outputs: int, inputs: int, bias: bool = True) -> Linear:
    """A product over one vector an image, such as the embedding of the step, and not over its positions."""
    return Linear(name=name, outputs=(Output(name=name, units=outputs),), input_units=inputs, bias=bias, per="sequence")


def of_prompt(name: str, outputs: int, inputs: int, part: Part | None = None, *, bias: bool = True) -> Linear:
    """A product over the positions of the encoded prompt."""
    out = Output(name=name, units=outputs, part=part)
    return Linear(name=name, outputs=(out,), input_units=inputs, bias=bias, per="source")


def embedding(path: str, inputs: int, width: int, outputs: int | None = None, *, bias: bool = True) -> Operators:
    """Two products with an activation between them: of the step, the guidance, a pooled prompt."""
    return (
        of_image(f"{path}.linear_1", width, inputs, bias),
        of_image(f"{path}.linear_2", width if outputs is None else outputs, width, bias),
    )


def caption(path: str, inputs: int, hidden: int) -> Operators:
    """Two products with an activation between them, over the positions of the encoded prompt."""
    return (of_prompt(f"{path}.linear_1", hidden, inputs), of_prompt(f"{path}.linear_2", hidden, hidden))


def modulation(path: str, times: int, hidden: int, *, name: str = "linear", bias: bool = True) -> Operators:
    """`times` scales, shifts and gates for the values of a position, made of the step; the norm itself learns none."""
    return (of_image(f"{path}.{name}", times * hidden, hidden, bias), Norm(name=path, width=hidden, scaled=False))


# --- convolutions --------------------------------------------------------------------------------------------------


def conv(name: str, inputs: int, outputs: int, side: int = 3) -> Convolution:
    return Convolution(name=name, inputs=inputs, outputs=outputs, kernel=side**2)


def group_norm(name: str, width: int, spatial: int | None = None) -> Operators:
    """A norm over groups of channels; `spatial` is the width of latents that scale and shift it (MoVQ)."""
    if spatial is None:
        return (Norm(name=name, width=width, bias=True),)
    return (
        Norm(name=f"{name}.norm_layer", width=width, bias=True),
        conv(f"{name}.conv_y", spatial, width, 1),
        conv(f"{name}.conv_b", spatial, width, 1),
    )


def residual(
    inputs: int, outputs: int, *, step: int | None = None, scaled: bool = False, spatial: int | None = None
) -> Operators:
    """Two convolutions beside a shortcut. `step` is the width of the step's embedding, which shifts (and scales)."""
    return (
        *group_norm("norm1", inputs, spatial),
        conv("conv1", inputs, outputs),
        *((of_image("time_emb_proj", (2 if scaled else 1) * outputs, step),) if step is not None else ()),
        *group_norm("norm2", outputs, spatial),
        conv("conv2", outputs, outputs),
        *((conv("conv_shortcut", inputs, outputs, 1),) if inputs != outputs else ()),
    )


def positions_attention(width: int, head: int, spatial: int | None = None, *, normed: bool = True) -> Operators:
    """Attention of all positions of a level to each other, with biases and a norm of their own."""
    norm = group_norm("group_norm" if spatial is None else "spatial_norm", width, spatial) if normed else ()
    heads = Heads(query=max(1, width // head), kv=max(1, width // head), dim=head)
    return (*norm, *encoder_attention(width, heads, path="", names=PROJECTIONS, bias=True))


# --- transformers --------------------------------------------------------------------------------------------------


def plain_feed_forward(hidden: int, path: str = "ff", width: int | None = None) -> Operators:
    """Two products with a GELU between them."""
    inner = 4 * hidden if width is None else width
    up, down = f"{path}.net.0.proj", f"{path}.net.2"
    return (
        Linear(
            name=up, outputs=(Output(name=up, units=inner, part="up"),), input_units=hidden, bias=True, split="columns"
        ),
        Activation(name=f"{path}.act", width=inner, gated=False),
        Linear(
            name=down,
            outputs=(Output(name=down, units=hidden, part="down"),),
            input_units=inner,
            bias=True,
            split="rows",
        ),
    )


def gated_by_gelu(hidden: int, path: str = "ff") -> Operators:
    """A GEGLU whose two halves are one product."""
    return gated_feed_forward(hidden, 4 * hidden, bias=True, path=path, names=("net.0.proj", "net.0.proj", "net.2"))


def prompted_block(
    hidden: int,
    heads: Heads,
    *,
    prompt: int | None,
    bias: bool = False,
    gated: bool = True,
    norms: bool = True,
    middle_norm: bool = True,
    only_prompt: bool = False,
    twice: bool = False,
) -> Operators:
    """Attention to the image's positions, then across to the prompt's (`prompt` wide), then a feed-forward.

    norms: they learn scales and biases. middle_norm: there is one before the attention across. only_prompt: the first
    attention is across too. twice: the second is not, and there is no prompt.
    """

    def norm(name: str) -> Norm:
        return Norm(name=name, width=hidden, bias=norms, scaled=norms)

    def across(path: str) -> Operators:
        return cross_attention(
            hidden, heads, path=path, names=PROJECTIONS, source_width=prompt, bias=bias, out_bias=True, cached=False
        )

    def within(path: str) -> Operators:
        return encoder_attention(hidden, heads, path=path, names=PROJECTIONS, bias=bias, out_bias=True)

    second = within("attn2") if twice else across("attn2") if prompt is not None else ()
    return (
        norm("norm1"),
        *(across("attn1") if only_prompt else within("attn1")),
        *((norm("norm2"),) if second and middle_norm else ()),
        *second,
        norm("norm3" if middle_norm else "norm2"),
        *(gated_by_gelu(hidden) if gated else plain_feed_forward(hidden)),
    )


def joint_stream(hidden: int, heads: Heads, *, normed: bool, out: bool = True, bias: bool = True) -> Operators:
    """What the prompt's positions have of their own where they and the image's attend as one."""
    width = heads.query * heads.dim
    return (
        *(of_prompt(f"attn.add_{part}_proj", width, hidden, part, bias=bias) for part in _QUERY_KEY_VALUE),
        *over_the_prompt(head_norms(heads, ("norm_added_q", "norm_added_k"), normed)),
        *((of_prompt("attn.to_add_out", hidden, width, "out", bias=bias),) if out else ()),
    )


def head_norms(heads: Heads, names: tuple[str, str], present: bool, path: str = "attn") -> Operators:
    """RMSNorms of the queries and keys of each head."""
    return tuple(Norm(name=f"{path}.{name}", width=heads.dim, heads=heads.query) for name in names) if present else ()


def whole_norms(heads: Heads, path: str) -> Operators:
    """RMSNorms of queries and keys over all heads at once."""
    return tuple(
        Norm(name=f"{path}.{name}", width=heads.dim, heads=heads.query, own_scales=True)
        for name in ("norm_q", "norm_k")
    )


def over_the_prompt(operators: Operators) -> Operators:
    """The same over the positions of the encoded prompt."""

    def moved(operator: Operator) -> Operator:
        if isinstance(operator, (Linear, Norm, Activation)) and operator.per == "token":
            return replace(operator, per="source")
        return operator

    return tuple(map(moved, operators))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What the modules of one of two streams are called: of its scales, its second norm, its feed-forward."""

    modulation: str = "norm1"
    linear: str = "linear"
    norm: str = "norm2"
    forward: str = "ff"


IMAGE, PROMPT = Stream(), Stream(modulation="norm1_context", norm="norm2_context", forward="ff_context")


def joint_block(
    hidden: int,
    heads: Heads,
    *,
    normed: bool,
    twice: bool = False,
    last: bool = False,
    bias: bool = True,
    scales: bool = True,
    forward: Callable[[int, str], Operators] = plain_feed_forward,
    streams: tuple[Stream, Stream] = (IMAGE, PROMPT),
) -> Operators:
    """A block of SD3 and Flux: two streams, of the image and of the prompt, that attend as one.

    twice: the image's positions attend each other once more (SD3.5-medium). last: the prompt's stream ends here.
    scales: each layer makes its own of the step, and does not take those that all share (Flux.2).
    """
    image, prompt = streams

    def attend(path: str, *, joint: bool = False) -> Operators:
        norms = head_norms(heads, ("norm_q", "norm_k"), normed, path)
        return encoder_attention(hidden, heads, path=path, names=PROJECTIONS, bias=bias, norms=norms, joint=joint)

    def scaled(stream: Stream, times: int) -> Operators:
        if scales:
            return modulation(stream.modulation, times, hidden, name=stream.linear)
        return (Norm(name=stream.modulation, width=hidden, scaled=False),)

    ending = over_the_prompt((Norm(name=prompt.norm, width=hidden, scaled=False), *forward(hidden, prompt.forward)))
    return (
        *scaled(image, 9 if twice else 6),
        *over_the_prompt(scaled(prompt, 2 if last else 6)),
        *attend("attn", joint=True),
        *joint_stream(hidden, heads, normed=normed, out=not last, bias=bias),
        *(attend("attn2") if twice else ()),
        Norm(name=image.norm, width=hidden, scaled=False),
        *forward(hidden, image.forward),
        *(() if last else ending),
    )


def single_block(hidden: int, heads: Heads, width: int, *, scales: bool = True) -> Operators:
    """A block of Flux and HunyuanVideo in which image and prompt are one stream, attention beside the feed-forward.

    scales: it makes those of the step itself.
    """
    norm = modulation("norm", 3, hidden) if scales else (Norm(name="norm", width=hidden, scaled=False),)
    return (
        *norm,
        plain("proj_mlp", width, hidden, bias=True, part="up"),
        *(plain(f"attn.to_{part}", hidden, hidden, bias=True, part=part) for part in _QUERY_KEY_VALUE),
        *head_norms(heads, ("norm_q", "norm_k"), present=True),
        two_sided(heads, "attn"),
        Activation(name="act_mlp", width=width, gated=False),
        plain("proj_out", hidden, hidden + width, bias=True, part="down"),
    )


def handed(path: str, hidden: int, count: int) -> tuple[Layer, ...]:
    """What each layer of a ControlNet hands to one that it controls, kept until that runs."""
    products = tuple(plain(str(number), hidden, hidden, bias=True) for number in range(count))
    return (Layer(path=path, operators=products, kept=count * hidden),) if count else ()


def tabled_block(
    hidden: int,
    heads: Heads,
    *,
    prompt: int,
    forward: Operators,
    bias: bool = True,
    out_bias: bool = True,
    norms: tuple[str, str, str] = ("norm1", "norm2", "norm3"),
    middle: bool = False,
    scaled: bool = False,
    added: Operators = (),
) -> Operators:
    """A block of Wan and LTX: attention to all positions, then across to the prompt's (`prompt` wide), a feed-forward.

    The step's scales are those of all layers, to which each adds learned ones. middle: the norm before the attention
    across learns too; scaled: the other two do, without a bias. added: what an image that is given is attended by.
    """
    first, between, last = norms
    return (
        Learned(name="scale_shift_table", size=6 * hidden),
        Norm(name=first, width=hidden, scaled=scaled),
        *encoder_attention(
            hidden,
            heads,
            path="attn1",
            names=PROJECTIONS,
            bias=bias,
            out_bias=out_bias,
            norms=whole_norms(heads, "attn1"),
        ),
        *((Norm(name=between, width=hidden, bias=True),) if middle else ()),
        *cross_attention(
            hidden,
            heads,
            path="attn2",
            names=PROJECTIONS,
            source_width=prompt,
            bias=bias,
            out_bias=out_bias,
            norms=whole_norms(heads, "attn2"),
            cached=False,
        ),
        *added,
        Norm(name=last, width=hidden, scaled=scaled),
        *forward,
    )


def read_transformer_heads(config: Config, count: int, dim: int) -> tuple[int, Heads]:
    """The hidden size of a transformer, which its heads share, and the heads; the numbers are the family's defaults."""
    count = config.integer("num_attention_heads", default=count)
    dim = config.integer("attention_head_dim", default=dim)
    return count * dim, Heads(query=count, kv=count, dim=dim)


def patch_projection(config: Config, hidden: int, channels: int) -> tuple[int, Convolution]:
    """Latent positions along a side of a patch, and what makes one position of such a patch."""
    patch = config.integer("patch_size", default=2)
    return patch, conv("pos_embed.proj", config.integer("in_channels", default=channels), hidden, patch)


def joint_embeddings(
    config: Config, hidden: int, *, prompt: int, pooled: int, context: int, guided: bool = False
) -> Operators:
    """Of the step, the guidance (Flux-dev) and the pooled prompt; the prompt's projection. The widths are defaults."""
    return (
        *step_and_prompt(config, hidden, pooled=pooled, guided=guided),
        of_prompt("context_embedder", context, config.integer("joint_attention_dim", default=prompt)),
    )


def step_and_prompt(config: Config, hidden: int, *, pooled: int, guided: bool = False) -> Operators:
    """Embeddings of the step, the guidance and the pooled prompt, whose width is `pooled` by default."""
    path = "time_text_embed"
    return (
        *embedding(f"{path}.timestep_embedder", 256, hidden),
        *(embedding(f"{path}.guidance_embedder", 256, hidden) if guided else ()),
        *embedding(f"{path}.text_embedder", config.integer("pooled_projection_dim", default=pooled), hidden),
    )


def channels_out(config: Config, inputs: int, default: int) -> int:
    """Values of a latent position that come out: null says as many as come in."""
    if "out_channels" in config.values and not config.has("out_channels"):
        return inputs
    return config.integer("out_channels", default=default)


def patches_out(hidden: int, values: int, *, bias: bool = True) -> Operators:
    """The last norm, which the step scales and shifts, and the projection to the `values` of a patch."""
    return (*modulation("norm_out", 2, hidden, bias=bias), plain("proj_out", values, hidden, bias=bias))


def pixart(config: Config) -> Architecture:
    """PixArt's transformer: attention to the image's positions, then across to the prompt's, scaled by the step.

    One product makes the scales of all layers, and each layer adds learned ones of its own.
    """
    hidden, heads = read_transformer_heads(config, 16, 72)
    patch, first = patch_projection(config, hidden, 4)
    side = side_of(config)
    sizes = config.boolean("use_additional_conditions", default=side == 128)
    captions = config.optional_integer("caption_channels")
    unprompted = "cross_attention_dim" in config.values and not config.has("cross_attention_dim")
    prompt = None if unprompted else config.integer("cross_attention_dim", default=1152)
    block = prompted_block(
        hidden,
        heads,
        prompt=prompt,
        bias=config.boolean("attention_bias", default=True),
        gated=config.text("activation_fn", default="gelu-approximate") == "geglu",
        norms=config.boolean("norm_elementwise_affine", default=False),
        middle_norm=False,
    )
    conditions = "adaln_single.emb"
    depth = config.integer("num_layers", default=28, most=DEEPEST_STACK)
    inputs = config.integer("in_channels", default=4)
    return diffusion_model(
        config,
        hidden=hidden,
        first=(
            first,
            *embedding(f"{conditions}.timestep_embedder", 256, hidden),
            *(embedding(f"{conditions}.resolution_embedder", 256, hidden // 3) if sizes else ()),
            *(embedding(f"{conditions}.aspect_ratio_embedder", 256, hidden // 3) if sizes else ()),
            of_image("adaln_single.linear", 6 * hidden, hidden),
            *(() if captions is None else caption("caption_projection", captions, hidden)),
        ),
        stack=(
            Layer(
                path="transformer_blocks.{index}",
                operators=(Learned(name="scale_shift_table", size=6 * hidden), *block),
                indices=tuple(range(depth)),
            ),
        ),
        last=(
            Norm(name="norm_out", width=hidden, scaled=False),
            Learned(name="scale_shift_table", size=2 * hidden),
            plain("proj_out", patch**2 * channels_out(config, inputs, 8), hidden, bias=True),
        ),
        latents=Latents(patch=patch, channels=inputs, prompt=300, side=side),
    )
