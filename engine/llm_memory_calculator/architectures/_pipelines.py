"""Pipelines of diffusion, put together of their parts: encoders of the prompt, a denoiser, a decoder of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, UnsupportedModelError, shown
from ..images import Latents
from ..report import Note
from . import build as build_any
from ._diffusion import idle
from ._towers import moved_layer, tower

DENOISERS = ("transformer", "unet", "decoder")
# what runs in other steps in place of the denoiser (Wan 2.2), or beside it in each step
IN_TURN = "transformer_2"
MORE_DENOISERS = (IN_TURN, "controlnet", "controlnet_1", "controlnet_2", "controlnet_3")
DECODERS = ("vae", "movq", "vqgan", "super_res_first", "super_res_last")
ENCODERS = (
    *("text_encoder", "text_encoder_2", "text_encoder_3", "text_encoder_4", "image_encoder", "text_proj", "prior"),
    *("prior_text_encoder", "prior_image_encoder", "prior_prior"),
)
_KNOWN = (*DENOISERS, *MORE_DENOISERS, *DECODERS, *ENCODERS)
_NO_MODELS = ("Scheduler", "Tokenizer", "TokenizerFast", "Processor", "Extractor", "Checker", "Normalizer", "Guidance")


def pipeline(config: Config) -> Architecture:
    """A denoiser, and everything that the pipeline loads beside it.

    Raises ConfigError when there is no denoiser or a part's config is missing, UnsupportedModelError when there is a
    part that is not described.
    """
    name = config.text("_class_name")
    config = _told_apart(config)
    present = [part for part in config.values if _is_present(config, part)]
    for part in present:
        if part not in _KNOWN:
            known = ", ".join(_KNOWN)
            raise UnsupportedModelError(f"The {name} has a {part}, which is not described. Described parts: {known}.")
    own = next((part for part in (*DENOISERS, "prior") if part in present), None)
    if own is None:
        raise ConfigError(f"The {name} has no part that denoises: one of {', '.join((*DENOISERS, 'prior'))}.")
    model = _part(config, own)
    encoders, decoders, more = (
        {part: _part(config, part) for part in parts if part in present and part != own}
        for parts in (ENCODERS, DECODERS, MORE_DENOISERS)
    )
    # what encodes prompts sees no image
    encoders = {part: replace(encoder, towers=idle(encoder.towers)) for part, encoder in encoders.items()}
    beside = tuple(
        layer if part != IN_TURN else replace(layer, idle=True) for part in more for layer in more[part].layers()
    )
    latents, left_out = _latents(config, own, model, decoders), _left_out(config)
    return replace(
        model,
        model_type=name,
        stack=(*model.stack, *beside),
        encoder=_layers(encoders.values()),
        source_length=None if latents is None else latents.prompt,
        towers=tuple(
            replace(layer, operators=tower("", layer.operators).operators) for layer in _layers(decoders.values())
        ),
        latents=latents,
        dtype=_dtype(config, own),
        notes=tuple(config.notes),
        apart=left_out,
        unloaded=None if left_out else (),
    )


def _told_apart(config: Config) -> Config:
    """The same with each of several ControlNets under a name of its own, as a pipeline's folder has them."""
    nets = config.values.get("controlnet")
    if not isinstance(nets, (list, tuple)) or not nets or not all(isinstance(net, Mapping) for net in nets):
        return config
    if len(nets) > 4:
        raise ConfigError(f"The config's controlnet has {len(nets)} models, and at most 4 are described.")
    named = {f"controlnet_{number}" if number else "controlnet": net for number, net in enumerate(nets)}
    return config.stating(**named)


def _class_of(value: object) -> str:
    """The class of a part: of its config, or as a model_index.json names it."""
    if isinstance(value, Mapping):
        classes = value.get("architectures")
        return str(value.get("_class_name") or (classes[0] if isinstance(classes, (list, tuple)) and classes else ""))
    if isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[1], str):
        return value[1]
    return ""


def _is_present(config: Config, part: str) -> bool:
    """Whether a field is a model that the pipeline loads."""
    value = config.values[part]
    name = _class_of(value)
    if not name and not (isinstance(value, Mapping) and "model_type" in value):
        if part in _KNOWN and value not in (None, "", [None, None], (None, None)):
            raise ConfigError(
                f"The config's {part} must be the config of a model, the pair of names by which a model_index.json has "
                f"it, or null, and is {shown(value)}."
            )
        return False
    if name.endswith(_NO_MODELS):
        return False
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"The config names a {part} ({name}) and does not hold its config; give the pipeline's folder with its "
            f"model_index.json, or the content of {part}/config.json in the place of the name."
        )
    return True


def _part(config: Config, part: str) -> Architecture:
    """One part, its weights where the pipeline's folder has them."""
    found = build_any(config.section(part))

    def moved(layers: Iterable[Layer]) -> tuple[Layer, ...]:
        return tuple(moved_layer(layer, "", f"{part}.") for layer in layers)

    return replace(
        found,
        first=moved_layer(found.first, "", f"{part}."),
        stack=moved(found.stack),
        last=moved_layer(found.last, "", f"{part}."),
        towers=moved(found.towers),
        encoder=moved(found.encoder),
    )


def _layers(parts: Iterable[Architecture]) -> tuple[Layer, ...]:
    """All layers, of the towers of a language model that encodes prompts too."""
    return tuple(layer for part in parts for layer in part.layers())


def _latents(config: Config, own: str, model: Architecture, decoders: Mapping[str, Architecture]) -> Latents | None:
    """What the denoiser works on, at the scale of what decodes it."""
    latents = model.latents
    # a prior's result is decoded by another denoiser
    if latents is None or own == "prior":
        return latents
    of_decoders = (part.latents for part in decoders.values() if part.latents is not None)
    made = next((found.decodes for found in of_decoders if found.decodes is not None), None)
    if made is not None:
        upcast = "XL" in config.text("_class_name") and config.section("vae").boolean("force_upcast", default=True)
        return replace(
            latents, scale=made.side, frame_scale=made.frames, frames_at_once=made.frames_at_once, upcast=upcast
        )
    sides = [part.latents.side for part in decoders.values() if part.latents is not None]
    largest = max((side for side in sides if side is not None), default=None)
    if largest is None or latents.side is None:
        return replace(latents, scale=1)
    return replace(latents, scale=max(1, largest // latents.side))


def _dtype(config: Config, own: str) -> str:
    """The format in which pipelines are run, unless the config states one: fp16 with a U-Net, bf16 with others."""
    if config.has("torch_dtype", "dtype"):
        return config.text("torch_dtype", "dtype")
    dtype = "bfloat16" if own == "transformer" else "float16"
    config.note("torch_dtype", f"{dtype} was taken, as pipelines state no format.")
    return dtype


def _left_out(config: Config) -> tuple[Note, ...]:
    if not _class_of(config.values.get("safety_checker")):
        return ()
    text = "The safety checker is not counted: 304 million parameters where it is loaded."
    return (Note(subject="safety_checker", text=text, origin="warning"),)
