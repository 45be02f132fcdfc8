"""Engines and their releases as people write them."""

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import ArgumentError, calculate_memory
from llm_memory_calculator.engines import ENGINES
from llm_memory_calculator.engines.named import named_with_release


@pytest.mark.parametrize(
    ("written", "engine", "release"),
    [
        ("vllm 0.9.1", "vllm", "0.9.1"),
        ("vllm==0.9.1", "vllm", "0.9.1"),
        ("vLLM v0.11", "vllm", "v0.11"),
        ("vllm-0.10.2", "vllm", "0.10.2"),
        ("vLLM (0.6.3.post1)", "vllm", "0.6.3.post1"),
        ("vllm version 0.8.5", "vllm", "0.8.5"),
        # as its image is pulled: https://docs.vllm.ai/en/latest/deployment/docker.html
        ("vllm/vllm-openai:v0.8.5", "vllm", "v0.8.5"),
        ("vllm latest", "vllm", None),
        # its second core, the only one since 0.11: https://docs.vllm.ai/en/latest/usage/v1_guide.html
        ("vllm (V1)", "vllm", None),
        ("llama.cpp b5000", "llama_cpp", "b5000"),
        ("llama-cpp-python", "llama_cpp", None),
        ("TRT-LLM", "tensorrt_llm", None),
        ("TensorRT-LLM 0.20", "tensorrt_llm", "0.20"),
        ("TRT LLM v1.0", "tensorrt_llm", "v1.0"),
        ("SGLang v0.4.6.post1", "sglang", "v0.4.6.post1"),
        ("Ollama 0.12.3", "ollama", "0.12.3"),
        ("exllama v2", "exllama", None),
        ("ExLlamaV3", "exllama", None),
        ("Hugging Face Transformers 4.56", "transformers", "4.56"),
    ],
)
def test_an_engine_is_read_with_its_release(written: str, engine: str, release: str | None) -> None:
    assert named_with_release(written, None) == (engine, release)


@pytest.mark.parametrize(
    ("engine", "number", "release"),
    # vLLM has released 0.1 to 0.33 and no 0.80; llama.cpp counts builds
    [("vllm", 0.8, "0.8"), ("vllm", 0.19, "0.19"), ("llama_cpp", 5000, "5000"), ("tgi", 3.0, "3.0")],
)
def test_a_release_that_came_as_a_number_is_that_release(engine: str, number: float, release: str) -> None:
    assert named_with_release(engine, number) == (engine, release)


@pytest.mark.parametrize(("engine", "number"), [("vllm", 0.1), ("vllm", 0.2), ("ollama", 0.3), ("transformers", 4.5)])
def test_a_number_that_may_be_two_releases_is_asked_back(engine: str, number: float) -> None:
    with pytest.raises(ArgumentError, match=rf"may be release '{number}' or '{number}0': give it as text"):
        calculate_memory("gpt2", engine=engine, engine_version=number)


def test_what_says_two_releases_or_one_of_several_engines_is_asked_back() -> None:
    with pytest.raises(ArgumentError, match=r"engine says release '0\.9\.1' and engine_version '0\.10'; give it once"):
        calculate_memory("gpt2", engine="vllm 0.9.1", engine_version="0.10")
    assert calculate_memory("gpt2", engine="vllm 0.9.1", engine_version="v0.9.1").notes is not None
    with pytest.raises(ArgumentError, match=r"'LM Studio 0\.3' runs llama_cpp or mlx: give the one that it has loaded"):
        calculate_memory("gpt2", engine="LM Studio 0.3")


def test_the_release_in_a_name_is_counted_as_that_of_its_own_argument() -> None:
    asked = {"hardware": "L4", "seq_length": 4096}
    named = calculate_memory("meta-llama/Llama-3.1-8B", engine="vllm==0.6.3", **asked)
    assert named == calculate_memory("meta-llama/Llama-3.1-8B", engine="vllm", engine_version="0.6.3", **asked)


@given(st.text(max_size=80) | st.builds("{} {}".format, st.sampled_from(ENGINES), st.text(max_size=20)))
def test_any_text_is_an_engine_or_refused_in_a_sentence(written: str) -> None:
    said = ""
    try:
        calculate_memory("gpt2", engine=written)
    except ArgumentError as error:
        said = str(error)
    assert not said or (said.startswith("engine") and len(said) < 500)
