"""Serving engines: found by name and version, with settings as the engine names them."""

import pytest

from llm_memory_calculator import calculate_memory, engines
from llm_memory_calculator.engines import ENGINES, Device, engine_for, settings_of
from llm_memory_calculator.errors import ArgumentError

from ..rows import each

GIB = 2**30
H100 = Device(total_bytes=round(79.19 * GIB), generation="Hopper", name="H100_SXM")
RTX_4090 = Device(total_bytes=round(23.55 * GIB), linked=False, generation="Ada Lovelace", name="RTX_4090")
A100 = Device(total_bytes=round(79.25 * GIB), generation="Ampere", name="A100_80GB")


@each("name", ENGINES)
def test_every_engine_has_a_budget_of_what_the_runtime_shows_and_a_time_of_its_host(name: str) -> None:
    engine = engine_for(name, device=H100)
    assert 0 < engine.budget_bytes(80 * GIB) <= 80 * GIB
    assert sum(engine.stage_depths(61, 16)) == 61
    assert engine.host.step > engine.host.sequence > 0
    assert engine.settings.keys() <= settings_of(name).keys()


# vLLM's get_pp_indices gives what does not divide to the stages before the last
@pytest.mark.parametrize(
    ("depth", "stages", "depths"),
    [(80, 4, (20, 20, 20, 20)), (61, 4, (15, 15, 16, 15)), (62, 4, (15, 16, 16, 15)), (7, 7, (1,) * 7)],
)
def test_vllm_deals_layers_as_it_does(depth: int, stages: int, depths: tuple[int, ...]) -> None:
    assert engine_for("vllm").stage_depths(depth, stages) == depths


def test_a_version_within_a_described_range_is_taken_as_it_is() -> None:
    engine = engine_for("vllm", "0.19.1")
    assert engine.version == "0.19.1"
    assert engine.notes == ()


@pytest.mark.parametrize("version", ["0.40.1", "v1.2", "99"])
def test_an_unknown_version_takes_the_nearest_and_says_so(version: str) -> None:
    engine = engine_for("vllm", version)
    (note,) = engine.notes
    assert version in note.text
    assert engine.version in note.text
    assert note.origin == "warning"


@pytest.mark.parametrize("version", ["0.7.3", "0.6.6.post1", "2024-11"])
def test_the_first_engine_of_vllm_is_no_evidence(version: str) -> None:
    report = calculate_memory("Qwen/Qwen3-8B", hardware="H100", engine="vllm", engine_version=version)
    assert any("V0" in note.text and note.origin == "warning" for note in report.notes)
    assert report.startup is not None
    assert "no evidence" in report.startup.cache_room_interval.evidence


# gpu_memory_utilization of vllm/config/cache.py, and get_batch_defaults of engine/arg_utils.py, of these releases
@each(
    ("version", "device", "share", "sequences", "tokens"),
    [
        ("0.8.5", A100, 0.9, 1024, 8192),
        ("0.9.2", A100, 0.9, 256, 2048),
        ("0.19.0", H100, 0.9, 1024, 8192),
        ("0.19.0", RTX_4090, 0.9, 256, 2048),
        ("0.20.0", H100, 0.92, 1024, 8192),
        ("0.33.0", RTX_4090, 0.92, 256, 2048),
        ("0.33.0", Device(total_bytes=round(178.36 * GIB), generation="Blackwell", name="B200"), 0.92, 1024, 16384),
        ("0.27.0", Device(total_bytes=round(178.36 * GIB), generation="Blackwell", name="B200"), 0.92, 1024, 8192),
        ("0.33.0", Device(total_bytes=round(121.69 * GIB), generation="Blackwell", name="GB10"), 0.92, 256, 2048),
    ],
)
def test_vllm_s_defaults_are_those_of_its_release_and_of_the_card(
    version: str, device: Device, share: float, sequences: int, tokens: int
) -> None:
    settings = engine_for("vllm", version, device).settings
    assert settings["gpu_memory_utilization"] == share
    assert settings["max_num_seqs"] == sequences
    assert settings["max_num_batched_tokens"] == tokens


@pytest.mark.parametrize("spelling", ["max_num_seqs", "max-num-seqs", "--max-num-seqs"])
def test_a_setting_may_be_spelled_as_on_the_command_line(spelling: str) -> None:
    engine = engine_for("vllm", **{spelling: 12})
    assert engine.settings["max_num_seqs"] == 12


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_num_sequences": 8}, "Did you mean 'max_num_seqs'"),
        ({"max_num_seqs": 0}, "max_num_seqs must be between 1 and"),
        ({"gpu_memory_utilization": 1.2}, "gpu_memory_utilization must be a number above 0.01 and up to 1"),
        ({"enforce_eager": "maybe"}, "enforce_eager must be True or False"),
        ({"max_num_seqs": 8, "--max-num-seqs": 9}, "gives max_num_seqs twice"),
    ],
)
def test_a_setting_that_an_engine_has_not_is_refused_with_the_nearest(given: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said.replace("?", r"\?")):
        calculate_memory("llama3_8b", engine="vllm", engine_settings=given)


def test_settings_may_be_given_by_their_own_names_in_python() -> None:
    report = calculate_memory("llama3_8b", hardware="RTX 4090", engine="vllm", max_num_seqs=16, enforce_eager=True)
    assert report.startup is not None
    assert report.startup.settings["max_num_seqs"] == 16
    assert report.startup.graphs_bytes == 0


def test_a_share_of_memory_is_whatever_the_engine_calls_it() -> None:
    assert engine_for("vllm", "0.19", gpu_memory_utilization=0.5).budget_bytes(100) == 50
    with pytest.raises(ArgumentError, match="takes no share of the memory"):
        calculate_memory("llama3_8b", engine="llama_cpp", gpu_memory_utilization=0.5)


def test_the_newest_version_is_taken_wherever_its_table_stands() -> None:
    newest = engine_for("vllm")
    assert newest.version == "0.33"
    assert str(newest) == "vLLM 0.33, 92% of the memory"


def test_a_version_has_what_it_does_not_state_from_those_that_it_is_like(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = engines.table("engines/vllm")
    newer = {"from": "0.40", "before": "0.41", "like": "0.33", "settings": {"block_size": 32}}
    monkeypatch.setattr(engines, "table", lambda _: {**stated, "version": [*stated["version"], newer]})
    caches = (engines._settled, engines._resolved)
    for cache in caches:
        cache.cache_clear()
    try:
        found, known = engine_for("vllm", "0.40"), engine_for("vllm", "0.33")
        assert found.settings["gpu_memory_utilization"] == known.settings["gpu_memory_utilization"]
        assert found.settings["block_size"] == 32
        assert known.settings["block_size"] == 16
    finally:
        for cache in caches:
            cache.cache_clear()


# the days on which these releases were published on PyPI
@pytest.mark.parametrize(
    ("name", "date", "release"),
    [
        ("vllm", "2025-03-18", "0.8"),
        ("vllm", "2026-03", "0.18"),
        ("vllm", "2026-08-11", "0.27"),
        ("vllm", "2026-08-26", "0.28"),
        ("sglang", "2025-07-31", "0.4.10"),
    ],
)
def test_a_date_in_the_place_of_a_release_is_the_last_that_had_come_out(name: str, date: str, release: str) -> None:
    engine = engine_for(name, date)
    assert engine.version == release
    assert date in engine.notes[0].text


def test_what_is_no_version_is_refused_with_an_example() -> None:
    with pytest.raises(ArgumentError, match=r"engine_version must be a release such as '0\.19'.*'newest'"):
        engine_for("vllm", "newest")


@each(
    ("model", "named", "engine"),
    [
        ("meta-llama/Llama-3.1-8B", {}, "vLLM"),
        ("meta-llama/Llama-3.1-8B", {"hardware": "H100"}, "vLLM"),
        ("meta-llama/Llama-3.1-8B", {"precision": "q4_k_m", "hardware": "RTX 4090"}, "llama.cpp"),
        ("bartowski/Meta-Llama-3.1-8B-Instruct-GGUF", {"hardware": "M3 Max"}, "llama.cpp"),
        ("llama3.1:8b", {}, "Ollama"),
        ("mlx-community/Qwen3-8B-4bit", {}, "MLX"),
        ("meta-llama/Llama-3.1-8B", {"hardware": "M3 Max"}, "MLX"),
        ("meta-llama/Llama-3.1-8B", {"precision": "4.0bpw"}, "ExLlama"),
        ("stabilityai/stable-diffusion-xl-base-1.0", {"hardware": "RTX 4090"}, "diffusers"),
    ],
)
def test_the_engine_is_inferred_from_format_name_and_device_and_said(
    model: str, named: dict[str, str], engine: str
) -> None:
    report = calculate_memory(model, **named)
    assert report.engine.lower().startswith(engine.lower())
    assert [note for note in report.notes if note.subject == "engine"]


@pytest.mark.parametrize("hardware", ["M3 Max", "M2 Ultra"])
@pytest.mark.parametrize("precision", ["q4_k_m", "mlx_4bit", "bf16"])
def test_an_apple_part_is_never_charged_a_cuda_context(hardware: str, precision: str) -> None:
    report = calculate_memory("meta-llama/Llama-3.1-8B", hardware=hardware, precision=precision, detail="full")
    assert report.ledger is not None
    overhead = [line for line in report.ledger.parts if line.name == "overhead"]
    assert not overhead or all(line.name != "context" for line in overhead[0].parts)


@pytest.mark.parametrize(
    ("date", "release"), [("2024-06", "0.1"), ("2024-11", "0.6"), ("2025-02", "0.7"), ("2025-03-25", "0.8")]
)
def test_a_date_is_of_the_release_that_had_come_out(date: str, release: str) -> None:
    # vLLM's tags: 0.6.0 of 2024-09-04, 0.7.0 of 2025-01-27, 0.8.0 of 2025-03-18
    assert engine_for("vllm", date).version == release


def test_a_setting_of_another_engine_names_that_engine() -> None:
    with pytest.raises(ArgumentError, match=r"one of llama_cpp.*name that as engine"):
        engine_for("vllm", n_cpu_moe=36)
