"""Estimates scored against measured rows: errors worked out by hand, files as users have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import ArgumentError, UnknownModelError
from llm_memory_calculator.report import Interval
from llm_memory_calculator.validation import FitScore, Score, ValidationReport, engine_logs, validate
from llm_memory_calculator.validation.amounts import device_bytes, total_bytes
from llm_memory_calculator.validation.scores import Comparison, Verdict, scored
from llm_memory_calculator.validation.startup import release_in, startup_kind

from ..rows import each

GIB = 2**30
MEASURED = "weights_gib_per_gpu,non_torch_gib,activation_peak_gib,kv_cache_gib,kv_tokens,max_concurrency,outcome"


def around(value: float, by: float, level: float = 0.8) -> Interval:
    return Interval(low=value - by, high=value + by, level=level, evidence="")


class Stub:
    """Stands for calculate_memory: answers every question alike and keeps what it was asked."""

    def __init__(self, **startup: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.startup = SimpleNamespace(
            **{
                "weights_bytes": 10 * GIB,
                "weights_interval": around(10 * GIB, GIB),
                "non_torch_bytes": GIB // 4,
                "non_torch_interval": None,
                "activation_bytes": 2 * GIB,
                "activation_interval": around(2 * GIB, GIB),
                "cache_room_bytes": 40 * GIB,
                "cache_room_interval": around(40 * GIB, GIB),
                "cache_tokens": 100_000,
                "cache_tokens_interval": around(100_000, 10_000),
                "concurrency": 12.0,
                "concurrency_interval": around(12.0, 1.0),
                "starts": True,
                "verdict": "fits",
            }
            | startup
        )

    def __call__(self, model: Any, **asked: Any) -> Any:
        self.asked.append({"model": model.name, **asked})
        return SimpleNamespace(
            startup=self.startup,
            weight_memory_bytes=5 * GIB,
            weight_padding_bytes=0,
            host_memory_bytes=0,
            kv_cache_bytes=GIB,
            cache_padding_bytes=0,
            total_memory_bytes=8 * GIB,
        )


class Places:
    """Writes files of rows and scores them against a stub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *lines: str) -> Path:
        path = self.folder / "rows.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def startup(self, header: str, *rows: str, stub: Stub | None = None, **how: Any) -> ValidationReport:
        return validate(self.write(header, *rows), kinds=(startup_kind(stub or Stub()),), **how)

    def asked(self, **cells: str) -> dict[str, Any]:
        """What one row asks of the engine."""
        stub, stated = Stub(), {"model": "Qwen/Qwen3-14B", "accelerator": "H100", "kv_cache_gib": "40", **cells}
        found = self.startup(",".join(stated), ",".join(stated.values()), stub=stub)
        assert found.refused == {}
        return stub.asked[0]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


# --- the scores ----------------------------------------------------------------------------------------------------


def comparison(measured: float, estimated: float, low: float | None = None, high: float | None = None) -> Comparison:
    return Comparison(metric="x", measured=measured, estimated=estimated, low=low, high=high)


def score(*values: Comparison) -> Score:
    found = scored(("x",), values, ())["x"]
    assert isinstance(found, Score)
    return found


def test_errors_are_of_the_estimate_over_the_measured_value() -> None:
    # +20 %, -10 %, -50 %
    found = score(comparison(10, 12), comparison(10, 9), comparison(4, 2))
    assert (found.n, found.coverage_80) == (3, None)
    assert found.mape == pytest.approx(80 / 3)
    assert found.median_ape == pytest.approx(20)
    assert found.bias == pytest.approx(-40 / 3)


def test_coverage_is_of_those_that_have_a_range() -> None:
    found = score(comparison(10, 9, 8, 10), comparison(10, 9, 8, 9.9), comparison(10, 11, 10, 12), comparison(10, 10))
    assert found.coverage_80 == pytest.approx(200 / 3)


def test_what_is_not_above_zero_has_no_error_in_per_cent() -> None:
    assert score(comparison(-1.44, -1), comparison(0, 1), comparison(10, 11)).n == 1
    assert scored(("x",), [comparison(-1, 1)], ()) == {}


def test_a_verdict_is_right_by_the_side_of_the_estimate() -> None:
    verdicts = [
        Verdict(started=True, starts=True, borderline=False),
        Verdict(started=False, starts=True, borderline=True),
        Verdict(started=False, starts=False, borderline=True),
        Verdict(started=True, starts=True, borderline=True),
    ]
    assert scored((), (), verdicts) == {"fits": FitScore(n=4, right=75.0, borderline=3)}


positive = st.floats(min_value=1e-3, max_value=1e9)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=30), positive)
def test_scores_keep_their_order_and_do_not_hang_on_the_unit(pairs: list[tuple[float, float]], unit: float) -> None:
    found = score(*(comparison(measured, estimated) for measured, estimated in pairs))
    other = score(*(comparison(measured * unit, estimated * unit) for measured, estimated in pairs))
    assert found.bias >= -100
    assert found.mape >= abs(found.bias) * (1 - 1e-9)
    assert 0 <= found.median_ape <= 2 * found.mape + 1e-9
    assert other.mape == pytest.approx(found.mape, rel=1e-6, abs=1e-6)
    assert other.bias == pytest.approx(found.bias, rel=1e-6, abs=1e-6)


@given(st.lists(positive, min_size=1, max_size=30), st.floats(min_value=0.01, max_value=100))
def test_a_constant_factor_is_the_bias(measured: list[float], factor: float) -> None:
    found = score(*(comparison(value, value * factor) for value in measured))
    assert found.bias == pytest.approx(100 * (factor - 1), abs=1e-6)
    assert found.mape == pytest.approx(abs(found.bias), abs=1e-6)
    assert found.median_ape == pytest.approx(abs(found.bias), abs=1e-6)


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_coverage_is_the_share_of_ranges_that_hold(held: list[bool]) -> None:
    found = score(*(comparison(10, 12, 9 if hit else 11, 13) for hit in held))
    assert found.coverage_80 == pytest.approx(100 * sum(held) / len(held))


# --- rows of start-up logs -----------------------------------------------------------------------------------------


def test_every_metric_of_a_start_is_compared_in_its_unit(places: Places) -> None:
    found = places.startup(
        f"model,accelerator,{MEASURED}",
        "Qwen/Qwen3-14B,H100_SXM,8,0.25,4,50,80000,10,started",
    )
    assert (found.kind, found.rows, found.answered, found.flagged) == ("vLLM start-up logs", 1, 1, 0)
    # estimates 10, 0.25, 2, 40 GiB, 100,000 tokens, 12 requests
    errors = {"weights_gib": 25.0, "activation_peak_gib": -50.0, "non_torch_gib": 0.0, "kv_cache_gib": -20.0}
    errors |= {"kv_tokens": 25.0, "max_concurrency": 20.0}
    assert [name for name in found.metrics if name != "fits"] == list(errors)
    for name, error in errors.items():
        metric = found.metrics[name]
        assert isinstance(metric, Score)
        assert (metric.n, metric.bias, metric.mape) == (1, pytest.approx(error), pytest.approx(abs(error)))
        assert metric.coverage_80 == (None if name == "non_torch_gib" else 0.0)
    assert found.metrics["fits"] == FitScore(n=1, right=100.0, borderline=0)
    worst = found.worst[0]
    assert (worst.row, worst.model, worst.metric) == (1, "Qwen/Qwen3-14B", "activation_peak_gib")
    assert (worst.measured, worst.estimated, worst.error) == (4, 2, pytest.approx(-50))


def test_a_range_of_another_share_is_not_counted(places: Places) -> None:
    stub = Stub(weights_interval=around(10 * GIB, GIB, level=0.95))
    found = places.startup("model,accelerator,weights_gib", "Qwen/Qwen3-14B,H100,10", stub=stub)
    assert found.metrics == {"weights_gib": Score(n=1, mape=0.0, median_ape=0.0, bias=0.0, coverage_80=None)}


@pytest.mark.parametrize(
    ("outcome", "starts", "right"),
    [
        ("started", True, 100.0),
        ("started", False, 0.0),
        ("no_blocks", False, 100.0),
        ("length", False, 100.0),
        ("oom", False, 100.0),
        ("free", True, 0.0),
    ],
)
def test_what_stopped_a_start_is_the_truth_of_fits(outcome: str, starts: bool, right: float, places: Places) -> None:
    stub = Stub(starts=starts, verdict="borderline")
    found = places.startup("model,accelerator,outcome", f"Qwen/Qwen3-14B,H100,{outcome}", stub=stub)
    assert found.metrics == {"fits": FitScore(n=1, right=right, borderline=1)}


def test_a_row_asks_what_it_states(places: Places) -> None:
    asked = places.asked(
        **{
            "vllm_version": "0.19.0",
            "total_gib": "79.19",
            "tp": "2",
            "pp": "1",
            "data_parallel": "",
            "expert_parallel": "2.0",
            "gpu_count": "2",
            "kv_cache_dtype": "fp8_ds_mla",
            "max_model_len": "8192",
            "gpu_memory_utilization": "0.95",
            "max_num_seqs": "1024",
            "max_num_batched_tokens": "8192",
            "enforce_eager": "False",
        }
    )
    settings = asked.pop("engine_settings")
    assert asked == {
        "model": "Qwen/Qwen3-14B",
        "batch_size": 1,
        "seq_length": 8192,
        "engine": "vllm",
        "engine_version": "0.19.0",
        "precision": None,
        "kv_precision": "fp8",
        "hardware": "H100",
        "tensor_parallel": 2,
        "pipeline_parallel": 1,
        "expert_parallel": 2,
    }
    # 79.19 GiB is what an H100 shows, so there is nothing to say of it
    assert settings == {
        "gpu_memory_utilization": 0.95,
        "max_model_len": 8192,
        "max_num_seqs": 1024,
        "max_num_batched_tokens": 8192,
        "enforce_eager": False,
    }


def test_what_a_row_leaves_out_is_not_said(places: Places) -> None:
    asked = places.asked()
    assert asked["engine_settings"] == {}
    assert asked["seq_length"] == 40960  # the longest of Qwen3-14B's config
    assert (asked["engine"], asked["engine_version"], asked["kv_precision"]) == ("vllm", None, None)
    assert not {"devices", "tensor_parallel", "memory_gb"} & asked.keys()
    assert places.asked(gpu_count="4")["devices"] == 4


def test_memory_that_is_not_the_card_s_own_is_a_setting(places: Places) -> None:
    assert places.asked(total_gib="78.5")["engine_settings"] == {"total_gib": 78.5}
    alone = places.asked(accelerator="", total_gib="8.0")
    assert "hardware" not in alone
    assert alone["memory_gb"] == pytest.approx(8 * GIB / 1e9)


@pytest.mark.parametrize(
    ("model", "said", "asked"),
    [
        ("Qwen/Qwen3-14B", "bfloat16", None),
        ("Qwen/Qwen3-14B", "fp16", None),  # as many bits
        ("Qwen/Qwen3-14B", "auto", None),
        ("Qwen/Qwen3-14B", "bfloat16/mxfp4", "mxfp4"),
        ("Qwen/Qwen3-14B", "fp8 ct", "fp8"),
        ("Qwen/Qwen3-14B", "bnb4", "nf4"),
        ("Qwen/Qwen3-14B", "awq int4", "awq"),
        ("openai/gpt-oss-20b", "mxfp4 triton", None),
        ("Qwen/Qwen3-8B-FP8", "nvfp4", None),
    ],
)
def test_a_format_is_said_where_the_checkpoint_does_not_say_it(
    model: str, said: str, asked: str | None, places: Places
) -> None:
    assert places.asked(**{"model": model, "dtype/quantization": said})["precision"] == asked


@each(
    ("version", "release"),
    [
        ("0.19.0", "0.19.0"),
        ("v0.19", "0.19"),
        ("0.20+", "0.20"),
        ("0.7.x", "0.7"),
        ("0.8.4 V0", "0.8.4"),
        ("vllm-ascend 0.23.0rc1", "0.23.0"),
        ("0.9.2.dev364", "0.9.2"),
        ("0.20.1rc1", "0.20.1"),
        ("0.10.0+cu128", "0.10.0"),
        ("0.1.dev20073", None),
        ("ascend", None),
        ("qwen38-flash-next img", None),
        ("b2824", "b2824"),
        (None, None),
    ],
)
def test_the_release_in_a_version_as_logs_have_it(version: str | None, release: str | None) -> None:
    assert release_in(version) == release


def test_rows_that_cannot_be_answered_are_counted_by_their_reason(places: Places) -> None:
    found = places.startup(
        "model,accelerator,total_gib,generation,vllm_version,kv_cache_gib,dtype/quantization,tp,outcome",
        "Qwen/Qwen3-14B,,,v1,0.19.0,40,,,",
        "Qwen/Qwen3-14B,,,v1,0.19.0,20,,,",
        "no-such-model,H100,,v1,,40,,,",
        "no-such-model,H100,,v1,,41,,,",
        ",H100,,v1,,40,,,",
        "Qwen/Qwen3-14B,H100,,v0,0.8.4 V0,40,,,",
        "Qwen/Qwen3-14B,H100,,,,forty,,,",
        "Qwen/Qwen3-14B,H100,,,,40,cubic,,",
        "Qwen/Qwen3-14B,H100,,,,40,,1.5,",
        "Qwen/Qwen3-14B,H100,,,,40,,,exploded",
        "Qwen/Qwen3-14B,H100,,,,,,,",
        "Qwen/Qwen3-14B,H100,,,,50,,,",
    )
    assert found.refused == {
        "no accelerator or total": 2,
        "model unknown: no-such-model": 2,
        "model not stated": 1,
        "v0: no evidence": 1,
        "kv_cache_gib is no number": 1,
        "format not known: cubic": 1,
        "tp is no whole number": 1,
        "outcome not known: exploded": 1,
        "nothing measured": 1,
    }
    assert (found.rows, found.answered) == (12, 1)
    assert list(found.refused.values())[:2] == [2, 2]


def test_the_engine_s_refusal_is_its_first_sentence(places: Places) -> None:
    path = places.write("model,engine,accelerator,tp,kv_cache_gib", "Qwen/Qwen3-14B,pegainfer,H100,1,40")
    assert validate(path).refused == {"engine 'pegainfer' is not known": 1}


def test_an_unknown_card_is_said(places: Places) -> None:
    found = places.startup("model,accelerator,kv_cache_gib", "Qwen/Qwen3-14B,H1000000,40")
    assert list(found.refused.values()) == [1]
    assert "H1000000" in next(iter(found.refused))


def test_flagged_rows_are_counted_apart_unless_all_are_asked_for(places: Places) -> None:
    rows = ("Qwen/Qwen3-14B,H100,40,,", "Qwen/Qwen3-14B,H100,20,sick,", "Qwen/Qwen3-14B,H100,20,,draft model")
    found = places.startup("model,accelerator,kv_cache_gib,flag,suspect", *rows)
    assert (found.rows, found.answered, found.flagged) == (3, 1, 2)
    every = places.startup("model,accelerator,kv_cache_gib,flag,suspect", *rows, all_rows=True)
    assert (every.rows, every.answered, every.flagged) == (3, 3, 0)
    scores = [report.metrics["kv_cache_gib"] for report in (found, every)]
    assert [isinstance(one, Score) and one.bias for one in scores] == pytest.approx([0, 200 / 3])


def test_groups_have_scores_of_their_own(places: Places) -> None:
    rows = ("Qwen/Qwen3-14B,H100,,40", "Qwen/Qwen3-8B,,8.0,20", "Qwen/Qwen3-8B,H100,,80")

    def biases(by: str) -> Mapping[str, float]:
        found = places.startup("model,accelerator,total_gib,kv_cache_gib", *rows, by=by)
        scores = {group: metrics["kv_cache_gib"] for group, metrics in found.by.items()}
        return {group: one.bias for group, one in scores.items() if isinstance(one, Score)}

    assert biases("model") == pytest.approx({"Qwen/Qwen3-14B": 0, "Qwen/Qwen3-8B": 25})
    assert biases("system") == pytest.approx({"8.0 GiB": 100, "H100": -25})
    assert biases("engine") == pytest.approx({"vllm": 50 / 3})
    assert places.startup("model,accelerator,total_gib,kv_cache_gib", *rows).by == {}


def test_the_largest_errors_come_first(places: Places) -> None:
    rows = [f"Qwen/Qwen3-14B,H100,{40 + number}" for number in range(15)]
    found = places.startup("model,accelerator,kv_cache_gib", *rows)
    assert [miss.row for miss in found.worst] == list(range(15, 5, -1))
    assert found.worst[0].error == pytest.approx(100 * (40 / 54 - 1))


# --- models --------------------------------------------------------------------------------------------------------


def test_a_folder_s_config_is_taken_for_the_model_of_its_name(places: Places, tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": 1000,
        "max_position_embeddings": 777,
    }
    (folder / "MyOrg__My-Model.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "myorg__broken.json").write_text("{", encoding="utf-8")
    stub = Stub()
    found = places.startup(
        "model,accelerator,kv_cache_gib",
        "myorg/my-model,H100,40",
        "Qwen/Qwen3-14B,H100,40",
        "MyOrg/Broken,H100,40",
        stub=stub,
        configs=folder,
    )
    assert [(asked["model"], asked["seq_length"]) for asked in stub.asked] == [
        ("myorg/my-model", 777),
        ("Qwen/Qwen3-14B", 40960),
    ]
    assert "is not valid JSON" in next(iter(found.refused))
    assert "MyOrg/Broken" in next(iter(found.refused))


def test_a_name_is_looked_up_once(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def unknown(name: str) -> None:
        asked.append(name)
        raise UnknownModelError("There is none. Give another.")

    monkeypatch.setattr("llm_memory_calculator.validation.models.load_model", unknown)
    found = places.startup("model,accelerator,kv_cache_gib", *["a/b,H100,40"] * 5)
    assert found.refused == {"model unknown: a/b": 5}
    assert asked == ["a/b"]


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_file_with_semicolons_a_mark_and_an_index_is_read(tmp_path: Path) -> None:
    text = (
        "\ufeff;Model; Accelerator ;kv_cache_gib;note\n0;Qwen/Qwen3-14B;H100;40.0;a, b\n\n1;Qwen/Qwen3-14B;H100;NaN\n"
    )
    path = tmp_path / "rows.csv"
    path.write_text(text, encoding="utf-8")
    found = validate(path, kinds=(startup_kind(Stub()),))
    assert (found.rows, found.answered, found.refused) == (2, 1, {"nothing measured": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"\xff\xfe\x00PK", "no CSV file in UTF-8"),
        (b'model,outcome\n"a', "no CSV file in UTF-8"),
        (b"model,outcome,model\na,started,b\n", "'model' stands twice"),
        (b"model,outcome\na,started,b\n", "Row 1 .* has 3 cells and the header 2"),
        (b"name,size\na,1\n", "The file has: name, size. Needed: engine, model and one of weights_unit"),
        (b"model,size\na,1\n", "weights_gib_per_gpu.*outcome"),
        (b"{}", "tell no kind"),
    ],
)
def test_a_file_that_cannot_be_scored_is_one_sentence(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(ArgumentError, match=message):
        validate(path)


def test_what_is_not_there_is_one_sentence(places: Places, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="There is no file"):
        validate(tmp_path / "none.csv")
    with pytest.raises(ArgumentError, match="There is no file"):
        validate(tmp_path)
    path = places.write("model,outcome")
    with pytest.raises(ArgumentError, match="is no folder"):
        validate(path, configs=tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgumentError, match=r"holds no \.json file"):
        validate(path, configs=tmp_path / "empty")
    with pytest.raises(ArgumentError, match=r"by 'card' is not known.*model, system, engine"):
        validate(path, by="card")


def test_a_header_alone_has_no_rows(places: Places) -> None:
    with pytest.raises(ArgumentError, match="has a header and no row; give a row a measurement"):
        validate(places.write("model,outcome"))


# --- load logs of other engines ------------------------------------------------------------------------------------


@each(
    ("text", "unit", "engine", "expected"),
    [
        ("15.54", "GB", "sglang", 15.54 * GIB),  # SGLang's GB are GiB
        ("21.7", "GB", "mlx-lm", 21.7e9),
        ("1.42+1.42", "GB", "sglang", 2.84 * GIB),
        ("4403.49 CUDA + 281.81 CPU", "MiB", "llama.cpp", 4403.49 * 2**20),
        ("CPU 12398.48 + CUDA 1101.95", "MiB", "llama.cpp", 1101.95 * 2**20),
        ("2113.28 + 2290.21 CUDA + 281.81 CPU", "MiB", "llama.cpp", 4403.49 * 2**20),
        ("4403.50 Metal + 281.81 CPU", "MiB", "llama.cpp", 4403.50 * 2**20),
        ("160 + 6 x 128 + 96", "MiB", "llama.cpp", 1024 * 2**20),
        ("63.84 CPU", "MiB", "llama.cpp", 63.84 * 2**20),
        ("~53", "GB", "tgi", 53e9),
        ("63.84 CPU or 40.73 CUDA+23.11 CPU", "MiB", "llama.cpp", None),
        ("5.22+5.22 target, 0.33+0.33 draft", "GB", "sglang", None),
        ("7465.87 required", "MB", "llama.cpp", None),
        ("0 non-SWA", "MiB", "llama.cpp", None),
        ("12", "pages", "llama.cpp", None),
        ("12", None, "llama.cpp", None),
        (None, "GiB", "ollama", None),
    ],
)
def test_amounts_are_what_lies_on_devices(
    text: str | None, unit: str | None, engine: str, expected: float | None
) -> None:
    assert device_bytes(text, unit, engine) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("note", "engine", "expected"),
    [
        ("required 20.1 GiB parallel 2", "ollama", 20.1 * GIB),
        ("peak memory 21.7 GB after a prompt", "mlx-lm", 21.7e9),
        ("required 9.6 GiB whole; 29 of 41 layers on the card take 6.8 GiB", "ollama", 9.6 * GIB),
        ("total 67 GB after warmup", "tgi", None),
        (None, "ollama", None),
    ],
)
def test_the_memory_needed_in_all_stands_in_the_note(note: str | None, engine: str, expected: float | None) -> None:
    assert total_bytes(note, engine) == (None if expected is None else pytest.approx(expected))


ENGINE_LOGS = "engine,version,model,gpu,tp,quant,n_ctx_or_max_len,mem_fraction,weights,weights_unit,kv_size,kv_unit"


def loaded(path: Path) -> tuple[ValidationReport, Stub]:
    stub = Stub()
    return validate(path, kinds=(engine_logs.engine_logs_kind(stub),)), stub


def test_a_local_engine_s_row_is_compared_part_by_part(places: Places) -> None:
    path = places.write(
        f"{ENGINE_LOGS},note",
        "llama.cpp,b2824,meta-llama/Meta-Llama-3-8B,RTX 3070 8GB,,q4_k_m,8192,,4096 CUDA + 282 CPU,MiB,512,MiB,started",
        "ollama,2024-08,qwen2:7b-class (29 layers),Metal 32GB,,Q4_0,,,2.5,GiB,448,MiB,required 5.4 GiB",
    )
    found, stub = loaded(path)
    assert (found.kind, found.refused) == ("load logs of several engines", {})
    # 5 GiB for 4 and 2.5; 1 GiB for 0.5, and nothing for a cache of a length that is not stated
    weights, cache = found.metrics["weights_gib"], found.metrics["kv_cache_gib"]
    assert isinstance(weights, Score)
    assert isinstance(cache, Score)
    assert (weights.n, weights.bias) == (2, pytest.approx((25 + 100) / 2))
    assert (cache.n, cache.bias) == (1, pytest.approx(100))
    assert "total_gib" not in found.metrics
    first, second = stub.asked
    assert (first["precision"], first["seq_length"], first["engine_version"]) == ("q4_k_m", 8192, "b2824")
    assert (second["model"], "seq_length" in second, second["precision"]) == ("qwen2:7b", False, None)


def test_a_pool_takes_its_share_of_a_device(places: Places) -> None:
    path = places.write(
        f"{ENGINE_LOGS},kv_tokens",
        "SGLang,0.4.x,Qwen/Qwen3-14B,H100-80,4,bf16,,0.93,8,GB,20+20,GB,80000",
        "sglang,0.4.x,Qwen/Qwen3-14B,,4,bf16,,0.93,8,GB,20+20,GB,80000",
    )
    found, stub = loaded(path)
    assert found.refused == {"no accelerator or total": 1}
    biases = {name: one.bias for name, one in found.metrics.items() if isinstance(one, Score)}
    assert biases == pytest.approx({"weights_gib": 25, "kv_cache_gib": 0, "kv_tokens": 25})
    assert stub.asked[0] == {
        "model": "Qwen/Qwen3-14B",
        "batch_size": 1,
        "engine": "sglang",
        "engine_version": "0.4",
        "precision": None,
        "seq_length": 40960,
        "hardware": "H100 80GB",
        "engine_settings": {"mem_fraction_static": 0.93},
        "tensor_parallel": 4,
    }


def test_an_engine_that_is_not_described_is_said(places: Places) -> None:
    path = places.write(ENGINE_LOGS, "pegainfer,2.0,mistralai/Mistral-7B,A100-80,1,fp16,,,14,GB,~53,GB")
    assert validate(path).refused == {"engine 'pegainfer' is not known": 1}
