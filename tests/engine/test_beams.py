"""Beam search: continuations of a sequence that are decoded beside each other, where an engine has them."""

import pytest

from llm_memory_calculator import ArgumentError, estimate_performance, estimate_serving

MODEL, CARD = "meta-llama/Llama-3.1-8B", "H100"


def test_beams_decode_as_sequences_of_their_own() -> None:
    four = estimate_performance(MODEL, CARD, tensor_parallel=1, beam_size=4, batch_size=2)
    eight = estimate_performance(MODEL, CARD, tensor_parallel=1, batch_size=8)
    two = estimate_performance(MODEL, CARD, tensor_parallel=1, batch_size=2)
    assert four.beam_size == 4
    assert four.tpot_ms == eight.tpot_ms
    assert four.ttft_ms == two.ttft_ms


@pytest.mark.parametrize("engine", ["sglang", "tgi", "llama_cpp"])
def test_engines_without_beams_refuse_them(engine: str) -> None:
    with pytest.raises(ArgumentError, match="takes no beams from a request: leave it out, or name an engine of vllm"):
        estimate_performance(MODEL, CARD, engine=engine, beam_size=4)
    assert estimate_performance(MODEL, CARD, engine=engine, beam_size=1).beam_size == 1


def test_a_built_width_of_beams_is_kept() -> None:
    report = estimate_performance(MODEL, CARD, engine="tensorrt_llm", beam_size=4)
    assert report.beam_size == 4
    with pytest.raises(ArgumentError, match="beam_size is 4, and max_beam_width 2; raise that, or give fewer"):
        estimate_performance(MODEL, CARD, engine="tensorrt_llm", beam_size=4, engine_settings={"max_beam_width": 2})


def test_a_served_load_has_no_beams() -> None:
    with pytest.raises(ArgumentError, match="beam_size is of a static batch"):
        estimate_serving(MODEL, CARD, concurrency=4, beam_size=2)
