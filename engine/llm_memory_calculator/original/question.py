"""The original's words of time and layout -> Deployment and Load."""

from __future__ import annotations

from .. import api
from ..arguments import (
    MOST_BEAMS,
    MOST_DEVICES,
    MOST_SEARCHED_DEVICES,
    MOST_SEQUENCES,
    MOST_TOKENS,
    HardwareLike,
    ModelLike,
    Question,
)
from ..checks import whole
from ..deployment import Deployment, Load
from ..errors import ArgumentError
from ..parallel import Parallelism, check
from ..question import assumed, deployed, named, require_tokens
from ..report import Note


def layout_of(
    tensor_parallel: object, pipeline_parallel: object, expert_parallel: object, data_parallel: object
) -> Parallelism:
    """The layout that the original's functions of time are given, one number an argument."""
    given = {
        "tensor": tensor_parallel,
        "pipeline": pipeline_parallel,
        "expert": expert_parallel,
        "data": data_parallel,
    }
    return Parallelism(**{name: whole(f"{name}_parallel", value, most=MOST_DEVICES) for name, value in given.items()})


def deployment_of(
    model: ModelLike | None,
    system_name: HardwareLike | None,
    bits: str | None,
    layout: Parallelism | None = None,
    *,
    kv_precision: str | None = None,
    token: str | None = None,
) -> Deployment:
    """A model on the system that was named, in a layout: None is one device, until a layout is searched."""
    if model is None:
        raise ArgumentError(
            "model is needed: a hub id such as 'meta-llama/Llama-2-7b-hf', a name of the catalogue such as "
            "'llama2_7b', a path, or a config."
        )
    if system_name is None:
        raise ArgumentError(
            "system_name is needed: an accelerator's name such as 'H100', or a dict of custom hardware with Flops "
            "(TFLOPS), Memory_size (GB) and Memory_BW (GB/s)."
        )
    found = api.load_model(model, token=token)
    require_tokens(found)
    accelerator, count = named(system_name, None, "system_name")
    used, notes = layout or Parallelism(), tuple[Note, ...]()
    if count is not None and count < used.devices:
        raise ArgumentError(
            f"{system_name!r} is {count} devices, and the layout that was given needs {used.devices}; name as many, "
            "or give a smaller layout."
        )
    if count is not None and count > used.devices and layout is not None:
        text = f"{system_name!r} names {count} devices, and the layout that was given uses {used.devices} of them."
        notes = (assumed("system_name", text),)
    check(found.architecture, used)
    asked = Question(precision=bits, kv_precision=kv_precision)
    return deployed(asked, found, accelerator=accelerator, layout=used, devices=count, notes=notes)


def load_of(batch_size: object, input_tokens: object, output_tokens: object = None, beam_size: object = 1) -> Load:
    """A batch of prompts, with outputs where there are any."""
    return Load(
        sequences=whole("batch_size", batch_size, most=MOST_SEQUENCES),
        tokens=whole("input_tokens", input_tokens, most=MOST_TOKENS),
        output=0 if output_tokens is None else whole("output_tokens", output_tokens, most=MOST_TOKENS),
        beams=whole("beam_size", beam_size, most=MOST_BEAMS),
    )


def devices_of(deployment: Deployment, system_name: HardwareLike | None, total_nodes: int | None) -> int:
    """The devices to share out: as many as were given, as the hardware's name says, or a node of 8."""
    if total_nodes is not None:
        assert system_name is not None
        total_nodes = named(system_name, whole("total_nodes", total_nodes, most=MOST_DEVICES), "total_nodes")[1]
    return whole("total_nodes", total_nodes or deployment.devices or 8, most=MOST_SEARCHED_DEVICES)


__all__ = ["deployment_of", "devices_of", "layout_of", "load_of"]
