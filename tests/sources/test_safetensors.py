"""Headers of safetensors files: exact bytes, what disagrees with the config, and what is refused."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.errors import InvalidFileError, UnknownModelError
from llm_memory_calculator.sources import resolve, safetensors

from ..rows import each
from .files import llama_config, llama_tensors, write_index, write_safetensors

PARAMETERS = 10_490_368


@pytest.fixture
def folder() -> Path:
    made = Path("model").absolute()
    made.mkdir()
    (made / "config.json").write_text(json.dumps(llama_config()))
    write_safetensors(made / "model.safetensors", llama_tensors())
    return made


def weights(path: Path, **arguments: Any) -> int:
    return calculate_memory(path, **arguments).weight_memory_bytes


def notes(path: Path, origin: str = "warning") -> list[str]:
    return [note.text for note in calculate_memory(path).notes if note.subject == "weights" and note.origin == origin]


def test_a_folder_and_its_file_give_the_bytes_of_the_header(folder: Path) -> None:
    for path in (folder, folder / "model.safetensors"):
        report = calculate_memory(path)
        assert (report.weight_memory_bytes, report.parameter_count) == (2 * PARAMETERS, PARAMETERS)
        assert any("as the config gives them to the byte" in text for text in notes(path, "source"))
        assert not notes(path)


def test_a_config_alone_is_counted_without_its_neighbours(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"broken")
    assert resolve(folder / "config.json").weights is None


def test_shards_are_added_up_by_index_by_name_and_by_folder(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    tensors = list(llama_tensors().items())
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    write_index(folder, {first: dict(tensors[:20]), second: dict(tensors[20:])})
    for path in (folder, folder / "model.safetensors.index.json", folder / first, folder / second):
        assert weights(path) == 2 * PARAMETERS
    (folder / "model.safetensors.index.json").unlink()
    assert weights(folder) == 2 * PARAMETERS


def test_the_header_decides_on_the_format(folder: Path) -> None:
    write_safetensors(folder / "model.safetensors", llama_tensors(kind="F16"))
    report = calculate_memory(folder)
    assert (report.precision, report.kv_precision) == ("fp16", "fp16")
    mixed = llama_tensors()
    mixed["model.norm.weight"] = ("F32", [512])
    write_safetensors(folder / "model.safetensors", mixed)
    assert weights(folder) == 2 * PARAMETERS + 2 * 512


def test_ranks_share_what_the_header_has(folder: Path) -> None:
    write_safetensors(folder / "model.safetensors", llama_tensors(kind="F32"))
    replicated = 4 * 9 * 512  # the norms
    assert 2 * weights(folder, tensor_parallel=2) == 4 * PARAMETERS + replicated
    stages = [weights(folder, pipeline_parallel=2)]
    assert stages[0] < 4 * PARAMETERS


def test_another_format_can_still_be_asked_for(folder: Path) -> None:
    config = llama_config()
    for precision in ("fp32", "int4", "q4_k_m"):
        assert weights(folder, precision=precision) == calculate_memory(config, precision=precision).weight_memory_bytes
    assert weights(folder, precision="bf16") == 2 * PARAMETERS


def test_layers_for_prediction_and_buffers_are_named_and_not_counted(folder: Path) -> None:
    tensors = llama_tensors()
    tensors["model.layers.4.eh_proj.weight"] = ("BF16", [512, 1024])
    tensors["model.layers.4.self_attn.q_proj.weight"] = ("BF16", [512, 512])
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ("F32", [32])
    write_safetensors(folder / "model.safetensors", tensors)
    assert weights(folder) == 2 * PARAMETERS
    (predictors,) = notes(folder)
    assert "model.layers.4.eh_proj.weight" in predictors
    assert "786,432 values, 1,572,864 bytes" in predictors
    assert any("rotary_emb.inv_freq" in text and "not counted" in text for text in notes(folder, "source"))


def test_what_the_config_does_not_describe_counts_and_is_named(folder: Path) -> None:
    tensors = llama_tensors() | {"vision_tower.proj.weight": ("BF16", [1024, 1024])}
    write_safetensors(folder / "model.safetensors", tensors)
    assert weights(folder) == 2 * PARAMETERS + 2 * 1024**2
    said = " ".join(notes(folder))
    assert "vision_tower.proj.weight" in said
    assert "+2,097,152 bytes" in said
    assert "+10.00%" in said


def test_a_disagreement_says_by_how_much(folder: Path) -> None:
    tensors = llama_tensors(head=False)
    tensors["model.embed_tokens.weight"] = ("BF16", [1000, 512])
    write_safetensors(folder / "model.safetensors", tensors)
    assert weights(folder) == 2 * (PARAMETERS - 1024 * 512 - 24 * 512)
    said = " ".join(notes(folder))
    assert "lacks 1: lm_head" in said
    assert "-12,288 parameters in all: model.embed_tokens 512,000 and not 524,288" in said


def gptq_tensors() -> dict[str, tuple[str, list[int]]]:
    found = {}
    for name, (kind, shape) in llama_tensors(kind="F16").items():
        if "proj" not in name:
            found[name] = (kind, shape)
            continue
        module, (outputs, inputs) = name.removesuffix(".weight"), shape
        found[f"{module}.qweight"] = ("I32", [inputs // 8, outputs])
        found[f"{module}.qzeros"] = ("I32", [inputs // 128, outputs // 8])
        found[f"{module}.scales"] = ("F16", [inputs // 128, outputs])
        found[f"{module}.g_idx"] = ("I32", [inputs])
    return found


def test_packed_weights_are_counted_with_their_scales(folder: Path) -> None:
    quantization = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    (folder / "config.json").write_text(json.dumps(llama_config(quantization_config=quantization)))
    size = write_safetensors(folder / "model.safetensors", gptq_tensors())
    stored = resolve(folder).weights
    assert stored is not None
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == stored.bytes < size
    assert report.precision == "gptq"
    assert any("as the config gives them to the byte" in text for text in notes(folder, "source"))


def test_a_format_that_is_not_described_is_counted_by_the_header(folder: Path) -> None:
    quantization = {"quant_method": "of-tomorrow"}
    (folder / "config.json").write_text(json.dumps(llama_config(quantization_config=quantization)))
    write_safetensors(folder / "model.safetensors", gptq_tensors())
    stored = resolve(folder).weights
    report = calculate_memory(folder)
    assert stored is not None
    assert report.weight_memory_bytes == stored.bytes
    assert any("of-tomorrow" in note.text and note.origin == "warning" for note in report.notes)


@pytest.mark.parametrize("fused", [False, True])
def test_experts_are_matched_one_by_one_or_fused(fused: bool, folder: Path) -> None:
    config = {
        **llama_config(),
        "model_type": "qwen3_moe",
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 256,
        "head_dim": 64,
    }
    tensors = {name: entry for name, entry in llama_tensors().items() if ".mlp." not in name}
    for layer in (f"model.layers.{index}" for index in range(4)):
        tensors[f"{layer}.self_attn.q_norm.weight"] = tensors[f"{layer}.self_attn.k_norm.weight"] = ("BF16", [64])
        tensors[f"{layer}.mlp.gate.weight"] = ("BF16", [4, 512])
        if fused:
            tensors[f"{layer}.mlp.experts.gate_up_proj"] = ("BF16", [4, 512, 512])
            tensors[f"{layer}.mlp.experts.down_proj"] = ("BF16", [4, 256, 512])
        else:
            for name, shape in {"gate_proj": [256, 512], "up_proj": [256, 512], "down_proj": [512, 256]}.items():
                tensors |= {f"{layer}.mlp.experts.{number}.{name}.weight": ("BF16", shape) for number in range(4)}
    (folder / "config.json").write_text(json.dumps(config))
    write_safetensors(folder / "model.safetensors", tensors)
    assert weights(folder) == calculate_memory(config).weight_memory_bytes
    assert not notes(folder)


def test_names_with_another_beginning_are_matched(folder: Path) -> None:
    tensors = {f"language_model.{name}": entry for name, entry in llama_tensors().items()}
    write_safetensors(folder / "model.safetensors", tensors)
    assert weights(folder) == 2 * PARAMETERS
    assert not notes(folder)


def test_weights_without_a_config_say_what_is_missing_and_how_many_they_are(folder: Path) -> None:
    (folder / "config.json").unlink()
    for path in (folder, folder / "model.safetensors"):
        with pytest.raises(InvalidFileError, match=r"10,490,368 values \(bf16\), 20,980,736 bytes.*config\.json"):
            load_model(path)


def test_a_folder_with_a_config_and_broken_weights_is_still_answered(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert weights(folder) == 2 * PARAMETERS
    assert any("Git LFS pointer" in text and "config alone" in text for text in notes(folder))
    with pytest.raises(InvalidFileError, match="git lfs pull"):
        load_model(folder / "model.safetensors")


def test_missing_shards_are_named(folder: Path) -> None:
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    tensors = list(llama_tensors().items())
    write_index(folder, {first: dict(tensors[:20]), second: dict(tensors[20:])})
    (folder / second).unlink()
    with pytest.raises(InvalidFileError, match=r"1 of the 2 files .*model-00002-of-00002"):
        load_model(folder / first)
    assert any(second in text for text in notes(folder))


def header(body: bytes, data: int = 0) -> bytes:
    return len(body).to_bytes(8, "little") + body + b"\0" * data


ENTRY = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'


@each(
    ("body", "says"),
    [
        (b"", "cut short"),
        (b"\1\0\0", "cut short"),
        (b"\xff" * 8 + b"x" * 100, "cut short"),
        (b"\x40\0\0\0\0\0\0\0{}", "cut short"),
        (header(b"[1]"), "not an object"),
        (header(b"{'a'}"), "not JSON"),
        (header(b"[" * 100_000), "not JSON"),
        (header(b"\xff\xfe\xfd"), "not JSON"),
        (header(b'{"a": 1}'), "without a dtype"),
        (header(b'{"a": {"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}}', 4), "without a dtype"),
        (header(b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', 4), "without a dtype"),
        (header(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}', 4), "without a dtype"),
        (header(b'{"a": {"dtype": "Q9", "shape": [1], "data_offsets": [0, 4]}}', 4), "'Q9', which is not known"),
        (header(b'{"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 4]}}', 4), "not those of F32"),
        (header(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}', 4), "not those of F32"),
        (header(ENTRY, 4), "cut short"),
        (header(ENTRY, 12), "contradicts its header"),
        (header(ENTRY[:-1] + b', "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', 8), "contradicts"),
    ],
)
def test_what_is_no_sound_file_is_refused(body: bytes, says: str) -> None:
    Path("x.safetensors").write_bytes(body)
    with pytest.raises(InvalidFileError, match=says) as raised:
        safetensors.read(["x.safetensors"], "x.safetensors")
    assert len(str(raised.value)) < 600


def test_a_header_above_the_limit_is_not_read() -> None:
    with open("x.safetensors", "wb") as stream:
        stream.write((safetensors.MOST_HEADER_BYTES + 1).to_bytes(8, "little"))
        stream.truncate(safetensors.MOST_HEADER_BYTES + 100)
    with pytest.raises(InvalidFileError, match="up to 33,554,432 are read"):
        safetensors.read(["x.safetensors"], "x.safetensors")


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "a/b.safetensors", "", "..", "a\\b"])
def test_an_index_names_files_of_its_own_folder_only(name: str, folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(InvalidFileError, match="no file of its own folder"):
        load_model(folder / "model.safetensors.index.json")


@pytest.mark.parametrize("content", [{}, {"weight_map": {}}, {"weight_map": {"a": 1}}, {"weight_map": ["a"]}])
def test_an_index_without_names_is_refused(content: dict[str, Any], folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"x": 1, **content}))
    with pytest.raises(InvalidFileError, match="index"):
        load_model(folder / "model.safetensors.index.json")


def test_a_file_that_is_not_there_is_said_to_be_so(hub: Any) -> None:
    for name in ("acme/model.safetensors", "model.safetensors", Path("model.safetensors")):
        with pytest.raises((UnknownModelError, InvalidFileError), match=r"no such file|are not there"):
            load_model(name)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("config", "extra"), [({"tie_word_embeddings": True}, 0), ({"tie_word_embeddings": False}, 1024 * 512)]
)
def test_the_header_agrees_with_every_shape_of_head(config: dict[str, Any], extra: int, folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps(llama_config(**config)))
    write_safetensors(folder / "model.safetensors", llama_tensors(head=not config["tie_word_embeddings"]))
    assert weights(folder) == 2 * (PARAMETERS - 1024 * 512 + extra)
    assert not notes(folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_is_read_or_refused_and_never_a_crash(data: st.DataObject, folder: Path) -> None:
    whole = bytearray((folder / "model.safetensors").read_bytes()[:6_000])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + 1] = data.draw(st.binary(min_size=1, max_size=2))
    damaged = folder / "damaged.safetensors"
    with damaged.open("wb") as stream:
        stream.write(whole)
        stream.truncate((folder / "model.safetensors").stat().st_size)
    with contextlib.suppress(InvalidFileError):
        load_model(damaged)
