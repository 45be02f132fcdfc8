"""The keys and columns of the original's results, and what is refused with a sentence."""

from __future__ import annotations

import copy
import pickle

import pytest

from llm_memory_calculator import (
    ArgumentError,
    InvalidHardwareError,
    UnknownArgumentError,
    calculate_memory,
    estimate_decode_performance,
    estimate_end_to_end_performance,
    estimate_max_batch_size,
    estimate_prefill_performance,
    get_best_parallelization_strategy,
)

BOTH = (
    "Latency",
    "Throughput",
    "Throughput_tokens_per_sec",
    "Runtime_breakdown",
    "is_offload",
    "model_df",
    "summary_table",
    "tokens_generated",
)
CUSTOM = {"Flops": 312, "Memory_size": 80, "Memory_BW": 2039, "ICN": 300, "ICN_LL": 1, "real_values": True}


def test_a_phase_has_its_own_keys_as_items_and_attributes() -> None:
    prefill = estimate_prefill_performance("llama2_7b", batch_size=4, system_name="A100_80GB")
    decode = estimate_decode_performance("llama2_7b", batch_size=4, system_name="A100_80GB")
    assert set(prefill) == {*BOTH, "TTFT", "Input_throughput"}
    assert set(decode) == {*BOTH, "TPOT", "Total_latency", "Effective_throughput"}
    assert prefill.get("TPOT", prefill["Latency"]) == prefill["TTFT"]
    for report, name in ((prefill, "TTFT"), (prefill, "Latency"), (decode, "TPOT"), (decode, "Total_latency")):
        assert getattr(report, name) == report[name]
    assert not hasattr(prefill, "TPOT")
    with pytest.raises(KeyError, match="the keys are Latency"):
        _ = prefill["TPOT"]


def test_throughput_is_requests_in_prefill_and_tokens_in_decode() -> None:
    prefill = estimate_prefill_performance("llama2_7b", batch_size=4, input_tokens=1024, system_name="A100_80GB")
    assert prefill["Throughput"] == pytest.approx(4 / prefill["Latency"] * 1e3)
    assert prefill["Throughput_tokens_per_sec"] == pytest.approx(4 * 1024 / prefill["Latency"] * 1e3)
    decode = estimate_decode_performance("llama2_7b", batch_size=4, system_name="A100_80GB")
    assert decode["Throughput"] == pytest.approx(4 / decode["TPOT"] * 1e3)


def test_a_report_can_be_copied_and_sent() -> None:
    report = estimate_end_to_end_performance("llama2_7b", system_name="A100_80GB")
    assert copy.deepcopy(report) == report
    assert pickle.loads(pickle.dumps(report)) == report


def test_an_operator_s_row_agrees_with_itself() -> None:
    frame = estimate_prefill_performance("llama2_7b", system_name="A100_80GB")["model_df"]
    assert {"Layer Name", "Op Type", "Bound", "Num ops (MFLOP)", "Total Data (MB)"} <= set(frame.columns)
    # nothing is above the chip's 312 dense TFLOPS
    assert 0 < frame["Throughput (Tflops)"].max() < 312
    assert (frame["Compute Utilization"] <= 1).all()
    assert ((frame["C/M ratio"] > 1) == (frame["Bound"] == "compute")).all()


def test_custom_hardware_by_all_of_the_original_s_keys() -> None:
    full = {**CUSTOM, "type": "gpu", "memory_type": "hbm2e"}
    assert estimate_prefill_performance("llama2_7b", system_name=full)["TTFT"] > 0


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("tensor_cores", "gen3", "dense peaks in peak_tflops"),
        ("inference_calibration", {"decode": {"eta_mem": 0.8}}, "belong to the performance model"),
        ("real_values", False, "accepted is only true"),
        ("Flopz", 1, "Did you mean 'Flops'"),
    ],
)
def test_a_key_of_hardware_that_would_be_ignored_is_refused(key: str, value: object, sentence: str) -> None:
    with pytest.raises(InvalidHardwareError, match=sentence):
        estimate_prefill_performance("llama2_7b", system_name={**CUSTOM, key: value})


def test_an_argument_that_did_nothing_is_refused() -> None:
    with pytest.raises(UnknownArgumentError, match="decode_length"):
        calculate_memory("llama2_7b", decode_length=128)


def test_a_model_is_not_taken_for_granted() -> None:
    with pytest.raises(ArgumentError, match="model is needed"):
        get_best_parallelization_strategy(system_name="A100_80GB")


def test_an_untied_head_takes_room_from_the_batch() -> None:
    # Gemma-2-2B ties a table of 256,000 x 2,304, 1.18 GB in 16 bits
    tied = estimate_max_batch_size("google/gemma-2-2b", 24, 8192, "bf16")
    apart = estimate_max_batch_size("google/gemma-2-2b", 24, 8192, "bf16", respect_weight_tying=False)
    assert 0 < apart < tied
    assert apart.report.weight_memory_bytes - tied.report.weight_memory_bytes == 256_000 * 2_304 * 2
