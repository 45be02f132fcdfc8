"""Pipelines of diffusion, put together of their parts: encoders of the prompt, a denoiser, a decoder of images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, UnsupportedModelError
from ..images import Latents
from ..report import Note
from . import build as build_any
from ._towers import moved_layer, tower

DENOISERS = ("transformer", "unet", "decoder")
DECODERS = ("vae", "movq", "super_res_first", "super_res_last")
ENCODERS = (
    *("text_encoder", "text_encoder_2", "text_encoder_3", "image_encoder", "text_proj", "prior"),
    *("prior_text_encoder", "prior_image_encoder", "prior_prior"),
)
_NO_MODELS = ("Scheduler", "Tokenizer", "TokenizerFast", "Processor", "Extractor", "Checker", "Normalizer")


def pipeline(config: Config) -> Architecture:
    """A denoiser, and everything that the pipeline loads beside it.

    Raises ConfigError when there is no denoiser or a part's config is missing, UnsupportedModelError when there is a
    part that is not described.
    """
    name = config.text("_class_name")
    present = [part for part in config.values if _is_present(config, part)]
    for part in present:
        if part not in (*DENOISERS, *DECODERS, *ENCODERS):
            known = ", ".join((*DENOISERS, *DECODERS, *ENCODERS))
            raise UnsupportedModelError(f"The {name} has a {part}, which is not described. Described parts: {known}.")
    own = next((part for part in (*DENOISERS, "prior") if part in present), None)
    if own is None:
        raise ConfigError(f"The {name} has no part that denoises: one of {', '.join((*DENOISERS, 'prior'))}.")
    model = _part(config, own)
    encoders, decoders = (
        {part: _part(config, part) for part in parts if part in present and part != own}
        for parts in (ENCODERS, DECODERS)
    )
    latents, left_out = _latents(config, model, decoders), _left_out(config)
    return replace(
        model,
        model_type=name,
        encoder=_layers(encoders.values()),
        source_length=None if latents is None else latents.prompt,
        towers=tuple(
            tower(layer.path, layer.operators, layer.indices, layer.reduction) for layer in _layers(decoders.values())
        ),
        latents=latents,
        dtype=_dtype(config, own),
        notes=tuple(config.notes),
        apart=left_out,
        unloaded=None if left_out else (),
    )


def _class_of(value: object) -> str:
    """The class of a part: of its config, or as a model_index.json names it."""
    if isinstance(value, Mapping):
        classes = value.get("architectures")
        return str(value.get("_class_name") or (classes[0] if isinstance(classes, (list, tuple)) and classes else ""))
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return str(value[1] or "")
    return ""


def _is_present(config: Config, part: str) -> bool:
    """Whether a field is a model that the pipeline loads."""
    value = config.values[part]
    name = _class_of(value)
    if name.endswith(_NO_MODELS) or not (isinstance(value, Mapping) or name):
        return False
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"The config names a {part} ({name}) and does not hold its config; give the pipeline's folder with its "
            f"model_index.json, or the content of {part}/config.json in the place of the name."
        )
    return bool(name) or "model_type" in value


def _part(config: Config, part: str) -> Architecture:
    """One part, its weights where the pipeline's folder has them."""
    found = build_any(config.section(part))
    return replace(
        found,
        first=moved_layer(found.first, "", f"{part}."),
        stack=tuple(moved_layer(layer, "", f"{part}.") for layer in found.stack),
        last=moved_layer(found.last, "", f"{part}."),
    )


def _layers(parts: Iterable[Architecture]) -> tuple[Layer, ...]:
    return tuple(layer for part in parts for layer in part.text_layers())


def _latents(config: Config, model: Architecture, decoders: Mapping[str, Architecture]) -> Latents | None:
    """What the denoiser works on, at the scale of what decodes it."""
    latents = model.latents
    if latents is None:
        return None
    if "vae" in decoders or "movq" in decoders:
        section = config.section("vae" if "vae" in decoders else "movq")
        levels = len(section.integers("block_out_channels", default=(64,)))
        upcast = "XL" in config.text("_class_name") and section.boolean("force_upcast", default=True)
        return replace(latents, scale=1 << (levels - 1), upcast=upcast)
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
    config.note("torch_dtype", f"A pipeline states no number format; {dtype}, in which it is commonly run, was taken.")
    return dtype


def _left_out(config: Config) -> tuple[Note, ...]:
    if not _class_of(config.values.get("safety_checker")):
        return ()
    text = "The safety checker is not counted: 304 million parameters where it is loaded."
    return (Note(subject="safety_checker", text=text, origin="warning"),)
