"""What the hub says of a repository beside its config."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llm_memory_calculator import GatedModelError, HuggingFaceConfigLoader, analyze_hf_model, compare_models, load_model

LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "vocab_size": 1000,
    "tie_word_embeddings": False,
}
SAID = {"downloads": 7, "likes": 3, "tags": ["llama"], "createdAt": "2024-01-01T00:00:00.000Z", "lastModified": "2025"}
INFO = {"downloads": 7, "likes": 3, "tags": ["llama"], "created_at": SAID["createdAt"], "last_modified": "2025"}


@pytest.fixture
def answering(hub: Any) -> Any:
    def answer(handler: Any) -> None:
        body = SAID if handler.path.startswith("/api/models/acme/model") else LLAMA
        hub.answering(200, json.dumps(body).encode())(handler)

    hub.answer = answer
    return hub


@pytest.mark.usefixtures("answering")
def test_a_repository_of_the_hub_comes_with_what_it_says() -> None:
    found = analyze_hf_model("acme/model")
    assert found["model_info"] == INFO
    assert found["parameter_count"] == 2 * 64 * 1000 + 2 * (4 * 64**2 + 3 * 64 * 128 + 2 * 64) + 64


def test_the_loader_asks_for_a_repository_and_not_for_a_file(answering: Any, tmp_path: Any) -> None:
    loader = HuggingFaceConfigLoader()
    assert loader.get_model_info("acme/model") == INFO
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    asked = len(answering.requests)
    assert loader.get_model_info(tmp_path) is None
    assert len(answering.requests) == asked


def test_a_gated_repository_says_so(hub: Any) -> None:
    hub.answer = hub.answering(403)
    with pytest.raises(GatedModelError):
        HuggingFaceConfigLoader().get_model_info("openai-community/gpt2")


def test_a_model_that_was_loaded_or_built_is_called_by_its_name() -> None:
    model = load_model("llama3.1_8b")
    by_name = analyze_hf_model("llama3.1_8b")
    for given, name in ((model, "meta-llama/Llama-3.1-8B"), (model.architecture, "llama")):
        found = analyze_hf_model(given)
        assert found["model_id"] == name
        assert found["parameter_count"] == by_name["parameter_count"]
        assert [row["model_id"] for row in compare_models([given])] == [name]
    assert analyze_hf_model(model)["config"] == by_name["config"]
    assert HuggingFaceConfigLoader().get_model_info(model.architecture) is None
    assert HuggingFaceConfigLoader().fetch_model_config(model.architecture) == {}


def test_a_config_of_an_answer_is_the_caller_s_to_change() -> None:
    analyze_hf_model("openai/gpt-oss-20b")["config"]["quantization_config"].clear()
    assert analyze_hf_model("openai/gpt-oss-20b")["config"]["quantization_config"]["quant_method"] == "mxfp4"


@pytest.mark.usefixtures("answering")
def test_an_analysis_asks_for_a_config_once(answering: Any) -> None:
    analyze_hf_model("acme/model")
    paths = [path for path, _ in answering.requests]
    assert sum(path.endswith("config.json") for path in paths) == 1
