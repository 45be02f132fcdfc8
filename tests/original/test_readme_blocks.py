"""The blocks of the original's README run as they are written, offline, and say what physics and publications allow.

Their times are held by roofs and floors: no step is quicker than its bytes at the datasheet's bandwidth or its
operations at the dense peak, and none takes more than a few times as long.
"""

import runpy
import socket
from pathlib import Path
from typing import Any

import pytest

BLOCKS = sorted((Path(__file__).parents[2] / "examples" / "original_readme").glob("*.py"))

# Llama-2-7B: 6,738,415,616 parameters, of which all but the input table of 32,000 x 4,096 multiply each token
LLAMA_7B, LLAMA_7B_READ = 6_738_415_616 * 2, (6_738_415_616 - 32_000 * 4_096) * 2
LLAMA_7B_TOKEN = 2 * 32 * 4_096 * 2
"""Bytes that a token adds to its cache."""
A100 = 2.039e12
SLOWEST = 4
"""No engine that serves takes this many times the roofline's time at these batches."""


class Blocks:
    """Runs a block of the original's README in this process, with no way out to a network."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture
        self.said = ""

    def run(self, number: int) -> dict[str, Any]:
        """The names that the block leaves; what it printed stands in `said`."""
        found = runpy.run_path(str(BLOCKS[number - 1]))
        self.said = self.capture.readouterr().out
        return found


@pytest.fixture
def blocks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Blocks:
    def refuse(*_: object) -> None:
        raise AssertionError("a block asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    return Blocks(capsys)


def decode_floor_ms(batch: int, devices: int, bandwidth: float, context: int = 2048) -> float:
    """Milliseconds in which so many devices read Llama-2-7B in 16 bits and the caches of a batch, once."""
    return (LLAMA_7B_READ + batch * context * LLAMA_7B_TOKEN) / devices / bandwidth * 1e3


def prefill_floor_ms(tokens: int, devices: int, peak: float) -> float:
    """Milliseconds of the layers' products alone at the dense peak (the head sees one position a prompt)."""
    return 2 * (LLAMA_7B_READ / 2 - 32_000 * 4_096) * tokens / devices / peak * 1e3


def test_there_are_13_blocks() -> None:
    assert [path.name[:2] for path in BLOCKS] == [f"{n:02}" for n in range(1, 14)]


def test_memory_by_a_hub_id(blocks: Blocks) -> None:
    found = blocks.run(1)
    dense, mixture = found["dense"], found["result"]
    assert dense.weight_memory_gb == pytest.approx(13.476, abs=0.001)
    assert dense.kv_cache_bytes == 2_048 * LLAMA_7B_TOKEN
    # a 7B in 16 bits is served on cards of 24 GB, and does not fit those of 16 GB
    assert 16 < dense.total_memory_gb < 22
    assert dense.can_fit_24gb_gpu
    # Mixtral: 46,702,792,704 parameters of a byte, tables and scales more; 8 KV heads of 128 in 32 layers, 16 bits
    assert 46.7 < mixture.weight_memory_gb < 48
    assert mixture.kv_cache_bytes == 4 * 8_192 * 2 * 32 * 8 * 128 * 2
    assert mixture.total_memory_gb > mixture.weight_memory_gb + mixture.kv_cache_gb
    assert mixture.recommended_gpu_memory_gb > mixture.total_memory_gb
    assert f"Total Memory: {mixture.total_memory_gb:.2f} GB" in blocks.said


def test_a_batch_end_to_end(blocks: Blocks) -> None:
    result = blocks.run(2)["result"]
    tpot, ttft = decode_floor_ms(4, 2, A100), prefill_floor_ms(4 * 2_048, 2, 312e12)
    assert tpot < result["average_tpot"] < SLOWEST * tpot
    assert ttft < result["ttft"] < SLOWEST * ttft
    assert result["total_latency"] == pytest.approx(result["ttft"] + 255 * result["average_tpot"])
    # output tokens alone, where the original counted the prompts' too
    assert result["total_throughput"] == pytest.approx(4 * 256 / result["total_latency"] * 1e3)
    assert "TTFT:" in blocks.said


def test_the_best_layout_of_eight(blocks: Blocks) -> None:
    best = blocks.run(3)["best_strategy"]
    assert len(best) == 1
    row = best.iloc[0]
    assert row["TP"] * row["PP"] * row["DP"] <= 8
    roof = 32 / decode_floor_ms(32, 8, A100) * 1e3
    assert roof / SLOWEST < row["Tokens/s"] < roof
    assert row["Tokens/s"] == pytest.approx(32 / row["Latency(ms)"] * 1e3)


def test_a_config_of_a_few_fields(blocks: Blocks) -> None:
    result = blocks.run(4)["result"]
    attention, feed_forward = 2 * 4_096**2 + 2 * 4_096 * 1_024, 3 * 4_096 * 11_008
    assert result.parameter_count == 32 * (attention + feed_forward + 2 * 4_096) + 2 * 32_000 * 4_096 + 4_096
    assert result.attention_type == "GQA"
    assert result.kv_cache_bytes == 4_096 * 2 * 32 * 8 * 128 * 2


def test_prefill_and_decode_alone(blocks: Blocks) -> None:
    prefill, decode = blocks.run(5)["result"], blocks.run(6)["result"]
    ttft, tpot = prefill_floor_ms(4 * 2_048, 2, 312e12), decode_floor_ms(4, 2, A100)
    assert ttft < prefill["Latency"] == prefill["TTFT"] < SLOWEST * ttft
    assert tpot < decode["Latency"] == decode["TPOT"] < SLOWEST * tpot
    together = blocks.run(2)["result"]
    assert together["ttft"] == prefill["TTFT"]
    assert together["average_tpot"] == decode["TPOT"]


def test_hardware_side_by_side(blocks: Blocks) -> None:
    results = blocks.run(7)["results"]
    assert [row["config_name"] for row in results] == ["H100_80GB_TP4", "A100_80GB_TP4"]
    assert not [row for row in results if "error" in row]
    # an H100 moves 1.6 times the bytes and does 3.2 times the operations of an A100
    assert 1 < results[0]["total_throughput"] / results[1]["total_throughput"] < 989.4 / 312
    assert "A100_80GB_TP4:" in blocks.said


def test_the_cache_of_a_window_stops_growing(blocks: Blocks) -> None:
    efficiency = blocks.run(8)["efficiency"]
    # 8 KV heads of 128 in 32 layers, and each of Mistral-7B-v0.1's layers sees 4,096 tokens
    for length, found in efficiency["results"].items():
        cache = 2 * 32 * 8 * 128 * 2 * min(length, 4_096) / 1e9
        assert found["kv_cache_gb"] == pytest.approx(cache)
        assert 0 < found["kv_cache_percent"] < 100 * cache / (cache + 7_241_732_096 * 2 / 1e9)
    assert efficiency["memory_per_token_bytes"] == 2 * 32 * 8 * 128 * 2


def test_a_70b_does_not_fit_on_one_card(blocks: Blocks) -> None:
    # 68,976,648,192 parameters in 16 bits are 138 GB
    assert blocks.run(9)["max_batch"] == 0
    assert "138.0 of weights" in blocks.said


def test_models_analysed_and_compared(blocks: Blocks) -> None:
    found = blocks.run(10)
    analysis = found["analysis"]
    assert analysis["parameter_count"] == 671_026_404_352
    # 61 layers keep 512 + 64 values a token
    assert analysis["memory_report"].kv_cache_bytes == 61 * 576 * 2 * 32_768
    counts = [row["parameter_count"] for row in found["comparison"]]
    assert counts == [6_738_415_616, 7_241_732_096, 8_537_680_896]


def test_from_memory_to_speed(blocks: Blocks) -> None:
    found = blocks.run(11)
    weights, cache = 68_976_648_192 * 2, 32 * 2_048 * 2 * 80 * 8 * 128 * 2
    assert found["memory"].weight_memory_bytes == weights
    assert found["memory"].kv_cache_bytes == cache
    # weights and cache of 32 x 2,256 tokens are 150.5 GiB, more than two cards of 79.25 GiB let an engine use
    devices = found["min_devices"]
    assert 3 <= devices <= 4
    row, perf = found["best"].iloc[0], found["perf"]
    assert row["TP"] * row["PP"] * row["DP"] <= devices
    roof = 32 / ((weights - 2 * 32_000 * 8_192 + cache) / devices / A100)
    assert 0.1 * roof < perf["total_throughput"] < roof


def test_hardware_for_a_target(blocks: Blocks) -> None:
    found = blocks.run(12)["throughputs"]
    bandwidths = {"A100_80GB": A100, "H100_80GB": 3.35e12, "MI300X": 5.3e12}
    assert set(found) == set(bandwidths)
    # ROCm's launches cost a small model what MI300X's bandwidth gains
    assert min(found, key=lambda name: found[name]) == "A100_80GB"
    for name, bandwidth in bandwidths.items():
        roof = 8 / decode_floor_ms(8, 4, bandwidth) * 1e3
        assert 0.1 * roof < found[name] < roof


def test_the_front(blocks: Blocks) -> None:
    front = blocks.run(13)["pareto_configs"]
    assert list(front.columns)[:6] == ["batch", "micro batch", "TP", "PP", "Latency(ms)", "Tokens/s"]
    assert front["Latency(ms)"].is_monotonic_increasing
    assert front["Tokens/s"].is_monotonic_increasing
    assert set(front["batch"]) == {8, 16, 32, 64}
    for _, row in front.iterrows():
        floor = decode_floor_ms(row["batch"], 8, A100, context=2_000)
        assert floor < row["Latency(ms)"] < SLOWEST * floor
    assert len(blocks.said.splitlines()) == len(front)
