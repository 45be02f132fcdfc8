"""Checks of single values that a caller passes: each error names the argument, what is accepted, the nearest match."""

from __future__ import annotations

import functools
import inspect
import numbers
import operator
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

from llm_memory_hardware.as_described import in_own_keys
from llm_memory_hardware.wording import words

from .errors import ArgumentError, UnknownArgumentError, did_you_mean, kind_of, shown
from .lengths import Lengths
from .written_numbers import number_of

# A side, or height and width, as people write them; bounded, for it is tried on what anyone typed.
_SIDES = re.compile(r"\s*(\d{1,12})\s*(?:[xX\u00d7*]\s*(\d{1,12})\s*)?(?:px\s*)?")

# A share above 1 that can only be a percentage: 90 is 90 %, and 1.5 is a slip.
_PERCENT = (10, 100)
_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

EVERY = ("all", "any", "every", "everything", "*")
"""Words that name no accelerator and mean each."""
_LISTED = re.compile(r"\s*[,;|]\s*(?:and\s+|or\s+)?|\s+(?:vs\.?|versus|or|and|/)\s+", re.IGNORECASE)
# What an object of an accelerator's name has, as people and search_hardware write it, and what else its rows say.
_NAME_OF_ONE = ("hardware", "name", "gpu", "gpu_name", "gpu_type", "model", "accelerator", "device")
_COUNT_OF_ONE = ("count", "quantity", "devices", "gpus", "num_gpus", "gpu_count", "number")
_OF_A_ROW = {"manufacturer", "kind", "memory_gb", "memory_bandwidth_gb_s"}
_MOST_COUNTED = 65_536

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def whole(name: str, value: object, *, least: int = 1, most: int, unit: str = "") -> int:
    """The value as a Python int between `least` and `most`; whole floats, NumPy integers and text (32k) are taken."""
    if type(value) is int and least <= value <= most:
        return value
    number = _typed(_plain(value), unit)
    if isinstance(number, float) and least <= number <= most and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise ArgumentError(f"{name} must be a whole number between {least:,} and {most:,}, and is {shown(value)}.")
    if not least <= operator.index(number) <= most:
        raise ArgumentError(f"{name} must be between {least:,} and {most:,}, and is {shown(number)}.")
    return operator.index(number)


def _plain(value: object) -> Any:
    """A number or an array of NumPy and its like as Python's own values; anything else as it is."""
    listed = getattr(value, "tolist", None)
    return listed() if callable(listed) else value


def real(name: str, value: object, *, above: float = 0.0, most: float, unit: str = "", or_none: bool = False) -> float:
    """The value as a finite float with above < value <= most, in text with its unit too (24 GB); or_none: or 0."""
    number = _typed(_plain(value), unit or ("share" if most <= 1 else ""))
    # compared before it is a float: a whole number may be beyond what a float holds
    known = isinstance(number, numbers.Real) and not isinstance(number, bool)
    if known and most == 1 and _PERCENT[0] <= number <= _PERCENT[1]:
        number = float(number) / 100
    if not known or not (above < number <= most or (or_none and number == 0)):
        unit = f" {unit}" if unit else ""
        bounds = f"from 0 to {most:g}" if or_none else f"above {above:g} and up to {most:g}"
        raise ArgumentError(f"{name} must be a number {bounds}{unit}, and is {shown(value)}.")
    return float(number)


def text(name: str, value: object, examples: Sequence[object] = ()) -> str:
    """The value as it is, where it is a string."""
    if not isinstance(value, str):
        example = f" such as {examples[0]!r}" if examples else ""
        # its kind alone: what should have been a token is not to be shown
        raise ArgumentError(f"{name} must be text{example}, and is {kind_of(value)}.")
    return value


def flag(name: str, value: object) -> bool:
    """True or False, in text too."""
    said = yes_or_no(value)
    if said is None:
        raise ArgumentError(f"{name} must be {words().flag}, and is {shown(value)}.")
    return said


def yes_or_no(value: object) -> bool | None:
    """What a value says, in text too; None where it says neither."""
    if isinstance(value, str):
        return _FLAGS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def choice(name: str, value: object, accepted: tuple[str, ...]) -> str:
    """One of the accepted words."""
    if not isinstance(value, str) or value not in accepted:
        near = did_you_mean(value, accepted) if isinstance(value, str) else ""
        raise ArgumentError(f"{name} {shown(value)} is not known.{near} Accepted: {', '.join(accepted)}.")
    return value


def names(name: str, value: object) -> str | Sequence[str]:
    """One name or a list of names, which a text may hold between commas."""
    given = _plain(value)
    if isinstance(given, str) and "," in given:
        given = [one for part in given.split(",") if (one := part.strip())]
    if isinstance(given, str):
        return given
    if (
        not isinstance(given, Collection)
        or isinstance(given, Mapping)
        or not all(isinstance(one, str) for one in given)
    ):
        raise ArgumentError(f"{name} must be a name or a list of names, and is {shown(value)}.")
    if not given:
        raise ArgumentError(f"{name} is an empty list; name one or more, or leave it out.")
    return tuple(dict.fromkeys(given))


def wholes(name: str, value: object, *, least: int = 1, most: int, unit: str = "") -> tuple[int, ...]:
    """One whole number or several, each once, in their order."""
    given = _plain(value)
    if isinstance(given, (str, Mapping)) or not isinstance(given, Collection):
        return (whole(name, given, least=least, most=most, unit=unit),)
    found = tuple(dict.fromkeys(whole(name, one, least=least, most=most, unit=unit) for one in given))
    if not found:
        raise ArgumentError(f"{name} must be a whole number or a list of at least one, such as [1, 8, 64].")
    return found


def sides(name: str, value: object, *, most: int) -> int | tuple[int, int]:
    """One side of an image, or its height and width, in pixels: a number, a pair, or text (768x1024)."""
    given = _plain(value)
    if isinstance(given, str) and (typed := _SIDES.fullmatch(given)):
        given = [int(side) for side in typed.groups() if side is not None]
        given = given if len(given) == 2 else given[0]
    if isinstance(given, str) or (isinstance(given, (list, tuple)) and len(given) != 2):
        raise ArgumentError(
            f"{name} must be one side or height and width in pixels (1024, 768x1024 or [768, 1024]), and is "
            f"{shown(value)}."
        )
    if not isinstance(given, (list, tuple)):
        return whole(name, given, most=most)
    return whole(name, given[0], most=most), whole(name, given[1], most=most)


def mix(name: str, value: object, *, most: int) -> tuple[tuple[int, float], ...]:
    """Lengths with their shares, made to sum to 1, shortest first: of an object, pairs, or text (2048:0.7,8192:0.3)."""
    given = _plain(value)
    if isinstance(given, str):
        given = [pair.split(":") for pair in given.split(",")]
    pairs = list(given.items() if isinstance(given, Mapping) else given) if isinstance(given, Collection) else []
    if not pairs or not all(isinstance(pair, Sequence) and len(pair) == 2 for pair in pairs):
        raise ArgumentError(
            f"{name} must be lengths with their shares (2048:0.7,8192:0.3, [[2048, 0.7], [8192, 0.3]] or an object of "
            f"them), and is {shown(value)}."
        )
    shares: dict[int, float] = {}
    for length, share in pairs:
        tokens = whole(f"{name}'s length", length, most=most, unit="tokens")
        shares[tokens] = shares.get(tokens, 0.0) + real(f"{name}'s share", share, most=1e9, unit="share")
    total = sum(shares.values())
    return tuple((tokens, shares[tokens] / total) for tokens in sorted(shares))


# Pairs of numbers that say how lengths are spread.
_SPREADS: Mapping[tuple[str, str], Callable[[float, float], Lengths]] = {
    ("p50", "p90"): partial(Lengths.by_percentiles, share=0.90),
    ("p50", "p95"): Lengths.by_percentiles,
    ("p50", "p99"): partial(Lengths.by_percentiles, share=0.99),
    ("least", "most"): Lengths.uniform,
}


def lengths(name: str, value: object, *, most: int) -> Any:
    """A length, or how lengths are spread: {p50, p95}, {mean, std}, {least, most} or these
    two alone, lengths with their shares."""
    if isinstance(value, Lengths):
        return value
    given = _plain(value)
    if isinstance(given, str) and ":" in given:
        given = dict(mix(name, given, most=most))
    if isinstance(given, list | tuple) and len(given) == 2:
        given = dict(zip(("least", "most"), given, strict=True))
    if not isinstance(given, Mapping):
        return whole(name, given, most=most, unit="tokens")
    words = tuple(str(word) for word in given)
    for pair, made in _SPREADS.items():
        if set(words) == set(pair):
            low, high = (whole(f"{name}'s {word}", given[word], most=most, unit="tokens") for word in pair)
            if low > high:
                raise ArgumentError(f"{name}'s {pair[0]} is {low:,}, above its {pair[1]} of {high:,}; turn them round.")
            return made(low, high)
    if set(words) == {"mean", "std"}:
        mean, std = (
            real(f"{name}'s {word}", given[word], most=most, unit="tokens", or_none=word == "std")
            for word in ("mean", "std")
        )
        return Lengths.by_deviation(max(1.0, mean), std)
    if any(not word.replace(".", "").isdigit() for word in words):
        raise ArgumentError(
            f"{name} must be a whole number, or an object of p50 with p90, p95 or p99, of mean and std, of least and "
            f"most, or of lengths with their shares, and is {shown(value)}."
        )
    return Lengths.mixed(dict(mix(name, given, most=most)))


def _typed(value: object, unit: str = "") -> Any:
    """A number that was typed, or is the key of an object of JSON; anything else as it is."""
    if not isinstance(value, str):
        return value
    number = number_of(value, unit)
    return value if number is None else number


def adapters(name: str, value: object) -> Any:
    """An object of adapters or the path of one; a configuration of PEFT's own class as the object of its fields."""
    if isinstance(value, (str, Mapping)):
        return value
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return path
    if is_dataclass(value) and not isinstance(value, type):
        if not hasattr(value, "peft_type"):
            return value
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise ArgumentError(
        f"{name} must be an object, or the path of an adapter_config.json or of the folder that holds one, and is "
        f"{shown(value)}."
    )


def mapping(name: str, value: object) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{name} must be an object, and is {shown(value)}.")
    return value


def is_all(hardware: object) -> bool:
    """Whether every accelerator is meant and none is named."""
    only = hardware[0] if isinstance(hardware, (list, tuple)) and len(hardware) == 1 else hardware
    return isinstance(only, str) and only.strip().lower() in EVERY


def one_hardware(value: object) -> Any:
    """What names or describes one accelerator, which its own room reads, also as a list of it alone."""
    return _by_name(value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value)


def _by_name(value: object) -> Any:
    """An object that only names an accelerator and counts it ({name, count}), or is a row of search_hardware, as the
    text that does; one that describes it in the catalogue's own keys and units; anything else as it is."""
    if not isinstance(value, Mapping):
        return value
    said = {_spelt(word): one for word, one in value.items() if isinstance(word, str)}
    name = next((said[word] for word in _NAME_OF_ONE if isinstance(said.get(word), str)), None)
    rest = said.keys() - {*_NAME_OF_ONE, *_COUNT_OF_ONE}
    if name is None or (rest and not rest >= _OF_A_ROW) or len(said) < len(value):
        return in_own_keys(value)
    count = next((said[word] for word in _COUNT_OF_ONE if word in said), None)
    return name if count is None else f"{whole('count', count, most=_MOST_COUNTED)}x {name}"


def hardware_list(value: object) -> Any:
    """What names or describes accelerators, also as names between commas, "and" or "vs"; a name twice is there once."""
    given = value
    if isinstance(value, str):
        parts = [part for one in _LISTED.split(value) if (part := one.strip())]
        # "3090 and 3090" are two of one machine
        given = parts if len(set(parts)) > 1 else value
    if not isinstance(given, (list, tuple)):
        return _by_name(given)
    given = [_by_name(one) for one in given]
    # descriptions are compared as they are: they cannot be keys
    return [one for index, one in enumerate(given) if one not in given[:index]]


def object_or_path(name: str, value: object) -> Any:
    """An object, what gives one by `as_mapping`, or the path of the file that holds one."""
    as_mapping = getattr(value, "as_mapping", None)
    if callable(as_mapping):
        return as_mapping()
    if isinstance(value, (str, Mapping)):
        return value
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return path
    raise ArgumentError(f"{name} must be an object or the path of its file, and is {shown(value)}.")


def listed(name: str, value: object, *, objects: bool = False, examples: Sequence[object] = ()) -> tuple[Any, ...]:
    """One or several as a tuple; `objects`: each of them an object of arguments."""
    given = _plain(value)
    several = isinstance(given, Collection) and not isinstance(given, (str, bytes, Mapping, os.PathLike))
    entries = tuple(given) if several else (given,)
    if not entries or (objects and not all(isinstance(entry, Mapping) for entry in entries)):
        what = "an object of arguments or a list of such" if objects else "one or a list of some"
        raise ArgumentError(f"{name} must be {what}, such as {examples[0]!r}, and is {shown(value)}.")
    return entries


def path(name: str, value: object, examples: Sequence[object] = ()) -> str:
    """The path of a file as text."""
    place = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(place, str) or not place:
        raise ArgumentError(f"{name} must be the path of a file such as {examples[0]!r}, and is {shown(value)}.")
    return place


def executor(name: str, value: object) -> Any:
    """What answers `submit`, an instance and not its class."""
    if isinstance(value, type) or not callable(getattr(value, "submit", None)):
        raise ArgumentError(
            f"{name} must have submit(function, *arguments) that returns a concurrent.futures.Future, as "
            f"ProcessPoolExecutor(8) and Dask's Client.get_executor() have, and is {shown(value)}."
        )
    return value


def function(name: str, value: object) -> Any:
    if not callable(value):
        raise ArgumentError(f"{name} must be a function, and is {shown(value)}.")
    return value


# What engines, benchmarks and people call what has one name for all of them here.
_OTHERS_WORDS = {
    "users": "concurrency",
    "num_users": "concurrency",
    "n_users": "concurrency",
    "concurrent_users": "concurrency",
    "concurrent_requests": "concurrency",
    "max_concurrency": "concurrency",
    "qps": "request_rate",
    "rps": "request_rate",
    "requests_per_second": "request_rate",
    "requests_per_s": "request_rate",
    "queries_per_second": "request_rate",
    "arrival_rate": "request_rate",
    "num_requests": "requests",
    "num_prompts": "requests",
    "isl": "input_tokens",
    "input_len": "input_tokens",
    "input_length": "input_tokens",
    "prompt_len": "input_tokens",
    "prompt_length": "input_tokens",
    "prompt_tokens": "input_tokens",
    "osl": "output_tokens",
    "output_len": "output_tokens",
    "output_length": "output_tokens",
    "max_tokens": "output_tokens",
    "max_new_tokens": "output_tokens",
    "completion_tokens": "output_tokens",
    "name": "model",
    "model_name": "model",
    "model_id": "model",
    "hf_model": "model",
    "gpu": "hardware",
    "gpu_type": "hardware",
    "gpu_name": "hardware",
    "gpu_model": "hardware",
    "device": "hardware",
    "device_type": "hardware",
    "device_name": "hardware",
    "accelerator": "hardware",
    "accelerators": "hardware",
    "vram": "memory_gb",
    "vram_gb": "memory_gb",
    "gpu_memory": "memory_gb",
    "gpu_memory_gb": "memory_gb",
    "device_memory_gb": "memory_gb",
    "memory": "memory_gb",
    "gpus": "devices",
    "num_gpus": "devices",
    "n_gpus": "devices",
    "gpu_count": "devices",
    "num_devices": "devices",
    "device_count": "devices",
    "max_gpus": "max_devices",
    "steps": "num_inference_steps",
    "num_steps": "num_inference_steps",
    "inference_steps": "num_inference_steps",
    "images": "num_images",
    "resolution": "image_resolution",
    "image_size": "image_resolution",
    "frames": "num_frames",
    "draft_model": "speculative",
    "speculative_model": "speculative",
    "optimize_for": "goal",
    "objective": "goal",
    "metric": "goal",
    "sort_by": "order",
    "order_by": "order",
    "limit": "top",
    "top_k": "top",
    "vendor": "manufacturer",
    "brand": "manufacturer",
    "maker": "manufacturer",
    "log": "text",
    "verbosity": "detail",
    "context": "seq_length",
    "context_length": "seq_length",
    "context_len": "seq_length",
    "context_size": "seq_length",
    "context_window": "seq_length",
    "max_context": "seq_length",
    "max_context_length": "seq_length",
    "ctx": "seq_length",
    "seq_len": "seq_length",
    "sequence_length": "seq_length",
    "max_seq_length": "seq_length",
    "max_sequence_length": "seq_length",
    "batch": "batch_size",
    "bs": "batch_size",
    "num_sequences": "batch_size",
    "framework": "engine",
    "backend": "engine",
    "runtime": "engine",
    "serving_engine": "engine",
    "inference_engine": "engine",
    "cache_hit_rate": "cached_share",
    "prefix_cache_hit_rate": "cached_share",
    "ttft_slo_ms": "ttft_target_ms",
    "ttft_ms": "ttft_target_ms",
    "max_ttft_ms": "ttft_target_ms",
    "target_ttft_ms": "ttft_target_ms",
    "tpot_slo_ms": "tpot_target_ms",
    "tpot_ms": "tpot_target_ms",
    "max_tpot_ms": "tpot_target_ms",
    "target_tpot_ms": "tpot_target_ms",
    "itl_ms": "tpot_target_ms",
    "quantisation": "precision",
    "kv_quant": "kv_precision",
    "kv_quantization": "kv_precision",
    "memory_utilization": "gpu_memory_utilization",
    "gpu_utilization": "gpu_memory_utilization",
    "version": "engine_version",
    "vllm_version": "engine_version",
    "tensor_parallelism": "tensor_parallel",
    "prompt": "input_tokens",
    "input": "input_tokens",
    "output": "output_tokens",
    "max_output_tokens": "output_tokens",
    "num_concurrent": "concurrency",
    "parallel_requests": "concurrency",
    "hw": "hardware",
    "card": "hardware",
    "chip": "hardware",
    "speculative_config": "speculative",
    "kv_cache_dtype": "kv_precision",
    "kv_cache_type": "kv_precision",
    "dtype": "precision",
    "quantization": "precision",
    "quant": "precision",
    "weight_dtype": "precision",
    "weight_precision": "precision",
    "weight_format": "precision",
    "kv_dtype": "kv_precision",
    "kv_cache_precision": "kv_precision",
    "cache_dtype": "kv_precision",
    "lora_rank": "max_lora_rank",
    "num_loras": "max_loras",
    "max_price": "max_usd_per_hour",
    "max_price_per_hour": "max_usd_per_hour",
    "price": "max_usd_per_hour",
    "min_vram_gb": "min_memory_gb",
    "min_vram": "min_memory_gb",
    "min_memory": "min_memory_gb",
    "max_memory": "max_memory_gb",
    "budget": "budget_usd_per_hour",
    "max_usd_per_hour": "budget_usd_per_hour",
    "budget_per_hour": "budget_usd_per_hour",
    "tensor_parallel_size": "tensor_parallel",
    "tp_size": "tensor_parallel",
    "tp": "tensor_parallel",
    "pipeline_parallel_size": "pipeline_parallel",
    "pp_size": "pipeline_parallel",
    "pp": "pipeline_parallel",
    "data_parallel_size": "data_parallel",
    "dp_size": "data_parallel",
    "dp": "data_parallel",
    "expert_parallel_size": "expert_parallel",
    "ep_size": "expert_parallel",
    "ep": "expert_parallel",
    "decode_context_parallel_size": "context_parallel",
    "dcp_size": "context_parallel",
    "dcp": "context_parallel",
}

# Times whose names say no unit, and which their value must then say: "2s", "30 tok/s".
_WITH_UNIT = dict.fromkeys(
    ("ttft", "max_ttft", "ttft_target", "time_to_first_token"), "ttft_target_ms"
) | dict.fromkeys(
    ("tpot", "max_tpot", "tpot_target", "itl", "time_per_output_token", "inter_token_latency"), "tpot_target_ms"
)
# Rates, of which none says whether it is one user's.
_OF_A_USER = (
    "tokens_per_second",
    "tokens_per_s",
    "tok_per_s",
    "tps",
    "min_tokens_per_second",
    "tokens_per_second_per_user",
)

# What an argument of another question is nearest to where there is none of it: told and never taken, for it is not the
# same.
_INSTEAD: Mapping[str, tuple[str, ...]] = {
    "seq_length": ("input_tokens", "output_tokens"),
    "input_tokens": ("seq_length",),
    "output_tokens": ("seq_length",),
    "concurrency": ("batch_size",),
    "budget_usd_per_hour": ("max_usd_per_hour",),
    "memory_gb": ("min_memory_gb", "max_memory_gb"),
    "devices": ("max_devices",),
    "model": ("query",),
    "hardware": ("query",),
    "adapters": ("max_loras", "max_lora_rank"),
    "lora": ("max_loras", "max_lora_rank"),
    "loras": ("max_loras", "max_lora_rank"),
    "explain": ("detail",),
    "verbose": ("detail",),
    "disaggregated": ("prefill_workers", "prefill_tensor_parallel"),
    "width": ("image_resolution",),
    "height": ("image_resolution",),
}


def argument_meant(word: str, value: object = None) -> str:
    """The argument that another's word means; empty where it means none. A time's unit may stand in its value."""
    spelt = _spelt(word)
    has_unit = isinstance(value, str) and any(map(str.isalpha, value))
    return _OTHERS_WORDS.get(spelt, _WITH_UNIT.get(spelt, "") if has_unit else "")


def meant_by(word: str, known: tuple[str, ...]) -> str:
    """The sentence that says what an unknown argument is here, with a leading space; or the nearest that there is."""
    meant = argument_meant(word)
    if meant in known:
        return f" It is {meant} here."
    if _spelt(word) in _OF_A_USER and "tpot_target_ms" in known:
        return " Nearest here: tpot_target_ms, which takes the rate of one user too, as '30 tok/s'."
    near = [other for other in _INSTEAD.get(meant or _spelt(word), ()) if other in known]
    return f" Nearest here: {' and '.join(near)}." if near else did_you_mean(word, known)


def _spelt(word: str) -> str:
    return word.strip().lstrip("-").replace("-", "_").lower()


def refuse(function: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """Say which argument is unknown, missing or one too many, with the nearest; nothing where the call is well made."""
    known = tuple(signature.parameters)
    unknown = [name for name in kwargs if name not in known]
    if unknown:
        near = meant_by(unknown[0], known)
        raise UnknownArgumentError(f"{function} has no argument {unknown[0]!r}.{near} Accepted: {', '.join(known)}.")
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UnknownArgumentError(f"{function}: {error}. Accepted: {', '.join(known)}.") from None


def strict(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Refuse an unknown argument by name, with the nearest, instead of with a bare TypeError."""
    signature = inspect.signature(function)
    known = frozenset(signature.parameters)

    @functools.wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        if not known.issuperset(kwargs):
            refuse(function.__name__, signature, args, kwargs)
        try:
            return function(*args, **kwargs)
        except TypeError:
            refuse(function.__name__, signature, args, kwargs)
            raise

    return checked
