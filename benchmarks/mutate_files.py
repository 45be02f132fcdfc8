"""Files with faults where a model's are read: each is a sound answer or an error of the package, in bounded time.

`python benchmarks/mutate_files.py [--count 10000] [--seed 1] [--seconds 2] [--kind KIND]` writes small true models into
a folder (headers of weights, an index of shards, a GGUF file, a params.json, an adapter, files of quantisers, a
pipeline), takes excerpts of start-up logs and calibrations, changes one of them by the mutator of `mutate_configs` or
byte by byte, asks as a caller does, and prints every change that came to anything else.
"""

import argparse
import ast
import copy
import json
import math
import random
import re
import resource
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from mutate_configs import Fault, mutated, wrong_with

from llm_memory_calculator import calculate_memory, estimate_performance, explain_startup_log
from llm_memory_calculator.sources.catalogue import config_of

TESTS = Path(__file__).parent.parent / "tests" / "engine"
HUGE = (0, 1, 2**31, 2**32 - 1, 2**48, 2**53, 2**60, 2**63, 2**64 - 1)
"""Lengths and counts that lie."""
PLANTED = ("Obey-me " * 3, "Obey-me\n\u202e", "Obey-me." * 40, "\ud7ff\U0001f600Obey-me\0")
"""Texts that no answer repeats."""
SAID = re.compile(r"(?:Obey-me\.){9}|Obey-me[^.…]")
"""What of them is more than a name can be."""
MOST_MEGABYTES = 256
"""By which a question may let the process grow: the largest header that is read is of 64 MiB."""


class Case(NamedTuple):
    """Files to be written, which of them has a fault, and what is then asked of their folder."""

    files: Mapping[str, Any]
    faulty: str
    asks: Callable[[Path, Any], list[Callable[[], Any]]]


class Weights(NamedTuple):
    """A safetensors file by its header's object; its data is a hole."""

    header: Any
    data: int


class Gguf(NamedTuple):
    """A GGUF file by its metadata and its tensors (name, type's number, shape, offset); its data is a hole."""

    metadata: Any
    tensors: Any
    data: int


LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
_SHAPES = {
    "self_attn.q_proj": [64, 64],
    "self_attn.k_proj": [32, 64],
    "self_attn.v_proj": [32, 64],
    "self_attn.o_proj": [64, 64],
    "mlp.gate_proj": [128, 64],
    "mlp.up_proj": [128, 64],
    "mlp.down_proj": [64, 128],
    "input_layernorm": [64],
    "post_attention_layernorm": [64],
}


def _weights(layers: range = range(2), outside: bool = True) -> Weights:
    shapes = {"model.embed_tokens": [96, 64], "lm_head": [96, 64], "model.norm": [64]} if outside else {}
    for layer in layers:
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in _SHAPES.items()}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[f"{name}.weight"] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    return Weights(header, end)


def _in_folder(folder: Path, _: Any) -> list[Callable[[], Any]]:
    return [
        lambda: calculate_memory(folder, seq_length=1024),
        lambda: estimate_performance(folder, hardware="H100", input_tokens=512, output_tokens=32),
    ]


def _at(name: str) -> Callable[[Path, Any], list[Callable[[], Any]]]:
    return lambda folder, _: [*_in_folder(folder, _), lambda: calculate_memory(folder / name, seq_length=1024)]


def _header(_: random.Random) -> Case:
    return Case({"config.json": LLAMA, "model.safetensors": _weights()}, "model.safetensors", _at("model.safetensors"))


def _index(draw: random.Random) -> Case:
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    parts = {first: _weights(range(1)), second: _weights(range(1, 2), outside=False)}
    names = {name: file for file, part in parts.items() for name in part.header if name != "__metadata__"}
    index = {"metadata": {"total_size": sum(part.data for part in parts.values())}, "weight_map": names}
    name = "model.safetensors.index.json"
    # without its shards too, as a caller gives the index beside a config
    files = {"config.json": LLAMA, name: index, **(parts if draw.random() < 0.7 else {})}
    return Case(files, name, _at(name))


_GGUF_METADATA = {
    "general.architecture": "llama",
    "general.file_type": 1,
    "general.alignment": 32,
    "llama.block_count": 2,
    "llama.context_length": 4096,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 128,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": [f"token {number}" for number in range(96)],
    "tokenizer.ggml.token_type": [1] * 96,
}
_GGUF_SHAPES = {
    "attn_q": [64, 64],
    "attn_k": [64, 32],
    "attn_v": [64, 32],
    "attn_output": [64, 64],
    "ffn_gate": [64, 128],
    "ffn_up": [64, 128],
    "ffn_down": [128, 64],
    "attn_norm": [64],
    "ffn_norm": [64],
}


def _gguf(draw: random.Random) -> Case:
    shapes = {"token_embd": [64, 96], "output_norm": [64], "output": [64, 96]}
    shapes |= {f"blk.{layer}.{name}": shape for layer in range(2) for name, shape in _GGUF_SHAPES.items()}
    tensors, end = [], 0
    for name, shape in shapes.items():
        tensors.append([f"{name}.weight", 1, shape, end])
        end += 2 * math.prod(shape)
    metadata = _GGUF_METADATA
    if draw.random() < 0.3:
        architecture = draw.choice(("qwen3moe", "gemma3", "deepseek2", "gpt-oss", "mamba", "qwen2", "phi3", "clip"))
        metadata = {name.replace("llama.", f"{architecture}."): value for name, value in metadata.items()}
        metadata["general.architecture"] = architecture
    return Case(
        {"model.gguf": Gguf(metadata, tensors, end)}, "model.gguf", lambda at, _: _in_folder(at / "model.gguf", _)
    )


_MISTRAL = {
    **{"dim": 64, "n_layers": 2, "head_dim": 16, "hidden_dim": 128, "n_heads": 4, "n_kv_heads": 2},
    "vocab_size": 96,
}
_PARAMS: tuple[dict[str, Any], ...] = (
    {"dim": 64, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "multiple_of": 32, "vocab_size": 96, "norm_eps": 1e-5},
    {
        **{
            "dim": 64,
            "n_layers": 2,
            "head_dim": 16,
            "hidden_dim": 128,
            "n_heads": 4,
            "n_kv_heads": 2,
            "vocab_size": 96,
        },
        **{"rope_theta": 1e6, "norm_eps": 1e-5, "sliding_window": [64, None], "max_seq_len": 4096},
        **{"moe": {"num_experts_per_tok": 2, "num_experts": 8}, "quantization": {"qformat_weight": "fp8_e4m3"}},
    },
    {
        **{
            "dim": 64,
            "n_layers": 2,
            "head_dim": 16,
            "hidden_dim": 128,
            "n_heads": 4,
            "n_kv_heads": 2,
            "vocab_size": 96,
        },
        "multimodal": {
            "vision_encoder": {
                **{"hidden_size": 32, "num_channels": 3, "image_size": 64, "patch_size": 16, "intermediate_size": 64},
                **{"num_hidden_layers": 2, "num_attention_heads": 2, "spatial_merge_size": 2, "mm_projector_id": "x"},
                "add_pre_mm_projector_layer_norm": True,
            }
        },
    },
    {
        **{
            "dim": 64,
            "n_layers": 2,
            "head_dim": 16,
            "hidden_dim": 128,
            "n_heads": 4,
            "n_kv_heads": 2,
            "vocab_size": 96,
        },
        "multimodal": {
            "whisper_model_args": {
                "encoder_args": {"dim": 32, "n_layers": 2, "n_heads": 2, "audio_encoding_args": {"num_mel_bins": 80}},
                "downsample_args": {"downsample_factor": 4},
            }
        },
    },
    {"model_type": "mamba", "dim": 64, "n_layers": 2, "vocab_size": 96, "n_groups": 2, "tied_embeddings": True},
)


def _params(draw: random.Random) -> Case:
    return Case({"params.json": draw.choice(_PARAMS)}, "params.json", _at("params.json"))


_SIDE: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "hf_quant_config.json",
        {
            "producer": {"name": "modelopt", "version": "0.19"},
            "quantization": {
                **{
                    "quant_algo": "MIXED_PRECISION",
                    "kv_cache_quant_algo": "FP8",
                    "exclude_modules": ["lm_head", "*gate*"],
                },
                "quantized_layers": {"model.layers.0.mlp.up_proj": {"quant_algo": "NVFP4", "group_size": 16}},
            },
        },
    ),
    (
        "hf_quant_config.json",
        {"quantization": {"quant_algo": "NVFP4", "group_size": 16, "exclude_modules": ["lm_head"]}},
    ),
    (
        "quantize_config.json",
        {"bits": 4, "group_size": 32, "desc_act": True, "dynamic": {"-:.*down.*": {}, ".*up.*": {"bits": 8}}},
    ),
    ("quant_config.json", {"zero_point": True, "q_group_size": 32, "w_bit": 4, "version": "GEMM"}),
    (
        "quantization_config.json",
        {"quant_method": "exl3", "bits": 4.0, "head_bits": 6, "tensor_storage": {"lm_head": {"bits_per_weight": 6}}},
    ),
    (
        "generation_config.json",
        {"cache_implementation": "quantized", "cache_config": {"nbits": 4, "backend": "quanto"}},
    ),
    (
        "adapter_config.json",
        {"peft_type": "LORA", "r": 8, "base_model_name_or_path": "gpt2", "target_modules": ["q_proj"]},
    ),
    ("preprocessor_config.json", {"size": {"height": 224, "width": 224}, "crop_size": 224}),
    ("tokenizer_config.json", {"model_max_length": 4096, "added_tokens_decoder": {"0": {"content": "a"}}}),
)


def _side(draw: random.Random) -> Case:
    name, content = draw.choice(_SIDE)
    files = {"config.json": LLAMA, name: content}
    if draw.random() < 0.3:
        files["model.safetensors"] = _weights()
    return Case(files, name, _in_folder)


_ADAPTER = {
    **{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "base_model_name_or_path": "gpt2", "bias": "none"},
    **{"target_modules": ["c_attn"], "rank_pattern": {"h.0.attn.c_attn": 4}, "alpha_pattern": {}, "use_dora": False},
    **{"modules_to_save": None, "layers_to_transform": [0, 1], "layers_pattern": "h"},
}


def _adapter(_: random.Random) -> Case:
    def asks(folder: Path, content: Any) -> list[Callable[[], Any]]:
        with_it = partial(calculate_memory, "gpt2", seq_length=512)
        found = [lambda: with_it(lora_config=str(folder)), lambda: calculate_memory(folder, seq_length=512)]
        return [*found, lambda: with_it(lora_config=content)] if isinstance(content, dict) else found

    return Case({"adapter_config.json": _ADAPTER}, "adapter_config.json", asks)


_PIPELINES = (
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "black-forest-labs/FLUX.1-dev",
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
)


def _pipeline(draw: random.Random) -> Case:
    parts = config_of(draw.choice([name for name in _PIPELINES if name in _known()]))
    index = {name: ["diffusers", "A"] if isinstance(value, Mapping) else value for name, value in parts.items()}
    files = {"model_index.json": index}
    files |= {f"{name}/config.json": value for name, value in parts.items() if isinstance(value, Mapping)}
    return Case(files, draw.choice([*files, "model_index.json"]), _in_folder)


@cache
def _known() -> frozenset[str]:
    from llm_memory_calculator.sources import catalogue_entries

    return frozenset(catalogue_entries())


_TIMES: dict[str, Any] = {
    **{"kind": "throughput", "rows": 10, "answered": 9, "refused": {"no time": 1}},
    "factors": [
        {
            **{"time": time, "engine": "vllm", "hardware": "H100_SXM", "n": 9, "factor": 1.2, "spread": 1.1},
            "models": ["Qwen/Qwen2.5-7B-Instruct"],
        }
        for time in ("ttft", "tpot")
    ],
}


@cache
def _measured() -> dict[str, Any]:
    found = explain_startup_log(excerpts()["CAMPAIGN"]).calibration
    return dict(json.loads(json.dumps(found if isinstance(found, Mapping) else found.as_mapping())))


def _calibration(draw: random.Random) -> Case:
    of_times = draw.random() < 0.5

    def asks(folder: Path, content: Any) -> list[Callable[[], Any]]:
        model = "Qwen/Qwen2.5-7B-Instruct"
        asked = {"input_tokens": 512, "output_tokens": 32, "hardware": "H100"}
        memory = partial(calculate_memory, model, hardware="H100", engine="vllm", seq_length=1024)
        ask = partial(estimate_performance, model, **asked) if of_times else memory
        given = [str(folder / "calibration.json"), content]
        return [partial(ask, calibration=one) for one in given if isinstance(one, (str, dict))]

    return Case({"calibration.json": _TIMES if of_times else _measured()}, "calibration.json", asks)


@cache
def excerpts() -> dict[str, str]:
    """The start-up logs of the tests, by their name there."""
    found: dict[str, str] = {}
    for name in ("test_startup_logs.py", "test_explain_log.py"):
        for line in ast.parse((TESTS / name).read_text(encoding="utf-8")).body:
            if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
                continue
            if isinstance(line.value, ast.Constant) and isinstance(line.value.value, str) and "\n" in line.value.value:
                found[line.targets[0].id] = line.value.value
    return found


def _log(draw: random.Random) -> Case:
    return Case(
        {"log": draw.choice(list(excerpts().values()))}, "log", lambda _, log: [lambda: explain_startup_log(log)]
    )


KINDS: Mapping[str, Callable[[random.Random], Case]] = {
    "header": _header,
    "index": _index,
    "gguf": _gguf,
    "params": _params,
    "side": _side,
    "adapter": _adapter,
    "pipeline": _pipeline,
    "calibration": _calibration,
    "log": _log,
}


# ------------------------------------------------------------------------------------------------- what goes wrong


def _changed(content: Any, draw: random.Random) -> tuple[Any, str]:
    """The content with a fault in what it says."""
    if isinstance(content, str):
        return _changed_text(content, draw)
    if isinstance(content, Weights):
        header, what = _changed(content.header, draw)
        return Weights(header, draw.choice((content.data,) * 5 + (0, content.data - 1, 2**40))), what
    if isinstance(content, Gguf):
        whole, what = _changed({"metadata": content.metadata, "tensors": content.tensors}, draw)
        return Gguf(whole.get("metadata", {}), whole.get("tensors", []), content.data), what
    found, what = mutated(content, [dict(content)], draw)
    if draw.random() < 0.3 and isinstance(found, dict):
        what += "; " + _planted(found, draw)
    return found, what


def _planted(content: Any, draw: random.Random) -> str:
    """A text of somebody's own for a value, or for a name."""
    holder: Any = content
    while (inner := [one for one in _values(holder) if isinstance(one, (dict, list)) and one]) and draw.random() < 0.7:
        holder = draw.choice(inner)
    text = draw.choice(PLANTED)
    if not isinstance(holder, dict):
        holder[draw.randrange(len(holder))] = text
        return "a text for an entry"
    key = draw.choice(list(holder)) if holder else "a"
    if draw.random() < 0.5:
        holder[text] = holder.get(key)
        return f"a text for the name {key[:40]}"
    holder[key] = draw.choice((text, text, [text], {text: text}, {key: text}))
    return f"a text for {key[:40]}"


def _values(holder: Any) -> list[Any]:
    return list(holder.values()) if isinstance(holder, dict) else list(holder)


_NUMBERS = (
    "0",
    "-1",
    "1e999",
    "nan",
    "inf",
    "-5.5",
    "9" * 40,
    "9" * 5_000,
    "1,2,3",
    "1.2.3",
    "٣",
    "0.0000001",
    "1e308",
)


def _changed_text(text: str, draw: random.Random) -> tuple[str, str]:
    lines, done = text.splitlines(), []
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        at = draw.randrange(len(lines)) if lines else 0
        kind = draw.choice(("number", "number", "number", "number", "drop", "twice", "move", "cut", "text", "word"))
        done.append(kind)
        if not lines:
            break
        line = lines[at]
        if kind == "number" and (spots := list(re.finditer(r"\d[\d.,]*", line))):
            spot = draw.choice(spots)
            lines[at] = line[: spot.start()] + draw.choice(_NUMBERS) + line[spot.end() :]
        elif kind == "drop":
            del lines[at]
        elif kind == "twice":
            lines[at:at] = [line] * draw.choice((1, 2, 500))
        elif kind == "move":
            lines.insert(draw.randrange(len(lines)), lines.pop(at))
        elif kind == "cut":
            lines[at] = line[: draw.randrange(len(line) + 1)]
        elif kind == "text":
            spot_at = draw.randrange(len(line) + 1)
            lines[at] = (
                line[:spot_at] + draw.choice((*PLANTED, "(" * 5_000, "=" * 5_000, "'{[", "GiB " * 900)) + line[spot_at:]
            )
        elif kind == "word" and (words := re.findall(r"[\w./-]+", line)):
            lines[at] = line.replace(draw.choice(words), draw.choice((*PLANTED, "", "None", "GiB", "[]", "True")))
    return "\n".join(lines), ", ".join(done)


_INSERTED = (b"\xff\xfe", b"\0" * 8, b'"', b"[" * 2_000, b"\xed\xa0\x80", b"1e999,")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"version ")


def _torn(body: bytes, draw: random.Random) -> tuple[bytes, str]:
    """The bytes with a fault in how they are written."""
    if not body:
        return body, "nothing"
    kind = draw.choice(("cut", "cut", "flip", "flip", "lie", "insert", "twice", "mark", "empty"))
    at = draw.randrange(min(len(body), draw.choice((32, 400, len(body)))))
    if kind == "cut":
        return body[:at], kind
    if kind == "flip":
        flipped = bytearray(body)
        for _ in range(draw.choice((1, 1, 4, 40))):
            flipped[draw.randrange(len(flipped))] = draw.randrange(256)
        return bytes(flipped), kind
    if kind == "lie":
        wide = draw.choice(("<Q", "<I"))
        lie = struct.pack(wide, draw.choice(HUGE) & (2**64 - 1 if wide == "<Q" else 2**32 - 1))
        return body[:at] + lie + body[at + len(lie) :], kind
    if kind == "insert":
        return body[:at] + draw.choice((b"\xff\xfe", b"\0" * 8, b'"', b"[" * 2_000, b"\xed\xa0\x80", b"1e999,")) + body[
            at:
        ], kind
    if kind == "twice":
        return body[:at] + body[max(0, at - draw.randrange(1, 200)) :], kind
    return (
        b"" if kind == "empty" else draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"version ")) + body
    ), kind


def _json(content: Any, draw: random.Random) -> bytes:
    body = json.dumps(content, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    if draw.random() < 0.05 and body.startswith(b"{") and len(body) < 10_000:
        # every name twice
        return body[:-1] + b"," + body[1:] if len(body) > 2 else body
    return body


def _safetensors(content: Weights, draw: random.Random) -> bytes:
    body = _json(content.header, draw)
    length = draw.choice((len(body),) * 12 + (len(body) - 1, len(body) + 1, *HUGE))
    return length.to_bytes(8, "little") + body


def _text(value: str) -> bytes:
    body = value.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(body)) + body


def _value(value: Any) -> bytes:
    """A metadata value of the kind that it is nearest to."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        if value < 0:
            return struct.pack("<Iq", 11, value)
        return struct.pack("<II", 4, value) if value < 2**32 else struct.pack("<IQ", 10, value)
    if isinstance(value, float):
        return struct.pack("<Id", 12, value)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    if isinstance(value, list) and all(isinstance(one, int) and abs(one) < 2**31 for one in value):
        return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)
    if isinstance(value, list) and all(isinstance(one, (int, float)) and abs(one) < 1e300 for one in value):
        return struct.pack("<IIQ", 9, 12, len(value)) + struct.pack(f"<{len(value)}d", *value)
    if isinstance(value, list):
        return struct.pack("<IIQ", 9, 9, len(value)) + b"".join(_value(one)[4:] for one in value[:100])
    return struct.pack("<I", 8) + _text(str(value)[:200_000] if not isinstance(value, int) else "a long number")


def _tensor(content: Any) -> bytes:
    """A tensor's entry, of whatever stands where its four parts should."""
    name, number, shape, offset = (*(content if isinstance(content, list) else [content]), 0, 0, 0, 0)[:4]
    extents = shape if isinstance(shape, list) else [shape]
    body = _text(name if isinstance(name, str) else "x") + struct.pack("<I", len(extents) & 0xFFFFFFFF)
    body += b"".join(struct.pack("<Q", _unsigned(one)) for one in extents)
    return body + struct.pack("<IQ", _unsigned(number) & 0xFFFFFFFF, _unsigned(offset))


def _unsigned(value: Any) -> int:
    return int(value) & (2**64 - 1) if isinstance(value, (int, float)) and abs(value) < 1e30 else 0


def _gguf_bytes(content: Gguf, draw: random.Random) -> bytes:
    metadata = content.metadata if isinstance(content.metadata, dict) else {}
    tensors = content.tensors if isinstance(content.tensors, list) else []
    honest = draw.random() < 0.8
    counts = (len(tensors), len(metadata)) if honest else (draw.choice((len(tensors), *HUGE)), draw.choice(HUGE))
    body = b"GGUF" + struct.pack("<IQQ", draw.choice((3, 3, 3, 3, 2, 1, 2**24 * 3)) if not honest else 3, *counts)
    body += b"".join(_text(key) + _value(value) for key, value in metadata.items())
    return body + b"".join(map(_tensor, tensors))


def _body(content: Any, draw: random.Random) -> tuple[bytes, int]:
    """What is written of a file, and how long a hole follows."""
    if isinstance(content, Weights):
        return _safetensors(content, draw), content.data
    if isinstance(content, Gguf):
        body = _gguf_bytes(content, draw)
        return body, -len(body) % 32 + content.data
    return content.encode("utf-8", "surrogatepass") if isinstance(content, str) else _json(content, draw), 0


def written(case: Case, folder: Path, draw: random.Random) -> tuple[Any, str]:
    """The case's files in a folder, one of them with a fault: the faulty content, and what was done."""
    told: Any = None
    what = ""
    sound = random.Random(2)
    for name, content in case.files.items():
        torn = False
        if name == case.faulty:
            torn = draw.random() < 0.35
            told, said = (copy.deepcopy(content), "") if torn and draw.random() < 0.6 else _changed(content, draw)
            body, hole = _body(told, draw)
            if torn:
                body, how = _torn(body, draw)
                said = f"{said}; {how}"
            what += f"{name}: {said}"
        else:
            body, hole = _body(content, sound) if not isinstance(content, Weights) else _sound(content)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            stream.write(body)
            stream.truncate(len(body) + hole)
        if torn and isinstance(told, str):
            told = body.decode("utf-8", "replace")
    return told, what


def _sound(content: Weights) -> tuple[bytes, int]:
    body = json.dumps(content.header).encode()
    return len(body).to_bytes(8, "little") + body, content.data


def faults(count: int, seed: object, seconds: float, kinds: list[str]) -> Iterator[Fault]:
    """What `count` files came to that they may not."""
    for number in range(count):
        kind = kinds[number % len(kinds)]
        draw = random.Random(f"{seed}:{kind}:{number}")
        case = KINDS[kind](draw)
        with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
            try:
                content, what = written(case, Path(folder), draw)
            except RecursionError:
                continue  # nested too deeply to be written
            before = _peak_megabytes()
            for ask in case.asks(Path(folder), content):
                # of a log the lines that were pasted are the evidence, and stand in the answer
                wrong = wrong_with(ask, seconds, None if kind == "log" else SAID)
                if not wrong and _peak_megabytes() - before > MOST_MEGABYTES:
                    wrong = f"took {_peak_megabytes() - before:,} MB"
                if wrong:
                    yield Fault(number, kind, what, wrong)


def _peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--kind", choices=list(KINDS))
    asked = parser.parse_args()
    found: Counter[str] = Counter()
    for fault in faults(asked.count, asked.seed, asked.seconds, [asked.kind] if asked.kind else list(KINDS)):
        print(f"{fault.number} {fault.model}: {fault.changes[:300]}\n    {fault.what}", flush=True)
        found[fault.what.rpartition(" at ")[2][:100]] += 1
    print(f"{asked.count:,} files, {sum(found.values()):,} faults")
    for what, times in found.most_common():
        print(f"{times:6} {what}")


if __name__ == "__main__":
    main()
