"""What stands beside a config: formats, adapters and caches in other files, in folders, dicts and on the hub."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import MemoryReport, calculate_memory, load_model
from llm_memory_calculator.errors import InvalidFileError, UnknownModelError

from ..rows import each

# Llama-3.1-8B
B: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
LINEAR = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
REST = 2 * (2 * 128256 * 4096 + 65 * 4096)
INPUTS = 32 * (6 * 4096 + 14336)
MODELOPT = {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8", "exclude_modules": ["lm_head"]}
# the bytes of weights by each quantiser's layout, and the cache's format
# 16-bit scale and 4-bit zero point a group of 128
FOUR_BITS = LINEAR * 4 // 8 + LINEAR // 128 * 20 // 8 + REST
SIDE_FILES: list[tuple[str, dict[str, Any], int, str]] = [
    # one float32 scale for each of seven matrices
    ("hf_quant_config.json", {"producer": {"name": "modelopt"}, "quantization": MODELOPT}, LINEAR + REST + 896, "fp8"),
    # AutoGPTQ: and a 32-bit group index an input
    ("quantize_config.json", {"bits": 4, "group_size": 128}, FOUR_BITS + INPUTS * 4, "bf16"),
    ("quant_config.json", {"zero_point": True, "q_group_size": 128, "w_bit": 4, "version": "GEMM"}, FOUR_BITS, "bf16"),
    # only the cache
    (
        "hf_quant_config.json",
        {"quantization": {"quant_algo": None, "kv_cache_quant_algo": "FP8"}},
        LINEAR * 2 + REST,
        "fp8",
    ),
]


def in_folder(files: Mapping[str, Any], _: Any) -> MemoryReport:
    folder = Path("model").absolute()
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    assert calculate_memory(folder / "config.json").weight_memory_bytes == calculate_memory(folder).weight_memory_bytes
    return calculate_memory(folder)


def in_dict(files: Mapping[str, Any], _: Any) -> MemoryReport:
    return calculate_memory(dict(files))


def in_dict_by_stem(files: Mapping[str, Any], _: Any) -> MemoryReport:
    beside = {name.removesuffix(".json"): content for name, content in files.items() if name != "config.json"}
    return calculate_memory({**files["config.json"], **beside})


def on_hub(files: Mapping[str, Any], hub: Any) -> MemoryReport:
    hub.answer = repository(hub, files)
    first = calculate_memory("acme/model")
    asked = len(hub.requests)
    again = calculate_memory("acme/model")
    assert (again.weight_memory_bytes, again.kv_precision) == (first.weight_memory_bytes, first.kv_precision)
    assert len(hub.requests) == asked
    return first


def repository(hub: Any, files: Mapping[str, Any], sizes: Mapping[str, int] | None = None) -> Callable[..., None]:
    """A hub that has these files, and lists those of the sizes too."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        if path.startswith("/api/models/"):
            names = {name: len(json.dumps(content)) for name, content in files.items()} | dict(sizes or {})
            listed = [{"rfilename": name, "size": size} for name, size in names.items()]
            return hub.answering(200, json.dumps({"siblings": listed}).encode())(handler)
        content = files.get(path.partition("/resolve/main/")[2])
        if content is None:
            return hub.answering(404, x_error_code="EntryNotFound")(handler)
        return hub.answering(200, json.dumps(content).encode())(handler)

    return answer


@pytest.mark.parametrize("placed", [in_folder, in_dict, in_dict_by_stem, on_hub])
@pytest.mark.parametrize(
    ("name", "content", "size", "cache"), SIDE_FILES, ids=["modelopt", "gptq", "awq", "cache alone"]
)
def test_a_format_beside_the_config_is_counted(
    placed: Callable[[Mapping[str, Any], Any], MemoryReport],
    name: str,
    content: dict[str, Any],
    size: int,
    cache: str,
    hub: Any,
) -> None:
    report = placed({"config.json": B, name: content}, hub)
    assert (report.weight_memory_bytes, report.kv_precision) == (size, cache)
    assert any(name in note.text for note in report.notes)


def texts(report: MemoryReport, origin: str = "warning") -> str:
    return "\n".join(note.text for note in report.notes if note.origin == origin)


def test_two_formats_that_disagree_are_both_said(hub: Any) -> None:
    own = {**B, "quantization_config": {"quant_method": "gptq", "bits": 8, "group_size": 128}}
    files = {"config.json": own, "hf_quant_config.json": {"quantization": MODELOPT}}
    report = in_folder(files, hub)
    assert report.precision == "gptq_8bit"
    assert "hf_quant_config.json states fp8 (9.081 GB, the KV cache in fp8), and gptq_8bit (9.250 GB" in texts(report)


def test_two_formats_that_agree_are_not_worth_a_word() -> None:
    own = {**B, "quantization_config": {"quant_method": "modelopt", **MODELOPT}}
    report = calculate_memory({"config.json": own, "hf_quant_config.json": {"quantization": MODELOPT}})
    assert texts(report) == ""


@pytest.mark.parametrize("content", [{"quantization": {}}, {"quantization": {"quant_algo": None}}])
def test_a_file_that_says_that_nothing_is_quantised_changes_nothing(content: dict[str, Any]) -> None:
    report = calculate_memory({"config.json": B, "hf_quant_config.json": content})
    assert (report.weight_memory_bytes, texts(report)) == (16_060_522_496, "")


def test_a_broken_file_beside_the_config_is_named_and_the_config_counted() -> None:
    folder = Path("model")
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(B))
    (folder / "hf_quant_config.json").write_text("{")
    (folder / "quant_config.json").write_text('{"unknown": 1}')
    report = calculate_memory(folder)
    assert report.weight_memory_bytes == 16_060_522_496
    assert "hf_quant_config.json stands beside the config and could not be read" in texts(report)
    assert "quant_config.json stands beside the config and states no number format" in texts(report)


def test_a_quantised_cache_for_generation_is_said_and_not_counted() -> None:
    asked = {"cache_implementation": "quantized", "cache_config": {"backend": "quanto", "nbits": 4}}
    report = calculate_memory({"config.json": B, "generation_config.json": asked})
    assert report.kv_precision == "bf16"
    assert "asks transformers for a KV cache of 4 bits" in texts(report)


ADAPTER = {"peft_type": "LORA", "r": 16, "base_model_name_or_path": "meta-llama/Llama-3.1-8B"}


def test_an_adapter_beside_the_config_is_said() -> None:
    report = calculate_memory({"config.json": B, "adapter_config.json": ADAPTER})
    assert "an adapter (LORA of rank 16)" in texts(report)


def test_an_adapter_alone_is_answered_by_its_base(hub: Any) -> None:
    folder = Path("adapter")
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER))
    hub.answer = repository(hub, {"adapter_config.json": ADAPTER})
    for given in ("./adapter", "acme/adapter"):
        report = calculate_memory(given)
        assert report.weight_memory_bytes == 16_060_522_496
        assert "holds an adapter of meta-llama/Llama-3.1-8B: the base was counted" in texts(report)


def test_an_adapter_whose_base_is_an_adapter_is_refused(hub: Any) -> None:
    hub.answer = repository(hub, {"adapter_config.json": {**ADAPTER, "base_model_name_or_path": "acme/itself"}})
    with pytest.raises(UnknownModelError, match=r"'acme/itself' has no config\.json"):
        calculate_memory("acme/itself")


def test_a_snapshot_without_weights_is_read_where_the_hub_is_switched_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "home" / "hub" / "models--acme--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(B))
    (snapshot / "hf_quant_config.json").write_text(json.dumps({"quantization": MODELOPT}))
    report = calculate_memory("acme/model")
    assert report.kv_precision == "fp8"
    assert "was not read" in texts(report, "source")


@pytest.mark.parametrize(
    ("base", "says"), [("/root/base", "whose base is the path"), (None, "names no base"), (7, "names no base")]
)
def test_a_base_is_never_a_path_that_an_adapter_names(base: Any, says: str) -> None:
    folder = Path("adapter")
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({**ADAPTER, "base_model_name_or_path": base}))
    with pytest.raises(InvalidFileError, match=says):
        calculate_memory("./adapter")


def test_a_folder_that_holds_what_stands_for_a_config_has_precedence_over_the_catalogue() -> None:
    # Meta's params.json of Llama 3.2 1B, in a folder named like another model: 1,235,814,400 parameters
    folder = Path("meta-llama/Llama-2-7b-hf")
    folder.mkdir(parents=True)
    params = {"dim": 2048, "n_layers": 16, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256, "norm_eps": 1e-05}
    params |= {"ffn_dim_multiplier": 1.5, "multiple_of": 256, "rope_theta": 500000.0, "use_scaled_rope": True}
    (folder / "params.json").write_text(json.dumps(params))
    assert calculate_memory("meta-llama/Llama-2-7b-hf").weight_memory_bytes == 2_471_628_800
    other = Path("org/ad")
    other.mkdir(parents=True)
    (other / "adapter_config.json").write_text(json.dumps(ADAPTER))
    assert calculate_memory("org/ad").weight_memory_bytes == 16_060_522_496


def test_a_repository_without_config_and_adapter_is_refused(hub: Any) -> None:
    hub.answer = repository(hub, {"README.md": "x"})
    with pytest.raises(UnknownModelError, match=r"has no config\.json"):
        calculate_memory("acme/nothing")


def test_a_params_json_and_a_pipeline_of_the_hub_are_read(hub: Any) -> None:
    # Mistral 7B by the names of its makers, with sliding windows as published
    params = {"dim": 4096, "n_layers": 32, "head_dim": 128, "hidden_dim": 14336, "n_heads": 32, "n_kv_heads": 8}
    params |= {"norm_eps": 1e-05, "vocab_size": 32000}
    hub.answer = repository(hub, {"params.json": params}, {"consolidated.safetensors": 2 * 7_241_732_096 + 20_000})
    report = calculate_memory("acme/model")
    assert report.weight_memory_bytes == 2 * 7_241_732_096
    assert texts(report) == ""

    entry = dict(load_model("stabilityai/stable-diffusion-xl-base-1.0").config.values)
    index = {name: ["diffusers", "X"] if isinstance(value, dict) else value for name, value in entry.items()}
    parts = {f"{name}/config.json": value for name, value in entry.items() if isinstance(value, dict)}
    hub.answer = repository(hub, {"model_index.json": index, **parts})
    whole = load_model("stabilityai/stable-diffusion-xl-base-1.0").architecture.parameter_count
    assert load_model("acme/pipeline").architecture.parameter_count == whole
    del parts["vae/config.json"]
    hub.answer = repository(hub, {"model_index.json": index, **parts})
    with pytest.raises(ValueError, match="vae"):
        load_model("acme/half")


def test_a_side_file_that_the_hub_does_not_send_is_named(hub: Any) -> None:
    whole = repository(hub, {"config.json": B, "hf_quant_config.json": {"quantization": MODELOPT}})

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (hub.answering(500) if handler.path.endswith("hf_quant_config.json") else whole)(handler)

    hub.answer = answer
    report = calculate_memory("acme/model")
    assert report.weight_memory_bytes == 16_060_522_496
    assert "hf_quant_config.json stands beside the config and could not be read" in texts(report)
    # and is asked for anew
    hub.answer = whole
    assert calculate_memory("acme/model").kv_precision == "fp8"


def test_a_list_of_files_that_cannot_be_had_is_said(hub: Any) -> None:
    whole = repository(hub, {"config.json": B})

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (hub.answering(500) if handler.path.startswith("/api/") else whole)(handler)

    hub.answer = answer
    assert "What stands beside the config on the hub was not read" in texts(calculate_memory("acme/model"), "source")


def test_a_snapshot_in_the_hub_s_own_cache_is_read_whole(hub: Any, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "hub" / "models--acme--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    snapshot = folder / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    index = {"metadata": {"total_size": LINEAR + REST + 896}, "weight_map": {"lm_head.weight": "a.safetensors"}}
    files = {
        "config.json": B,
        "hf_quant_config.json": {"quantization": MODELOPT},
        "model.safetensors.index.json": index,
    }
    for name, content in files.items():
        (snapshot / name).write_text(json.dumps(content))
    report = calculate_memory("acme/model")
    assert (report.weight_memory_bytes, report.kv_precision) == (LINEAR + REST + 896, "fp8")
    assert hub.requests == []


# --- JSON as Python writes it ---------------------------------------------------------------------------------------


@each("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@each("word", ["Infinity", "-Infinity", "NaN", "1e999"])
def test_json_as_python_writes_it_is_read(word: str, encoding: str) -> None:
    text = json.dumps(B)[:-1] + f', "time_step_limit": [0.0, {word}]}}'
    Path("config.json").write_bytes(text.encode(encoding))
    assert calculate_memory("./config.json").weight_memory_bytes == 16_060_522_496


@pytest.mark.parametrize("word", ["Infinity", "NaN"])
def test_a_size_that_is_not_finite_is_refused(word: str) -> None:
    Path("config.json").write_text(json.dumps(B).replace("4096", word))
    with pytest.raises(ValueError, match=r"hidden_size must be a finite number"):
        calculate_memory("./config.json")
