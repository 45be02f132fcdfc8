"""Headers as the judge of a config: whatever they list, the bytes are theirs, and ranks share them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator.engines import engine_for
from llm_memory_calculator.formats.scheme import stored_bytes
from llm_memory_calculator.formats.stored import StoredTensor, StoredWeights
from llm_memory_calculator.models import Model, describe
from llm_memory_calculator.parallel import Parallelism
from llm_memory_calculator.ranks import holdings

HIDDEN, WIDTH, VOCABULARY, LAYERS = 64, 128, 96, 3
CONFIG = {
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
SHAPES = {
    "model.embed_tokens": (VOCABULARY, HIDDEN),
    "model.norm": (HIDDEN,),
    "lm_head": (VOCABULARY, HIDDEN),
} | {
    f"model.layers.{index}.{name}": shape
    for index in range(LAYERS)
    for name, shape in {
        "self_attn.q_proj": (HIDDEN, HIDDEN),
        "self_attn.k_proj": (HIDDEN // 2, HIDDEN),
        "self_attn.v_proj": (HIDDEN // 2, HIDDEN),
        "self_attn.o_proj": (HIDDEN, HIDDEN),
        "mlp.gate_proj": (WIDTH, HIDDEN),
        "mlp.up_proj": (WIDTH, HIDDEN),
        "mlp.down_proj": (HIDDEN, WIDTH),
        "input_layernorm": (HIDDEN,),
        "post_attention_layernorm": (HIDDEN,),
    }.items()
}
BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


def tensor(dtype: str, shape: tuple[int, ...], size: int | None = None) -> StoredTensor:
    count = 1
    for extent in shape:
        count *= extent
    return StoredTensor(dtype=dtype, shape=shape, bytes=BYTES.get(dtype, 4) * count if size is None else size)


def model(tensors: dict[str, StoredTensor]) -> Model:
    return describe(
        "x", "y", CONFIG, weights=StoredWeights(where="z", kind="safetensors", tensors=tensors, file_bytes=0)
    )


def counted(found: Model) -> int:
    return stored_bytes(found.architecture, found.formats(None, None).scheme)


FORMATS = st.fixed_dictionaries({name: st.sampled_from(list(BYTES)) for name in SHAPES})
PACKED = st.dictionaries(st.sampled_from([name for name in SHAPES if "proj" in name]), st.integers(1, 5000))


@given(formats=FORMATS, packed=PACKED)
def test_the_bytes_are_those_of_the_header_in_any_mix_of_formats(
    formats: dict[str, str], packed: dict[str, int]
) -> None:
    tensors = {}
    for name, shape in SHAPES.items():
        if name in packed:
            tensors[f"{name}.qweight"] = tensor("i32", (packed[name],))
            tensors[f"{name}.scales"] = tensor("fp16", (7,))
        else:
            tensors[f"{name}.weight"] = tensor(formats[name], shape)
    total = sum(one.bytes for one in tensors.values())
    found = model(tensors)
    assert counted(found) == total
    scheme = found.formats(None, None).scheme
    shards = 2 * stored_bytes(found.architecture.shard(2), scheme)
    norms = sum(tensors[f"{name}.weight"].bytes for name in SHAPES if "norm" in name)
    assert shards == pytest.approx(total + norms, abs=2)
    stages = holdings(found.architecture, scheme, Parallelism(pipeline=3), engine_for())
    assert sum(stage.alike * stage.weights for stage in stages) == pytest.approx(total, abs=3)


@given(
    missing=st.sets(st.sampled_from(list(SHAPES)), max_size=5),
    strangers=st.lists(st.integers(1, 10**6), max_size=4),
    left_out=st.lists(st.integers(1, 10**6), max_size=4),
)
def test_what_is_missing_or_strange_changes_the_bytes_by_its_own(
    missing: set[str], strangers: list[int], left_out: list[int]
) -> None:
    tensors = {f"{name}.weight": tensor("bf16", shape) for name, shape in SHAPES.items() if name not in missing}
    expected = sum(one.bytes for one in tensors.values()) + 4 * sum(strangers)
    tensors |= {f"other.{number}.weight": tensor("fp32", (count,)) for number, count in enumerate(strangers)}
    tensors |= {f"model.layers.9.x{number}.weight": tensor("fp32", (count,)) for number, count in enumerate(left_out)}
    found = model(tensors)
    said = [note.text for note in found.formats(None, None).scheme.notes]
    lacking = sum(math.prod(SHAPES[name]) for name in missing) / sum(math.prod(shape) for shape in SHAPES.values())
    if lacking > 0.1 and strangers != [sum(math.prod(SHAPES[name]) for name in missing)]:
        # a header without a tenth of the model is of a part of it, or of an adapter
        assert counted(found) == sum(2 * math.prod(shape) for shape in SHAPES.values())
        assert any("of an adapter or of a part" in text for text in said)
        return
    assert counted(found) == expected
    assert any("multi-token prediction" in text for text in said) == bool(left_out)


def test_a_header_of_nothing_says_nothing_of_the_model() -> None:
    assert counted(model({})) == sum(2 * math.prod(shape) for shape in SHAPES.values())


def test_the_same_weights_under_other_names_are_counted_without_a_warning() -> None:
    tensors = {f"decoder.{name}.kernel": tensor("bf16", shape) for name, shape in SHAPES.items()}
    found = model(tensors)
    assert counted(found) == sum(one.bytes for one in tensors.values())
    assert not [note for note in found.formats(None, None).scheme.notes if note.origin == "warning"]
