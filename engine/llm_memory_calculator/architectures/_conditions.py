"""What a U-Net is told besides the image: the step, the prompt's width, sizes, classes, embedded images."""

from __future__ import annotations

from ..config import Config
from ..errors import ConfigError, shown
from ..operators import Embedding, Learned, Norm
from ._blocks import Operators
from ._diffusion import embedding, of_image, of_prompt


def step_embedding(config: Config, inputs: int, width: int) -> Operators:
    """Of the number of the step; of a strength of guidance too, in models that learned it (LCM)."""
    kind = config.text("time_embedding_type", default="positional")
    guided = config.optional_integer("time_cond_proj_dim")
    guidance = () if guided is None else (of_image("time_embedding.cond_proj", inputs, guided, bias=False),)
    if kind == "positional":
        return (*embedding("time_embedding", inputs, width), *guidance)
    raise ConfigError(
        f"The config's time_embedding_type must be 'positional', and is {shown(kind)}, which is not described."
    )


def class_embedding(config: Config, inputs: int, width: int) -> Operators:
    """Of a class, or of an embedded image (unCLIP)."""
    kind = config.text("class_embed_type", default="") if config.has("class_embed_type") else ""
    path, given = "class_embedding", "projection_class_embeddings_input_dim"
    if not kind:
        classes = config.optional_integer("num_class_embeds")
        return () if classes is None else (Embedding(name=path, entries=classes, width=width, part="positions"),)
    if kind == "timestep":
        return embedding(path, inputs, width)
    if kind == "projection":
        return embedding(path, config.integer(given), width)
    if kind == "simple_projection":
        return (of_image(path, width, config.integer(given)),)
    if kind == "identity":
        return ()
    raise _unknown("class_embed_type", kind, ("timestep", "projection", "simple_projection", "identity"))


def prompt_projection(config: Config, width: int) -> Operators:
    """From the width of what encodes the prompt to the width that is attended."""
    inputs = config.optional_integer("encoder_hid_dim")
    default = "" if inputs is None else "text_proj"
    kind = config.text("encoder_hid_dim_type") if config.has("encoder_hid_dim_type") else default
    path = "encoder_hid_proj"
    if not kind:
        return ()
    inputs = config.integer("encoder_hid_dim")
    if kind == "text_proj":
        return (of_prompt(path, width, inputs),)
    if kind == "text_image_proj":
        return (of_image(f"{path}.image_embeds", 10 * width, width), of_prompt(f"{path}.text_proj", width, inputs))
    if kind == "image_proj":
        norm = Norm(name=f"{path}.norm", width=width, bias=True)
        return (of_image(f"{path}.image_embeds", 32 * width, inputs), norm)
    raise _unknown("encoder_hid_dim_type", kind, ("text_proj", "text_image_proj", "image_proj"))


def added_embedding(config: Config, prompt: int, width: int) -> Operators:
    """Of what is added to the step: the pooled prompt, the image's sizes (SDXL), an embedded image (Kandinsky)."""
    kind = config.text("addition_embed_type") if config.has("addition_embed_type") else ""
    path = "add_embedding"
    if not kind:
        return ()
    if kind == "text_time":
        return embedding(path, config.integer("projection_class_embeddings_input_dim"), width)
    if kind == "text_image":
        return (
            of_image(f"{path}.text_proj", width, prompt),
            Norm(name=f"{path}.text_norm", width=width, bias=True),
            of_image(f"{path}.image_proj", width, prompt),
        )
    if kind == "image":
        norm = Norm(name=f"{path}.image_norm", width=width, bias=True)
        return (of_image(f"{path}.image_proj", width, config.integer("encoder_hid_dim")), norm)
    if kind == "text":
        inputs = config.optional_integer("encoder_hid_dim") or prompt
        return (
            Norm(name=f"{path}.norm1", width=inputs, bias=True),
            Learned(name=f"{path}.pool.positional_embedding", size=inputs),
            *(of_image(f"{path}.pool.{name}_proj", inputs, inputs) for name in "kqv"),
            of_image(f"{path}.proj", width, inputs),
            Norm(name=f"{path}.norm2", width=width, bias=True),
        )
    raise _unknown("addition_embed_type", kind, ("text", "text_time", "text_image", "image"))


def _unknown(field: str, kind: str, known: tuple[str, ...]) -> ConfigError:
    return ConfigError(f"The config's {field} must be null or one of {', '.join(known)}, and is {shown(kind)}.")
