"""Files of weights as tests need them: true headers, and no data but a hole of the right length."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8, "I32": 4, "I8": 1, "U8": 1}
Shapes = Mapping[str, tuple[str, list[int]]]


def write_safetensors(path: Path, tensors: Shapes) -> int:
    """A file of these tensors (type, shape); its size."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (kind, shape) in tensors.items():
        begin, end = end, end + BYTES[kind] * math.prod(shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}
    body = json.dumps(header).encode()
    with path.open("wb") as stream:
        stream.write(len(body).to_bytes(8, "little") + body)
        stream.truncate(8 + len(body) + end)
    return 8 + len(body) + end


def write_index(folder: Path, shards: Mapping[str, Shapes]) -> None:
    """Shards, and the index that names them."""
    for name, tensors in shards.items():
        write_safetensors(folder / name, tensors)
    names = {tensor: shard for shard, tensors in shards.items() for tensor in tensors}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


# number in the file, values a block, bytes a block
GGML = {
    "F32": (0, 1, 4),
    "F16": (1, 1, 2),
    "Q4_0": (2, 32, 18),
    "Q8_0": (8, 32, 34),
    "Q4_K": (12, 256, 144),
    "Q6_K": (14, 256, 210),
    "MXFP4": (39, 32, 17),
}


def _text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<Iq", 11, value) if value < 0 else struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    return struct.pack("<IIQ", 9, 5, len(value)) + struct.pack(f"<{len(value)}i", *value)


def write_gguf(
    path: Path, metadata: Mapping[str, Any], tensors: Shapes, *, version: int = 3, counts: tuple[int, int] | None = None
) -> int:
    """A GGUF file of these tensors (type, shape with the inputs first); its size. `counts` are those that it claims."""
    infos, end = b"", 0
    for name, (kind, shape) in tensors.items():
        number, block, size = GGML[kind]
        infos += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, number, end)
        end += -(-math.prod(shape) // block * size // 32) * 32
    claimed = (len(tensors), len(metadata)) if counts is None else counts
    header = b"GGUF" + struct.pack("<IQQ", version, *claimed)
    header += b"".join(_text(key) + _value(value) for key, value in metadata.items()) + infos
    begin = -(-len(header) // 32) * 32
    with path.open("wb") as stream:
        stream.write(header)
        stream.truncate(begin + end)
    return begin + end


def llama_config(**changes: Any) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "hidden_size": 512,
        "intermediate_size": 1024,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "vocab_size": 1024,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        **changes,
    }


def llama_tensors(layers: int = 4, kind: str = "BF16", head: bool = True) -> dict[str, tuple[str, list[int]]]:
    """The tensors of `llama_config`."""
    found = {"model.embed_tokens.weight": (kind, [1024, 512]), "model.norm.weight": (kind, [512])}
    for index in range(layers):
        for name, shape in {
            "self_attn.q_proj": [512, 512],
            "self_attn.k_proj": [256, 512],
            "self_attn.v_proj": [256, 512],
            "self_attn.o_proj": [512, 512],
            "mlp.gate_proj": [1024, 512],
            "mlp.up_proj": [1024, 512],
            "mlp.down_proj": [512, 1024],
            "input_layernorm": [512],
            "post_attention_layernorm": [512],
        }.items():
            found[f"model.layers.{index}.{name}.weight"] = (kind, shape)
    if head:
        found["lm_head.weight"] = (kind, [1024, 512])
    return found


LLAMA_METADATA = {
    "general.architecture": "llama",
    "general.file_type": 15,
    "llama.block_count": 4,
    "llama.context_length": 4096,
    "llama.embedding_length": 512,
    "llama.feed_forward_length": 1024,
    "llama.attention.head_count": 8,
    "llama.attention.head_count_kv": 4,
    "tokenizer.ggml.tokens": [f"token {number}" for number in range(1024)],
    "tokenizer.ggml.token_type": [1] * 1024,
}


def llama_gguf_tensors(layers: int = 4, head: bool = True) -> dict[str, tuple[str, list[int]]]:
    """The same model as llama-quantize makes q4_k_m of it: in 4 layers, 3 and 2 have more bits."""
    found = {"token_embd.weight": ("Q4_K", [512, 1024]), "output_norm.weight": ("F32", [512])}
    for index in range(layers):
        more = "Q6_K" if index in (2, 3) else "Q4_K"
        for name, (kind, shape) in {
            "attn_q": ("Q4_K", [512, 512]),
            "attn_k": ("Q4_K", [512, 256]),
            "attn_v": (more, [512, 256]),
            "attn_output": ("Q4_K", [512, 512]),
            "ffn_gate": ("Q4_K", [512, 1024]),
            "ffn_up": ("Q4_K", [512, 1024]),
            "ffn_down": (more, [1024, 512]),
            "attn_norm": ("F32", [512]),
            "ffn_norm": ("F32", [512]),
        }.items():
            found[f"blk.{index}.{name}.weight"] = (kind, shape)
    if head:
        found["output.weight"] = ("Q6_K", [512, 1024])
    return found
