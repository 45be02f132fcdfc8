"""An index, Git LFS pointers and the sizes of files as judges of what a config describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import MemoryReport, calculate_memory, load_model
from llm_memory_calculator.sources import resolve

from .files import llama_config, llama_tensors, write_index
from .test_beside import repository

PARAMETERS = 10_490_368
SAFETENSORS, PYTORCH = "model.safetensors.index.json", "pytorch_model.bin.index.json"


@pytest.fixture
def folder() -> Path:
    made = Path("model").absolute()
    made.mkdir()
    (made / "config.json").write_text(json.dumps(llama_config()))
    return made


def write_total(folder: Path, total: Any, name: str = SAFETENSORS, **more: Any) -> None:
    names = dict.fromkeys(llama_tensors(), "model-00001-of-00002.safetensors")
    (folder / name).write_text(json.dumps({"metadata": {"total_size": total, **more}, "weight_map": names}))


def said(report: MemoryReport, origin: str) -> str:
    return "\n".join(note.text for note in report.notes if note.subject == "weights" and note.origin == origin)


@pytest.mark.parametrize("name", [SAFETENSORS, PYTORCH])
@pytest.mark.parametrize("total", [2 * PARAMETERS, float(2 * PARAMETERS)])
def test_an_index_alone_agrees(name: str, total: float, folder: Path) -> None:
    write_total(folder, total, name)
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 2 * PARAMETERS
    assert "gives 20,980,736 bytes, 1 of the 1 files that it names are not there, as the config gives" in said(
        report, "warning"
    )


@pytest.mark.parametrize("name", [SAFETENSORS, PYTORCH])
def test_an_index_of_twice_the_bytes_is_fp32_and_both_numbers_are_said(name: str, folder: Path) -> None:
    write_total(folder, 4 * PARAMETERS, name)
    report = calculate_memory(folder)
    assert (report.weight_memory_bytes, report.precision, report.kv_precision) == (4 * PARAMETERS, "fp32", "bf16")
    text = said(report, "warning")
    assert "41,961,472 bytes" in text
    assert "the config gives 20,980,736 (+100.00%, +20,980,736 bytes)" in text
    assert calculate_memory(folder, precision="bf16").weight_memory_bytes == 2 * PARAMETERS


def test_an_index_of_other_bytes_decides_and_both_numbers_are_said(folder: Path) -> None:
    write_total(folder, 2_500_000_0, total_parameters=12_000_000)
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 25_000_000
    assert "12,000,000 parameters where the config describes 10,490,368" in said(report, "warning")
    assert "(+19.16%, +4,019,264 bytes): the files' were counted" in said(report, "warning")


def test_layers_for_several_tokens_explain_a_surplus(folder: Path) -> None:
    names = dict.fromkeys([*llama_tensors(), "model.layers.9.eh_proj.weight"], "a.safetensors")
    index = {"metadata": {"total_size": 2 * PARAMETERS + 1_000_000}, "weight_map": names}
    (folder / SAFETENSORS).write_text(json.dumps(index))
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 2 * PARAMETERS
    assert "+1,000,000 bytes" in said(report, "source")


def test_a_tied_head_that_is_stored_once_more_is_loaded_once(folder: Path) -> None:
    config = {**llama_config(), "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps(config))
    tied = calculate_memory(config).weight_memory_bytes
    head = config["vocab_size"] * config["hidden_size"] * 2
    write_total(folder, tied + head)
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == tied
    assert "stored once more" in said(report, "source")


def test_headers_and_an_index_that_disagree_are_both_said(folder: Path) -> None:
    tensors = list(llama_tensors().items())
    shards = {
        "model-00001-of-00002.safetensors": dict(tensors[:20]),
        "model-00002-of-00002.safetensors": dict(tensors[20:]),
    }
    write_index(folder, shards)
    index = json.loads((folder / SAFETENSORS).read_text())
    index["metadata"] = {"total_size": 4 * PARAMETERS}
    (folder / SAFETENSORS).write_text(json.dumps(index))
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 2 * PARAMETERS
    assert "its index gives 41,961,472 bytes (+20,980,736)" in said(report, "warning")
    index["metadata"] = {"total_size": 2 * PARAMETERS}
    (folder / SAFETENSORS).write_text(json.dumps(index))
    assert said(calculate_memory(folder), "warning") == ""


def pointer(size: int) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize {size}\n"


@pytest.mark.parametrize(
    "names",
    [
        ["model.safetensors"],
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        ["pytorch_model.bin"],
        ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"],
    ],
)
@pytest.mark.parametrize(("bits", "precision"), [(16, "bf16"), (32, "fp32")])
def test_pointers_of_git_lfs_state_the_sizes(names: list[str], bits: int, precision: str, folder: Path) -> None:
    for name in names:
        # a header of some kilobytes
        (folder / name).write_text(pointer(bits // 8 * PARAMETERS // len(names) + 3_000))
    report = calculate_memory(folder)
    assert (report.weight_memory_bytes, report.precision) == (bits // 8 * PARAMETERS, precision)


def test_pointers_decide_where_an_index_says_otherwise(folder: Path) -> None:
    for name in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"):
        (folder / name).write_bytes(pointer(2 * PARAMETERS + 3_000).replace("\n", "\r\n").encode())
    names = dict.fromkeys(llama_tensors(), "model-00001-of-00002.safetensors")
    (folder / SAFETENSORS).write_text(json.dumps({"metadata": {"total_size": 2 * PARAMETERS}, "weight_map": names}))
    report = calculate_memory(folder)
    assert report.precision == "fp32"
    assert "where The index (model.safetensors.index.json) gives 20,980,736" in said(report, "warning")


def test_an_index_of_parameters_alone_is_compared(folder: Path) -> None:
    write_total(folder, None, total_parameters=4_015_130_624)
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 2 * PARAMETERS
    assert "counts 4,015,130,624 parameters, and the config describes 10,490,368" in said(report, "warning")


def test_pickled_weights_are_judged_by_their_size(folder: Path) -> None:
    with (folder / "pytorch_model.bin").open("wb") as stream:
        stream.truncate(4 * PARAMETERS + 20_000)
    assert calculate_memory(folder).precision == "fp32"


def test_of_several_copies_one_is_counted(folder: Path) -> None:
    for name in ("pytorch_model.bin", "model.safetensors", "consolidated.00.pth"):
        (folder / name).write_text(pointer(2 * PARAMETERS + 2_000))
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 2 * PARAMETERS
    assert said(report, "warning") == ""


def test_some_shards_of_several_say_nothing_of_the_whole(folder: Path) -> None:
    (folder / "pytorch_model-00001-of-00002.bin").write_text(pointer(PARAMETERS))
    assert calculate_memory(folder).weight_memory_bytes == 2 * PARAMETERS


def test_the_sizes_of_the_hub_s_files_are_compared(hub: Any) -> None:
    sizes = {"model-00001-of-00002.safetensors": 2 * PARAMETERS, "model-00002-of-00002.safetensors": 2 * PARAMETERS}
    hub.answer = repository(hub, {"config.json": llama_config()}, sizes)
    report = calculate_memory("acme/model")
    assert (report.weight_memory_bytes, report.precision) == (4 * PARAMETERS, "fp32")
    assert "its files on the hub" in said(report, "warning")


@pytest.mark.parametrize("total", [None, True, -5, "9", 1e30, 0])
def test_an_index_without_a_size_says_nothing(total: Any, folder: Path) -> None:
    write_total(folder, total)
    assert resolve(folder).weights is None
    assert calculate_memory(folder).weight_memory_bytes == 2 * PARAMETERS


# Mistral-Small-3.1-24B: its text model alone, and with its tower of 439 million parameters and projector
def test_files_without_a_tower_are_counted_without_it() -> None:
    whole = load_model("mistralai/Mistral-Small-3.1-24B-Instruct-2503")
    config = dict(whole.config.values)
    text = [f"language_model.model.layers.{layer}.mlp.up_proj.weight" for layer in range(40)]
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(text, "a.safetensors")}
    report = calculate_memory({"config.json": config, SAFETENSORS: index})
    assert report.parameter_count == 23_572_403_200
    index["weight_map"] = dict.fromkeys([*text, "vision_tower.patch_conv.weight"], "a.safetensors")
    again = calculate_memory({"config.json": config, SAFETENSORS: index})
    assert again.parameter_count == whole.architecture.parameter_count
