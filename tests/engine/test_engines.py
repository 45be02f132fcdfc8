"""Serving engines: found by name and version, with settings as the engine names them."""

import pytest

from llm_memory_calculator import engines
from llm_memory_calculator.engines import ENGINES, engine_for
from llm_memory_calculator.errors import ArgumentError

GIB = 2**30


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_answers_in_bytes_and_seconds(name: str) -> None:
    engine = engine_for(name)
    assert 0 < engine.budget_bytes(80 * GIB) < 80 * GIB
    assert engine.context_bytes(peers=True) > engine.context_bytes(peers=False) > 0
    assert engine.graph_bytes(80, mixes=True) > engine.graph_bytes(80, mixes=False) > engine.graph_bytes(8, mixes=False)
    assert sum(engine.stage_depths(61, 16)) == 61
    assert engine.host.step > engine.host.sequence > 0


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


@pytest.mark.parametrize("version", ["0.8.4", "0.25.1", "v1.2"])
def test_an_unknown_version_takes_the_nearest_and_says_so(version: str) -> None:
    engine = engine_for("vllm", version)
    (note,) = engine.notes
    assert version in note.text
    assert engine.version in note.text
    assert note.origin == "warning"


def test_each_version_has_its_own_share_of_memory() -> None:
    # vLLM's gpu_memory_utilization: 0.9 by default in 0.19, 0.92 in 0.33
    assert engine_for("vllm", "0.19.0").utilization == 0.9
    assert engine_for("vllm", "0.33").utilization == 0.92
    assert engine_for("vllm", "0.19", gpu_memory_utilization=0.5).utilization == 0.5


def test_the_newest_version_is_taken_wherever_its_table_stands_and_says_what_it_was_measured_on() -> None:
    newest = engine_for("vllm")
    assert newest.version == "0.33"
    assert str(newest) == "vllm 0.33, by numbers of 0.19, 92% of the memory"
    assert newest.context_bytes(peers=False) == engine_for("vllm", "0.19").context_bytes(peers=False)


def test_a_version_has_what_it_does_not_state_from_those_that_it_is_like(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = engines.table("engines/vllm")["version"]
    newer = {"from": "0.40", "before": "0.41", "like": "0.33", "graphs": {"layer_bytes": 1_000_000}}
    monkeypatch.setattr(engines, "table", lambda _: {"version": [*stated, newer]})
    engine_for.cache_clear()
    try:
        found, known = engine_for("vllm", "0.40"), engine_for("vllm", "0.33")
        assert found.utilization == known.utilization
        assert found.graph_bytes(0, mixes=True) == known.graph_bytes(0, mixes=True)
        assert found.graph_bytes(10, mixes=False) - found.graph_bytes(0, mixes=False) == 10_000_000
        assert "by numbers of 0.19" in str(found)
    finally:
        engine_for.cache_clear()


def test_what_is_no_version_is_refused_with_an_example() -> None:
    with pytest.raises(ArgumentError, match=r"engine_version must be a release such as '0\.19'.*'newest'"):
        engine_for("vllm", "newest")
