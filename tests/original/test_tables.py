"""Runtime_breakdown, model_df and summary_table: their parts add up, and agree with counts done by hand."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_calculator import (
    PhaseReport,
    estimate_decode_performance,
    estimate_end_to_end_performance,
    estimate_performance,
    estimate_prefill_performance,
)

from ..rows import each

PARTS = ("Embedding", "MHA", "FFN", "Mamba_time", "Collective")
MIB = 2**20
H200 = 4.8e12
# Of each layer of Llama-2-7B: q, k, v and out of 4,096 x 4,096, and three products with 11,008; 16 bits
LLAMA_QKVO, LLAMA_FFN = 32 * 4 * 4_096**2 * 2, 32 * 3 * 4_096 * 11_008 * 2


@each(
    ("model", "layout", "parts"),
    [
        ("llama2_7b", {}, {"Embedding", "MHA", "FFN"}),
        ("mixtral_8x7b", {"tensor_parallel": 2, "pipeline_parallel": 2}, {"Embedding", "MHA", "FFN", "Collective"}),
        ("deepseek-ai/DeepSeek-V3", {"tensor_parallel": 8}, {"Embedding", "MHA", "FFN", "Collective"}),
        ("state-spaces/mamba-2.8b-hf", {}, {"Embedding", "Mamba_time"}),
        ("RWKV/v6-Finch-7B-HF", {}, {"Embedding", "FFN", "Mamba_time"}),
        ("ai21labs/Jamba-v0.1", {}, {"Embedding", "MHA", "FFN", "Mamba_time"}),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", {"tensor_parallel": 2}, {*PARTS}),
        ("google-t5/t5-base", {}, {"Embedding", "MHA", "FFN"}),
    ],
)
def test_the_parts_of_a_runtime_are_those_of_the_model_and_sum_to_the_latency(
    model: str, layout: dict[str, int], parts: set[str]
) -> None:
    arguments: dict[str, Any] = {"batch_size": 4, "input_tokens": 400, "system_name": "H200", **layout}
    for report in (estimate_prefill_performance(model, **arguments), estimate_decode_performance(model, **arguments)):
        runtime = report["Runtime_breakdown"]
        assert {part for part in PARTS if getattr(runtime, part) > 0} == parts
        assert sum(getattr(runtime, part) for part in PARTS) + runtime.Other == pytest.approx(report["Latency"])
        assert pytest.approx(runtime.QKVO_layers + runtime.LA_layers + runtime.Softmax) == runtime.MHA
        assert runtime.FFN_layers == runtime.FFN
        assert runtime.Collective == pytest.approx(runtime.AR_time + runtime.A2A_time + runtime.Send_Recv_time)


def test_a_runtime_is_a_mapping_by_kind_of_work_too() -> None:
    report = estimate_decode_performance("llama2_7b", system_name="H200")
    kinds = dict(report["Runtime_breakdown"])
    assert {"matmul", "attention", "host"} <= set(kinds)
    assert sum(kinds.values()) == pytest.approx(report["Latency"])
    # the products are those of attention, of the feed-forward and of the head
    runtime = report["Runtime_breakdown"]
    assert kinds["attention"] == pytest.approx(runtime.LA_layers)
    assert runtime.QKVO_layers + runtime.FFN_layers < kinds["matmul"]
    assert kinds["matmul"] < runtime.QKVO_layers + runtime.FFN_layers + runtime.Embedding


def test_each_part_takes_at_least_the_time_of_its_bytes() -> None:
    runtime = estimate_decode_performance("llama2_7b", batch_size=8, system_name="H200")["Runtime_breakdown"]
    assert runtime.QKVO_layers > LLAMA_QKVO / H200 * 1e3
    assert runtime.FFN_layers > LLAMA_FFN / H200 * 1e3
    # 8 x 2,048 tokens of half a MiB each
    assert runtime.LA_layers > 8 * 2_048 * MIB / 2 / H200 * 1e3
    assert runtime.Embedding > 32_000 * 4_096 * 2 / H200 * 1e3


def test_messages_are_told_apart_by_what_they_are() -> None:
    arguments: dict[str, Any] = {"batch_size": 4, "system_name": "H200"}
    alone = estimate_decode_performance("llama2_7b", **arguments)["Runtime_breakdown"]
    tensor = estimate_decode_performance("llama2_7b", tensor_parallel=2, **arguments)["Runtime_breakdown"]
    pipeline = estimate_decode_performance("llama2_7b", pipeline_parallel=2, **arguments)["Runtime_breakdown"]
    assert (alone.AR_time, alone.Send_Recv_time) == (0, 0)
    assert tensor.AR_time > 0 == tensor.Send_Recv_time
    assert pipeline.Send_Recv_time > 0 == pipeline.AR_time


def test_the_summary_counts_in_units_of_two_to_the_20() -> None:
    table = estimate_prefill_performance("llama2_7b", batch_size=4, system_name="H200")["summary_table"]
    assert len(table) == 1
    row = table.iloc[0]
    assert row["Total Weights (MB)"] == pytest.approx(6_738_415_616 * 2 / MIB)
    assert row["KV Cache (MB)"] == 4 * 2_048 / 2
    assert row["Unused Weights (MB)"] == 0
    # each token takes part in every product of the layers, one of each prompt in the head's
    products = (LLAMA_QKVO + LLAMA_FFN) / 2 * 4 * 2_048 + 4 * 32_000 * 4_096
    attended = 32 * 2 * 4_096 * 4 * 2_048 * 2_049 / 2
    assert row["MACs (MFLOP)"] == pytest.approx((products + attended) / 1e6, rel=0.01)
    # at least every weight but the table is read once
    assert row["Total Data (MB)"] > (6_738_415_616 - 32_000 * 4_096) * 2 / MIB
    assert row["Attn Latency"] + row["Linear Latency"] + row["Comm Latency"] < row["Latency (msec)"]


def test_experts_that_no_token_is_sent_to_are_unused() -> None:
    # one token goes to 2 of 8 experts of three products of 4,096 x 14,336 in 32 layers
    report = estimate_decode_performance("mixtral_8x7b", system_name="H200", bits="bf16")
    expert = 32 * 3 * 4_096 * 14_336 * 2
    row = report["summary_table"].iloc[0]
    assert row["Unused Weights (MB)"] == pytest.approx(6 * expert / MIB)
    read = report["model_df"].set_index("Op Type").loc["experts", "Input_w (MB)"]
    assert read == pytest.approx(2 * expert / MIB)


@pytest.mark.parametrize("model", ["llama2_7b", "mixtral_8x7b", "state-spaces/mamba-2.8b-hf"])
def test_what_an_operator_moves_is_weights_cache_and_values(model: str) -> None:
    frame = estimate_decode_performance(model, batch_size=2, system_name="H200")["model_df"]
    parts = frame[["Input_w (MB)", "KV Cache (MB)", "Input_a + Output (MB)"]]
    assert (parts >= 0).all(axis=None)
    assert parts.sum(axis=1).to_numpy() == pytest.approx(frame["Total Data (MB)"].to_numpy())


def test_both_phases_of_a_batch_have_the_tables_of_each_alone() -> None:
    arguments: dict[str, Any] = {"batch_size": 4, "system_name": "A100_80GB", "tensor_parallel": 2}
    both = estimate_end_to_end_performance("llama2_7b", **arguments)
    prefill = estimate_prefill_performance("llama2_7b", **arguments)
    decode = estimate_decode_performance("llama2_7b", **arguments)
    for alone, together in ((prefill, both["prefill"]), (decode, both["decode"])):
        assert together["model_df"].equals(alone["model_df"])
        assert together["summary_table"].equals(alone["summary_table"])
        assert together["Runtime_breakdown"] == alone["Runtime_breakdown"]


def test_the_operators_of_a_copy_are_those_of_its_share_of_the_batch() -> None:
    arguments: dict[str, Any] = {"input_tokens": 512, "system_name": "H200"}
    halved = estimate_prefill_performance("llama2_7b", batch_size=8, data_parallel=2, **arguments)
    alone = estimate_prefill_performance("llama2_7b", batch_size=4, **arguments)
    assert halved["model_df"].equals(alone["model_df"])


def test_our_own_reports_have_no_keys_and_say_the_same() -> None:
    own = estimate_performance("llama2_7b", "H200", tensor_parallel=2, detail="full")
    with pytest.raises(TypeError):
        _ = own["ttft"]  # type: ignore[index]
    assert type(own.prefill_phase) is PhaseReport
    keyed = estimate_end_to_end_performance("llama2_7b", system_name="H200", tensor_parallel=2)
    assert str(keyed).splitlines()[0] == str(own).splitlines()[0]
    assert (keyed["ttft"], keyed["average_tpot"]) == (own.ttft_ms, own.tpot_ms)
