"""The one description of a model: groups of equal layers of operators. Everything else is a sum over operators."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from .operators import Operator, State, Step, sum_states

if TYPE_CHECKING:
    from .images import Images, Latents, Sounds, Videos
    from .operators import StateChoice
    from .report import Note
    from .units import Quantity

__all__ = ["Architecture", "Layer", "Step"]

Task = Literal["decoder", "encoder", "encoder-decoder", "diffusion"]
Positions = Literal["image", "prompt", "both"]
"""What of a denoiser's positions a layer works on: the image's, the encoded prompt's, or both as one sequence."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """Equal layers: the same operators at each of the positions `indices` of the stack.

    `path` is where their weights stand in the checkpoint, with {index} for the position. A layer outside the stack
    (embedding, head) has no indices and stands once.
    """

    path: str
    operators: tuple[Operator, ...]
    indices: tuple[int, ...] | None = None
    reduction: int = 1
    """Positions of the step for each that this layer works on: a tower's convolution or merger gives fewer. Those of a
    spectrum are what its first convolution gives, over time and pitch."""
    owner: int | None = None
    """Position of the layer whose matrices these layers use too (Zamba's shared blocks), storing none of them."""
    frame_reduction: int = 1
    """Of the reduction, that over the frames of a video, the first of which has a position of its own."""
    kept: int = 0
    """Values for each of its positions that stay alive until a later layer takes them: a U-Net's skip connection."""
    over: Positions = "image"
    """What of a denoiser's positions it works on."""
    idle: bool = False
    """Loaded by a pipeline, and not run where images are made of a prompt: an autoencoder's encoder, a tower for images
    of what encodes prompts; or run in other steps in place of a layer alike (Wan 2.2's second denoiser)."""
    of_sound: bool = False
    """Of a tower for sounds, through which no image or video runs."""
    assumed: bool = False
    """Of a tower of which the config says nothing: its family's default, which a text-only conversion has not."""

    @property
    def repeat(self) -> int:
        return 1 if self.indices is None else len(self.indices)

    @property
    def parameters(self) -> int:
        """Those of all these layers."""
        return self.repeat * sum(weight.parameters for operator in self.operators for weight in operator.weights())

    @property
    def values(self) -> int:
        """Those of all these layers that a checkpoint stores, buffers too."""
        return self.repeat * sum(weight.size for operator in self.operators for weight in operator.weights())

    def module_paths(self) -> list[str]:
        """The checkpoint's path of each of these layers."""
        return [self.path] if self.indices is None else [self.path.format(index=index) for index in self.indices]

    def self_contained(self) -> Layer:
        """The same with the matrices that are stored elsewhere as its own: what a step reads, or a stage copies."""
        return replace(self, operators=tuple(operator.self_contained() for operator in self.operators), owner=None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Architecture:
    """A model as layers in the order of a forward pass: `first` (embedding), the stack, `last` (norm and head).

    An encoder-decoder's stack is its decoder, and `encoder` runs before it, once over the source. A diffusion model's
    stack is its denoiser, with the encoders of the prompt before it and the decoder of images as a tower. Compared and
    hashed by identity. Sizes are those of the whole model, or of one rank after `shard` and `stage`.
    """

    model_type: str
    hidden_size: int
    vocab_size: int
    first: Layer
    stack: tuple[Layer, ...]
    last: Layer
    towers: tuple[Layer, ...] = ()
    """Encoders of images and audio, which run once for each input and not in the steps of the text."""
    encoder: tuple[Layer, ...] = ()
    """Runs once over the source of a sequence (T5's and Whisper's encoder)."""
    task: Task = "decoder"
    source_length: int | None = None
    """Positions that the encoder gives where they are always as many (Whisper); None: as many as the source has."""
    images: Images | None = None
    """What an image is in positions and tokens, where there is a tower for images."""
    videos: Videos | None = None
    """The same of a video."""
    sounds: Sounds | None = None
    """The same of a sound, where there is an encoder of sounds."""
    latents: Latents | None = None
    """What images are made of, where the model makes some."""
    tower_type: str = ""
    """The family of the tower for images, as the config names it."""
    rotary_values: int = 0
    """Values of the tables of sines and cosines that engines keep for rotary positions."""
    max_length: int | None = None
    """Longest sequence that the config allows, in tokens."""
    dtype: str | None = None
    """Number format that the config states for its unquantised weights."""
    gguf_rules: str = ""
    """What llama-quantize does otherwise with this family, by its name in data/gguf.toml."""
    notes: tuple[Note, ...] = field(default=())
    apart: tuple[Note, ...] = field(default=())
    """Parts of the checkpoint that are not in the sums, such as layers for multi-token prediction."""
    unloaded: tuple[Layer, ...] | None = ()
    """These parts, which files hold and engines do not load; None where a part of them is not described."""

    def layers(self) -> Iterator[Layer]:
        """Everything that is stored."""
        yield from self.towers
        yield from self.encoder
        yield from self.text_layers()

    def text_layers(self) -> Iterator[Layer]:
        """What a step of the text runs through, in order."""
        yield self.first
        yield from self.stack
        yield self.last

    @property
    def predictors(self) -> tuple[Layer, ...]:
        """The layers for multi-token prediction: those that attend, of what engines do not load by themselves."""
        return tuple(layer for layer in self.unloaded or () if any(operator.caches for operator in layer.operators))

    @property
    def depth(self) -> int:
        return sum(layer.repeat for layer in self.stack)

    @property
    def parameter_count(self) -> int:
        """Trainable parameters, tied weights once, buffers not counted."""
        return _counts(self).parameters

    @property
    def stored_parameter_count(self) -> int | None:
        """Values that the checkpoint's files hold: buffers and what engines do not load are among them."""
        if self.unloaded is None:
            return None
        return sum(layer.values for layer in (*self.layers(), *self.unloaded))

    @property
    def active_parameter_count(self) -> int:
        """Parameters that one token multiplies: the routed experts that it does not pick left out."""
        return _counts(self).active

    @property
    def embedding_parameter_count(self) -> int:
        """Parameters of the input tables: tokens and learned positions."""
        return _counts(self).embedding

    def cached_values(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        """Values in the KV cache of one sequence of `tokens` tokens that attends `source` encoded positions."""
        total: Quantity = 0
        for repeat, operator in self.caching():
            total = total + repeat * operator.cached_values(tokens, source)
        return total

    def caching(self) -> tuple[tuple[int, Operator], ...]:
        """(how many layers have it, operator) of those that cache something."""
        return _caching(self)

    def state(self) -> State:
        """Values of one sequence that do not grow with its length."""
        return _state(self)

    def in_engine(self, state: StateChoice) -> Architecture:
        """The same with recurrent states and convolution windows as engines keep them that were told of a format."""
        return replace(
            self,
            stack=tuple(
                replace(layer, operators=tuple(operator.in_engine(state) for operator in layer.operators))
                for layer in self.stack
            ),
        )

    def source_of(self, tokens: int) -> int:
        """Positions that the encoder gives for a source of `tokens` tokens; 0 where there is no encoder."""
        if self.task != "encoder-decoder":
            return 0
        return tokens if self.source_length is None else self.source_length

    @property
    def prompt_is_source(self) -> bool:
        """Whether a prompt goes into the encoder (T5), and not to the decoder beside what was encoded (Whisper)."""
        return self.task == "encoder-decoder" and self.source_length is None

    @property
    def attention_type(self) -> str:
        """MLA, MHA, GQA or MQA, by the heads of the first layer that attends; "none" where none does."""
        for layer in self.stack:
            for operator in layer.operators:
                if operator.head_sharing is not None:
                    return operator.head_sharing
        return "none"

    @property
    def has_tied_head(self) -> bool:
        return any(operator.borrows for operator in self.last.operators)

    def shard(self, tensor: int, expert: int = 1, copies: int = 1, context: int = 1) -> Architecture:
        """What one of `tensor` tensor-parallel ranks holds, its experts shared among `expert` groups of the ranks of so
        many copies, the tokens of its cache among `context` ranks.
        """
        return self if tensor == copies == 1 else _shard(self, tensor, expert, copies, context)


@dataclass(frozen=True, slots=True)
class _Counts:
    parameters: int
    active: int
    embedding: int


@lru_cache(maxsize=512)
def _counts(architecture: Architecture) -> _Counts:
    parameters = active = embedding = 0
    for layer in architecture.layers():
        for operator in layer.operators:
            active += layer.repeat * operator.active_parameters()
            for weight in operator.weights():
                parameters += layer.repeat * weight.parameters
                embedding += layer.repeat * weight.parameters if weight.role == "table" else 0
    return _Counts(parameters=parameters, active=active, embedding=embedding)


@lru_cache(maxsize=1024)
def _caching(architecture: Architecture) -> tuple[tuple[int, Operator], ...]:
    return tuple(
        (layer.repeat, operator) for layer in architecture.stack for operator in layer.operators if operator.caches
    )


@lru_cache(maxsize=1024)
def _state(architecture: Architecture) -> State:
    return sum_states((layer.repeat, operator.state()) for layer in architecture.stack for operator in layer.operators)


@lru_cache(maxsize=256)
def _shard(architecture: Architecture, tensor: int, expert: int, copies: int, context: int) -> Architecture:
    def of_rank(layer: Layer) -> Layer:
        if any(operator.expert_count for operator in layer.operators):
            return _shard_layer(layer, tensor, expert, copies, context)
        # the same layer however experts are shared: its formats and times are known by its identity
        return layer if tensor == 1 else _shard_layer(layer, tensor, 1, 1, context)

    return replace(
        architecture,
        towers=tuple(map(of_rank, architecture.towers)),
        encoder=tuple(map(of_rank, architecture.encoder)),
        first=of_rank(architecture.first),
        stack=tuple(map(of_rank, architecture.stack)),
        last=of_rank(architecture.last),
    )


@lru_cache(maxsize=4096)
def _shard_layer(layer: Layer, tensor: int, expert: int, copies: int, context: int) -> Layer:
    operators = (operator.pooled(copies).shard(tensor, expert) for operator in layer.operators)
    if context > 1:
        operators = (operator.over_context(context) for operator in operators)
    return replace(layer, operators=tuple(operators))
