"""What the names of copies, fine-tunes and quantised repositories say, and what they must not be taken for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import MemoryReport, calculate_memory, load_model
from llm_memory_calculator.errors import GatedModelError, HubOfflineError, SourceError, UnknownModelError
from llm_memory_calculator.facts import table
from llm_memory_calculator.formats import labels
from llm_memory_calculator.formats.gguf import mix_of
from llm_memory_calculator.sources import catalogue_entries, names, resolve

from ..rows import each

LLAMA_8B, LLAMA_70B = "meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-70B"

# name, base, format, GB of weights as its page or the sum of its files gives them (None: not published)
DERIVED: list[tuple[str, str, str, float | None]] = [
    ("unsloth/Llama-3.1-8B-Instruct", LLAMA_8B, "bf16", 16.06),
    ("someone/Meta-Llama-3-8B-Instruct", "meta-llama/Meta-Llama-3-8B", "bf16", 16.06),
    ("unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit", LLAMA_8B, "nf4", 5.70),
    ("casperhansen/llama-3-70b-instruct-awq", "meta-llama/Meta-Llama-3-70B", "awq", 39.77),
    ("solidrust/Mistral-7B-Instruct-v0.3-AWQ", "mistralai/Mistral-7B-v0.3", "awq", 4.16),
    ("hugging-quants/Meta-Llama-3.1-8B-Instruct-GPTQ-INT4", LLAMA_8B, "gptq", 5.74),
    ("TheBloke/CodeLlama-7B-Instruct-GPTQ", "codellama/CodeLlama-7b-hf", "gptq", 3.90),
    ("Qwen/Qwen1.5-7B-Chat-GPTQ-Int8", "Qwen/Qwen1.5-7B", "gptq_8bit", None),
    ("neuralmagic/Meta-Llama-3.1-8B-Instruct-FP8-dynamic", LLAMA_8B, "fp8", 9.08),
    ("amd/Llama-3.1-70B-Instruct-FP8-KV", LLAMA_70B, "fp8", 72.67),
    ("RedHatAI/Llama-3.3-70B-Instruct-quantized.w4a16", LLAMA_70B, "int4", None),
    ("neuralmagic/Meta-Llama-3.1-70B-Instruct-quantized.w8a8", LLAMA_70B, "int8", 72.68),
    ("neuralmagic/Meta-Llama-3.1-70B-Instruct-quantized.w8a16", LLAMA_70B, "w8a16", None),
    ("acme/Llama-3.1-8B-Instruct-W4A16", LLAMA_8B, "int4", None),
    ("acme/Qwen2.5-7B-Instruct-w8a8", "Qwen/Qwen2.5-7B-Instruct", "int8", None),
    ("nvidia/Llama-3.1-8B-Instruct-NVFP4", LLAMA_8B, "nvfp4", 6.03),
    ("nvidia/DeepSeek-R1-0528-FP4", "deepseek-ai/DeepSeek-V3", "nvfp4", None),
    ("acme/Qwen3-8B-MXFP4", "Qwen/Qwen3-8B", "mxfp4", None),
    ("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit", LLAMA_8B, "mlx_4bit", 4.52),
    ("mlx-community/Qwen2.5-7B-Instruct-8bit", "Qwen/Qwen2.5-7B-Instruct", "mlx_8bit", 8.09),
    ("acme/Qwen2.5-7B-Instruct-MLX-4bit", "Qwen/Qwen2.5-7B-Instruct", "mlx_4bit", 4.28),
    ("lmstudio-community/Qwen3-30B-A3B-GGUF", "Qwen/Qwen3-30B-A3B", "q4_k_m", 18.56),
    ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF:IQ4_XS", LLAMA_8B, "iq4_xs", 4.45),
    ("hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q6_K", "meta-llama/Llama-3.2-3B", "q6_k", 2.64),
    ("acme/Qwen2.5-7B-Instruct-Q4_K_M-GGUF", "Qwen/Qwen2.5-7B-Instruct", "q4_k_m", 4.68),
    ("llama-2-7b.Q4_K_M.gguf", "meta-llama/Llama-2-7b-hf", "q4_k_m", 4.08),
    ("Meta-Llama-3-8B-Instruct-Q5_K_M.gguf", "meta-llama/Meta-Llama-3-8B", "q5_k_m", 5.73),
    ("QuantFactory/Meta-Llama-3-8B-Instruct-GGUF:F16", "meta-llama/Meta-Llama-3-8B", "gguf_f16", 16.07),
    ("TheBloke/Llama-2-7B-Chat-GGUF:Q2_K", "meta-llama/Llama-2-7b-hf", "q2_k", 2.83),
    ("TheBloke/Mixtral-8x7B-Instruct-v0.1-GGUF:Q4_K_M", "mistralai/Mixtral-8x7B-v0.1", "q4_k_m", 26.44),
    ("google/gemma-3-27b-it-qat-q4_0-gguf", "google/gemma-3-27b-pt", "q4_0_qat", 18.09),
    ("unsloth/DeepSeek-R1-Distill-Llama-8B-GGUF:Q8_0", LLAMA_8B, "q8_0", 8.54),
    ("ggml-org/gpt-oss-20b-GGUF", "openai/gpt-oss-20b", "mxfp4_moe", 12.11),
    ("unsloth/gpt-oss-20b-BF16", "openai/gpt-oss-20b", "bf16", 41.83),
    ("llama3.1:8b", LLAMA_8B, "q4_k_m", 4.92),
    ("llama3.1:70b-instruct-q4_K_M", LLAMA_70B, "q4_k_m", 42.52),
    ("llama3:latest", "meta-llama/Meta-Llama-3-8B", "q4_0", 4.66),
    ("llama3:8b-instruct-fp16", "meta-llama/Meta-Llama-3-8B", "gguf_f16", 16.07),
    ("library/qwen2.5-coder:32b", "Qwen/Qwen2.5-32B-Instruct", "q4_k_m", 19.85),
    ("mistral", "mistralai/Mistral-7B-v0.3", "q4_k_m", 4.37),
    ("gemma3:27b", "google/gemma-3-27b-pt", "q4_k_m", 17.40),
    ("gemma3:27b-it-qat", "google/gemma-3-27b-pt", "q4_0_qat", 18.09),
    ("deepseek-r1:671b", "deepseek-ai/DeepSeek-V3", "q4_k_m", 404.43),
    ("deepseek-r1:7b", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "q4_k_m", 4.68),
    ("deepseek-r1:8b-llama-distill-q8_0", LLAMA_8B, "q8_0", 8.54),
    ("mixtral:8x7b", "mistralai/Mixtral-8x7B-v0.1", "q4_0", 26.44),
    ("phi4:14b", "microsoft/phi-4", "q4_k_m", 9.05),
    ("gpt-oss:20b", "openai/gpt-oss-20b", "mxfp4", 13.79),
    ("llama3.2:1b", "meta-llama/Llama-3.2-1B", "q8_0", 1.32),
]


def inferred(report: MemoryReport) -> list[str]:
    return [note.text for note in report.notes if note.subject == "model" and note.origin == "assumption"]


@pytest.mark.parametrize(("name", "base", "precision", "size"), DERIVED, ids=[row[0] for row in DERIVED])
def test_a_name_that_says_its_base_is_counted_without_a_request(
    name: str, base: str, precision: str, size: float | None, hub: Any
) -> None:
    report = calculate_memory(name)
    assert hub.requests == []
    assert (report.model, report.precision) == (name.removeprefix("hf.co/"), precision)
    assert report.parameter_count == catalogue_entries()[base]["parameters"]
    if size is not None:
        assert report.weight_memory_bytes / 1e9 == pytest.approx(size, rel=6e-3)
    (said,) = inferred(report)
    assert f"{name.removeprefix('hf.co/')!r} was counted as {base}," in said


def test_what_the_name_leaves_open_is_said() -> None:
    for name, says in (
        ("bartowski/Llama-3.2-3B-Instruct-GGUF", "gives no file of the repository; q4_k_m was taken"),
        ("llama3.1:8b", "gives no format; q4_k_m was taken"),
        ("gpt-oss:20b", "gives no format; mxfp4 was taken"),
        ("qwen3.5:9b", "gives no format; ollama_q4_k_m was taken"),
        ("phi4-reasoning:14b", "gives no format; ollama_q4_k_m_qkv was taken"),
        ("gemma4:e4b", "gives no format; ollama_q4_k_m was taken"),
        ("unsloth/Llama-3.2-3B-Instruct-unsloth-bnb-4bit", "leave some layers in 16 bits"),
    ):
        assert any(says in note.text for note in calculate_memory(name).notes)


def test_scales_of_a_cache_are_mentioned() -> None:
    report = calculate_memory("amd/Llama-3.1-70B-Instruct-FP8-KV")
    assert any(note.subject == "kv_precision" for note in report.notes)


def test_a_precision_outranks_the_name_s() -> None:
    report = calculate_memory("casperhansen/llama-3-70b-instruct-awq", precision="bf16")
    assert report.precision == "bf16"
    assert any(note.origin == "override" for note in report.notes)


def test_an_entry_of_the_catalogue_keeps_its_own_config() -> None:
    assert resolve("Qwen/Qwen2.5-7B-Instruct-AWQ").kind == "catalogue"
    assert resolve("phi4").kind == "catalogue"


# --- guesses: the hub first ----------------------------------------------------------------------------------------

GUESSES = [
    ("someorg/Llama-3-8B-Medical", "meta-llama/Meta-Llama-3-8B"),
    ("NousResearch/Hermes-3-Llama-3.1-8B", LLAMA_8B),
    ("cognitivecomputations/dolphin-2.9-llama3-8b-AWQ", "meta-llama/Meta-Llama-3-8B"),
    ("acme/Qwen3-4B-SafeRL", "Qwen/Qwen3-4B"),
]


@pytest.mark.parametrize("name", [name for name, _ in GUESSES])
def test_with_words_of_which_nothing_is_known_the_hub_is_asked_first(name: str, hub: Any) -> None:
    hub.answer = hub.answering(200, json.dumps({"model_type": "llama", "hidden_size": 64}).encode())
    origin = resolve(name)
    assert (origin.kind, origin.model, origin.config["hidden_size"]) == ("hub", name, 64)


@pytest.mark.parametrize(("name", "base"), GUESSES)
@pytest.mark.parametrize("offline", [False, True])
def test_without_the_hub_a_guess_is_a_warning(
    name: str, base: str, offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if offline:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    report = calculate_memory(name)
    assert report.model == name
    (warned,) = (note.text for note in report.notes if note.subject == "model" and note.origin == "warning")
    assert "hub was not reached" in warned
    assert f"seems to be a {base}" in warned
    assert "Nothing is known of" in warned
    assert repr(name) in warned


@pytest.mark.parametrize(
    ("status", "error"), [(401, GatedModelError), (403, GatedModelError), (404, UnknownModelError)]
)
def test_a_repository_that_the_hub_refuses_is_no_guess(status: int, error: type[SourceError], hub: Any) -> None:
    hub.answer = hub.answering(status)
    with pytest.raises(error, match=rf"\({status}\).*seems to be made from meta-llama/Meta-Llama-3-8B"):
        resolve("someorg/Llama-3-8B-Medical")


REFUSED = [
    ("meta-llama/Llama-3.1-8B-Eagle3", LLAMA_8B, "'eagle' says that it has another shape"),
    ("neuralmagic/Sparse-Llama-3.1-8B-2of4", LLAMA_8B, "'sparse'"),
    ("turboderp/Llama-3.1-8B-Instruct-exl2", LLAMA_8B, "any number of bits a weight: say how many, such as 4.0bpw"),
    ("acme/Llama-3.1-8B-Instruct-LoRA", LLAMA_8B, "'lora'"),
    ("acme/Llama-3.1-8B-Instruct-v2", LLAMA_8B, "'v2' may be another version"),
    ("unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL", "Qwen/Qwen3-8B", "UD-Q4_K_XL is a mix of its maker's own"),
    ("acme/Llama-3.1-8B-1.58bit", LLAMA_8B, "'1.58bit' is the average of a mix of its maker's own"),
    ("bartowski/Qwen3-8B-GGUF:Q4_K_L", "Qwen/Qwen3-8B", "Q4_K_L is a mix of its maker's own"),
]


@each(("name", "base", "why"), REFUSED)
def test_a_name_of_another_shape_is_not_taken_for_its_base(name: str, base: str, why: str) -> None:
    with pytest.raises(SourceError, match=why) as raised:
        resolve(name)
    assert base in str(raised.value)


@each(
    "name",
    [
        "microsoft/Phi-4-multimodal-instruct",
        "Qwen/Qwen2.5-VL-7B-Instruct",
        "Qwen/Qwen2.5-7B-Instruct-1M",
        "meta-llama/Llama-3.2-11B-Vision-Instruct",
        "nvidia/Llama-3.1-Nemotron-51B-Instruct",
        "nvidia/Llama-3.1-Minitron-4B-Width-Base",
        "meta-llama/Llama-Guard-3-8B",
        "acme/Qwen2.5-7B-Instruct-Draft-0.5B",
        "acme/Llama-3-8Bx2-MoE",
        "acme/Llama-31-8B",
        "acme/model",
        "acme/instruct-GGUF",
    ],
)
def test_sizes_and_versions_must_be_the_base_s(name: str) -> None:
    if name not in {spelled for id, entry in catalogue_entries().items() for spelled in (id, *entry["names"])}:
        with pytest.raises(HubOfflineError):
            resolve(name)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("llama3", ["llama3:8b", "llama3:70b"]),
        ("gemma3", ["gemma3:27b"]),
        ("mixtral", ["mixtral:8x7b", "mixtral:8x22b"]),
        ("Llama-2", ["meta-llama/Llama-2-7b-hf", "meta-llama/Llama-2-13b-hf", "meta-llama/Llama-2-70b-hf"]),
    ],
)
def test_two_bases_are_an_error_that_lists_them(name: str, choices: list[str], hub: Any) -> None:
    with pytest.raises(UnknownModelError, match="could be any of these") as raised:
        resolve(name)
    assert all(choice in str(raised.value) for choice in choices)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["llama3:9b", "nosuchmodel:8b", "llama3.1:8b-nosuch", "gemma3:", ":8b", "mistral:q4"])
def test_a_tag_that_ollama_does_not_have_is_unknown(name: str, hub: Any) -> None:
    if names.derive(name) is None or not names.derive(name).certain:  # type: ignore[union-attr]
        with pytest.raises(UnknownModelError):
            resolve(name)
    assert hub.requests == []


def test_refresh_asks_the_hub_for_a_repository_and_not_for_a_tag(hub: Any) -> None:
    hub.answer = hub.answering(200, json.dumps({"model_type": "llama", "hidden_size": 64}).encode())
    assert resolve("unsloth/Llama-3.1-8B-Instruct", refresh=True).kind == "hub"
    assert resolve("llama3.1:8b", refresh=True).kind == "name"
    assert len(hub.requests) == 1


def test_a_path_that_is_not_there_is_no_name() -> None:
    for name in ("models/llama-2-7b.Q4_K_M.gguf", "./llama-2-7b.Q4_K_M.gguf", Path("llama-2-7b.Q4_K_M.gguf")):
        with pytest.raises(UnknownModelError, match="no such file"):
            resolve(name)


# --- over the whole catalogue --------------------------------------------------------------------------------------


def is_copy(name: str) -> bool:
    return labels.format_in(name.rpartition("/")[2].lower(), "")[1] is not None


ORIGINALS = [id for id in catalogue_entries() if not is_copy(id)]
SUFFIXES = [
    "",
    "-GGUF",
    "-AWQ",
    "-GPTQ-Int4",
    "-FP8-dynamic",
    "-NVFP4",
    "-bnb-4bit",
    "-quantized.w4a16",
    ".Q5_K_M.gguf",
]


@given(id=st.sampled_from(ORIGINALS), suffix=st.sampled_from(SUFFIXES))
def test_a_copy_of_any_entry_is_found_or_left_open_and_never_another_model(id: str, suffix: str) -> None:
    derived = names.derive(f"acme/{id.rpartition('/')[2]}{suffix}")
    if derived is not None and derived.certain:
        entries = catalogue_entries()
        assert entries[derived.base]["parameters"] == entries[id]["parameters"]
        assert entries[derived.base]["config"].get("model_type") == entries[id]["config"].get("model_type")


def test_most_copies_are_found() -> None:
    found = [names.derive(f"acme/{id.rpartition('/')[2]}-AWQ") for id in ORIGINALS]
    certain = [one for one in found if one is not None and one.certain]
    assert len(certain) > 0.9 * len(ORIGINALS)


@given(name=st.text(st.sampled_from("abqwenlmi0123458.-_:/ \0é"), max_size=40))
def test_no_name_is_too_strange(name: str) -> None:
    names.derive(name)


def test_ollama_s_table_names_models_and_formats_that_there_are() -> None:
    facts = table("ollama")
    entries = catalogue_entries()
    mixes = [*facts["formats"].values(), *(mix for own in facts["own_mixes"].values() for mix in own.values())]
    assert [form for form in mixes if mix_of(form) is None and form != "mxfp4"] == []
    assert [model for part in ("own_mixes", "parts") for model in facts[part] if model not in facts["sizes"]] == []
    assert [tag for tag in facts["tags"] if tag.partition(":")[0] not in facts["sizes"]] == []
    for model, sizes in facts["sizes"].items():
        for size in sizes:
            derived = names.derive(f"{model}:{size}")
            assert derived is not None, (model, size)
            base = facts["tags"].get(f"{model}:{size}")
            if base is None or base in entries:
                assert derived.certain, (model, size)
            else:
                # what is not in the catalogue is named, to be asked of the hub
                assert derived.choices == (base,), (model, size)


# --- the hub's count of the weights --------------------------------------------------------------------------------

TINY = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
}
COUNT = 95_040


def answering(hub: Any, metadata: tuple[int, bytes]) -> Callable[[BaseHTTPRequestHandler], None]:
    config = hub.answering(200, json.dumps(TINY).encode())
    counted = hub.answering(*metadata)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (counted if handler.path.startswith("/api/") else config)(handler)

    return answer


def listed(**values: int) -> bytes:
    return json.dumps({"siblings": [], "safetensors": {"parameters": values, "total": sum(values.values())}}).encode()


def said(name: str = "acme/model") -> tuple[str, str]:
    (note,) = (note for note in load_model(name).read_notes if note.subject == "weights")
    return note.origin, note.text


def test_the_hub_s_count_is_compared_with_the_config(hub: Any) -> None:
    hub.answer = answering(hub, (200, listed(BF16=COUNT)))
    assert load_model("acme/model").architecture.parameter_count == COUNT
    assert [path for path, _ in hub.requests][-1] == "/api/models/acme/model?blobs=true"


@pytest.mark.parametrize(
    ("body", "origin", "says"),
    [
        (listed(BF16=COUNT), "source", "95,040 BF16 in the weights' headers, as the config describes"),
        (listed(BF16=COUNT - 28, F32=1000), "warning", r"95,040 parameters \(\+972, \+1\.02%\)"),
        (listed(I32=1000, F16=10), "source", "packed values and scales are not parameters"),
        (b"<html>", "source", "was not read: the config alone was counted.*not valid JSON"),
        (b'{"id": "acme/model"}', "source", "lists no files"),
        (
            b'{"siblings": [], "safetensors": {"parameters": {"BF16": -1}}}',
            "source",
            "something other than whole numbers",
        ),
        (
            b'{"siblings": [], "safetensors": {"parameters": {"BF16": true}}}',
            "source",
            "something other than whole numbers",
        ),
    ],
)
def test_what_the_hub_counts_is_a_note_and_never_an_error(body: bytes, origin: str, says: str, hub: Any) -> None:
    hub.answer = answering(hub, (200, body))
    found, text = said()
    assert found == origin
    assert re.search(says, text)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
def test_a_count_that_cannot_be_had_is_a_note(status: int, hub: Any) -> None:
    hub.answer = answering(hub, (status, b""))
    origin, text = said()
    assert origin == "source"
    assert f"({status})" in text


def test_a_repository_without_a_count_says_nothing(hub: Any) -> None:
    hub.answer = answering(hub, (200, b'{"id": "acme/model", "siblings": []}'))
    assert load_model("acme/model").read_notes == ()


def test_a_config_from_a_copy_is_not_followed_by_a_request(hub: Any) -> None:
    hub.answer = answering(hub, (200, listed(BF16=COUNT)))
    load_model("acme/model")
    load_model("acme/model")
    assert len(hub.requests) == 2


def test_an_organisation_that_stores_otherwise_is_not_taken_for_the_base() -> None:
    found = names.derive("VPTQ-community/Meta-Llama-3.1-70B-Instruct-v8-k65536-256-woft")
    assert found is not None
    assert "'vptq'" in found.refusal


def test_experts_of_gpt_oss_stay_as_published_in_every_file() -> None:
    # unsloth/gpt-oss-20b-GGUF's gpt-oss-20b-F16.gguf has 13.8 GB
    report = calculate_memory("unsloth/gpt-oss-20b-GGUF:F16")
    assert report.weight_memory_gb == pytest.approx(13.79, rel=0.005)


@pytest.mark.parametrize(
    ("name", "form", "gigabytes"),
    [
        # published for training on, in the 16 bits of the base: 12.19 billion parameters
        ("google/gemma-3-12b-it-qat-q4_0-unquantized", "bf16", 24.37),
        # 4 bits with a 20-bit scale and zero point a group of 128; table and head in 16 bits
        ("OPEA/Meta-Llama-3.1-8B-Instruct-int4-AutoRound", "auto_round_4bit", 5.73),
        ("RedHatAI/Llama-3.1-8B-Instruct-INT8-dynamic", "int8", 9.09),
    ],
)
def test_formats_that_quantisers_put_into_names(name: str, form: str, gigabytes: float) -> None:
    report = calculate_memory(name)
    assert report.precision == form
    assert report.weight_memory_gb == pytest.approx(gigabytes, rel=0.005)


@pytest.mark.parametrize("name", ["x/Llama-3.1-8B-w4a4", "x/Llama-2-7B-4bit-128g", "x/Qwen3-8B-8bits"])
def test_a_number_format_that_is_not_known_is_not_taken_for_the_base_s_own(name: str) -> None:
    found = names.derive(name)
    assert found is not None
    assert "number format that is not known" in found.refusal


def test_names_that_are_alike_are_told_apart_beside_each_or_not_at_all() -> None:
    with pytest.raises(UnknownModelError) as raised:
        resolve("lama 3.1")
    assert "'meta-llama/Llama-3.1-405B' (406B llama" in str(raised.value)
    with pytest.raises(UnknownModelError) as raised:
        resolve("clip vit large")
    # both are of one size and of one length
    assert "0.428B" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("TheBloke/Llama-2-7B-GPTQ:gptq-4bit-32g-actorder_True", 32),
        ("TheBloke/Llama-2-7B-GPTQ@gptq-4bit-64g-actorder_True", 64),
        ("TheBloke/Llama-2-7B-GPTQ:gptq-8bit--1g-actorder_True", -1),
        ("acme/Llama-2-7B-GPTQ-4bit-64g", 64),
        ("acme/Llama-2-7B-AWQ-g64", 64),
        ("acme/Llama-2-7B-AWQ", 128),
        ("llama-2-7b gptq 4bit 32g", 32),
    ],
)
def test_a_name_s_group_is_read_and_that_of_a_branch(name: str, group: int) -> None:
    found = names.derive(name)
    assert found is not None
    assert found.base.startswith("meta-llama/Llama-2-7b")
    assert found.form is not None
    assert not found.refusal
    assert not found.extra
    assert found.form.config["group_size"] == group
