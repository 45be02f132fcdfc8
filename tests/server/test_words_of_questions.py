"""What people call an argument or a word is taken, and what cannot be taken is told by its name here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import CalculatorError
from llm_memory_server.tools import TOPICS, call

LLAMA: dict[str, Any] = {"model": "llama3_8b"}


def structure(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] | None = call(name, arguments).structured_content
    assert said is not None
    return said


def refusal(name: str, arguments: dict[str, Any]) -> str:
    with pytest.raises(CalculatorError) as caught:
        call(name, arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("said", "goal"),
    [
        ("speed", "throughput"),
        ("speed per watt", "per_watt"),
        ("speed per dollar", "per_dollar"),
        ("per-dollar", "per_dollar"),
        ("largest batch", "batch"),
        ("longest_context", "context"),
        ("fewest devices", "devices"),
    ],
)
def test_a_goal_is_taken_as_the_list_of_tools_says_it(said: str, goal: str) -> None:
    told = TOPICS["compare_hardware"].when
    assert said.replace("per-dollar", "per dollar").replace("_", " ").split()[-1] in told
    assert structure("compare_hardware", LLAMA | {"hardware": ["L4", "L40S"], "goal": said})["goal"] == goal


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("calculate_memory", {"name": "llama3_8b"}, {"model": "llama3_8b"}),
        ("calculate_memory", LLAMA | {"memory": "24 GB"}, LLAMA | {"memory_gb": 24}),
        ("calculate_memory", LLAMA | {"more": '{"max_loras": 4}'}, LLAMA | {"max_loras": 4}),
        (
            "calculate_memory",
            LLAMA | {"hardware": "L4", "find": "fewest devices"},
            LLAMA | {"hardware": "L4", "find": "devices"},
        ),
        (
            "max_batch_size",
            LLAMA | {"hardware": "L4", "find": "max context"},
            LLAMA | {"hardware": "L4", "find": "context"},
        ),
        (
            "best_parallelism",
            LLAMA | {"hardware": "2xL4", "optimize_for": "speed"},
            LLAMA | {"hardware": "2xL4", "goal": "throughput"},
        ),
        (
            "plan_deployment",
            LLAMA | {"concurrent_users": 4, "ttft": "2 s", "tpot": "25 tok/s", "card": "L40S"},
            LLAMA | {"concurrency": 4, "ttft_target_ms": 2000, "tpot_target_ms": 40, "hardware": "L40S"},
        ),
        (
            "max_batch_size",
            LLAMA | {"hardware": "L4", "quantization": "awq", "dtype": "float16"},
            LLAMA | {"hardware": "L4", "precision": "awq"},
        ),
        (
            "best_parallelism",
            LLAMA | {"hardware": "2xL4", "goal": "lowest latency"},
            LLAMA | {"hardware": "2xL4", "goal": "latency"},
        ),
        (
            "plan_deployment",
            LLAMA | {"hardware": "L40S / L4", "request_rate": "3600 per hour"},
            LLAMA | {"hardware": ["L40S", "L4"], "request_rate": 1},
        ),
        (
            "max_batch_size",
            LLAMA | {"card": "L4", "version": "0.9.1", "backend": "vllm", "kv_quant": "fp8"},
            LLAMA | {"hardware": "L4", "engine_version": "0.9.1", "engine": "vllm", "kv_precision": "fp8"},
        ),
        ("search_hardware", {"vendor": "AMD", "limit": 3}, {"manufacturer": "AMD", "top": 3}),
        ("explain_startup_log", {"log": "INFO vLLM API server version 0.15.0"}, None),
    ],
)
def test_what_people_call_an_argument_is_taken(name: str, said: dict[str, Any], meant: dict[str, Any] | None) -> None:
    if meant is None:
        assert "no argument" not in refusal(name, said)
    else:
        assert structure(name, said) == structure(name, meant)


@pytest.mark.parametrize(
    ("name", "argument", "near"),
    [
        ("estimate_performance", "seq_length", "input_tokens and output_tokens"),
        ("best_parallelism", "ctx", "input_tokens and output_tokens"),
        ("best_parallelism", "concurrent_users", "batch_size"),
        ("calculate_memory", "adapters", "max_loras and max_lora_rank"),
        ("calculate_memory", "explain", "detail"),
        ("search_hardware", "gpu", "query"),
        ("search_hardware", "memory", "min_memory_gb and max_memory_gb"),
        ("search_hardware", "budget", "max_usd_per_hour"),
        ("estimate_performance", "disaggregated", "prefill_workers"),
    ],
)
def test_what_is_not_the_same_is_told_and_not_taken(name: str, argument: str, near: str) -> None:
    asked = {} if name == "search_hardware" else LLAMA | {"hardware": "L4"}
    assert f"Nearest here: {near}" in refusal(name, asked | {argument: 4})


def test_a_count_that_is_no_number_is_refused_by_its_name_and_is_no_second_accelerator() -> None:
    assert "devices must be a whole number" in refusal("calculate_memory", LLAMA | {"hardware": "L4", "devices": "two"})
    assert "devices must be a whole number" in refusal(
        "calculate_memory", LLAMA | {"hardware": "L4", "devices": [2, 4]}
    )
    assert structure("calculate_memory", LLAMA | {"gpus": ["L4"]})["hardware"] == "L4"
    assert structure("calculate_memory", LLAMA | {"gpus": "8", "gpu": "L4"})["devices"] == 8


def test_the_length_that_an_engine_is_told_is_the_length_that_is_counted() -> None:
    asked = {"model": "llama3.1_8b", "hardware": "L4"}
    told = structure("calculate_memory", asked | {"max_model_len": "16K"})
    assert told["seq_length"] == 16_384
    assert told["kv_cache_bytes"] == structure("calculate_memory", asked | {"seq_length": 16_384})["kv_cache_bytes"]
    assert structure("max_batch_size", asked | {"max_model_len": 8192})["seq_length"] == 8192
    both = structure("calculate_memory", asked | {"max_model_len": 16_384, "seq_length": 4096})
    assert (both["seq_length"], both["startup"]["max_model_len"]) == (4096, 16_384)


@pytest.mark.parametrize(
    ("name", "said", "meant"),
    [
        ("calculate_memory", {"hardware": "a 24GB card"}, {"memory_gb": 24}),
        ("calculate_memory", {"hardware": "2x24GB"}, {"memory_gb": 24, "devices": 2}),
        ("calculate_memory", {"vram": "2 x 24 GB"}, {"memory_gb": 24, "devices": 2}),
        ("calculate_memory", {"hardware": "any"}, {}),
        ("max_batch_size", {"hardware": "48GB"}, {"memory_gb": 48}),
        ("max_batch_size", {"hardware": {"name": "L4", "count": 2}}, {"hardware": "2xL4"}),
        ("max_batch_size", {"hardware": [{"gpu": "L4", "quantity": "2"}]}, {"hardware": "2xL4"}),
        ("best_parallelism", {"hardware": "H100s", "devices": 2}, {"hardware": "H100", "devices": 2}),
        (
            "max_batch_size",
            {"hardware": {"name": "mine", "vram": "24 GB", "bandwidth": "1.008 TB/s", "tflops": "165 TFLOPS"}},
            {"hardware": {"name": "mine", "Memory_size": 24, "Memory_BW": 1008, "Flops": 165}},
        ),
        ("compare_hardware", {"hardware": "L4 vs L40S"}, {"hardware": ["L4", "L40S"]}),
        ("compare_hardware", {"hardware": "L4, L40S and T4"}, {"hardware": ["L4", "L40S", "T4"]}),
        ("compare_hardware", {"hardware": "A100"}, {"hardware": ["A100_40GB", "A100_80GB"]}),
        ("compare_hardware", {"hardware": "any"}, {"hardware": "all"}),
        ("plan_deployment", {"hardware": "all", "request_rate": 1}, {"request_rate": 1}),
    ],
)
def test_hardware_is_taken_as_people_write_it(name: str, said: dict[str, Any], meant: dict[str, Any]) -> None:
    assert structure(name, LLAMA | said) == structure(name, LLAMA | meant)


def test_a_row_of_search_hardware_is_an_accelerator() -> None:
    rows = structure("search_hardware", {"query": "L40S"})["rows"]
    row = next(
        row for each in rows["rows"] if (row := dict(zip(rows["columns"], each, strict=True)))["hardware"] == "L40S"
    )
    assert structure("max_batch_size", LLAMA | {"hardware": row}) == structure(
        "max_batch_size", LLAMA | {"hardware": "L40S"}
    )


def test_a_name_of_a_few_accelerators_is_answered_for_each_and_none_taken_in_silence() -> None:
    llama = {"model": "meta-llama/Llama-3.1-70B", "precision": "fp8"}
    answer = call("calculate_memory", llama | {"gpu": "A100", "devices": 1})
    text = str(getattr(answer.content[0], "text", ""))
    assert text.startswith(
        "The hardware name 'A100' means several accelerators: A100_40GB (40 GB, 1,555 GB/s) or A100_80GB"
    )
    # 70.6 GB of weights
    assert "\n\nA100_40GB: It does NOT fit" in text
    told = dict(answer.structured_content or {})
    each = told.pop("of_each")
    assert list(each) == ["A100_40GB", "A100_80GB"]
    # beside of_each stands what all have
    alone = structure("calculate_memory", llama | {"hardware": "A100_80GB", "devices": 1})
    assert told | each["A100_80GB"] == alone
    assert told["model"] == "meta-llama/Llama-3.1-70B"
    assert not told.keys() & each["A100_40GB"].keys()


def test_what_several_cards_have_in_common_is_said_once() -> None:
    llama = {"model": "meta-llama/Llama-3.1-70B", "precision": "fp8", "devices": 1}
    text = str(getattr(call("calculate_memory", llama | {"hardware": "A100"}).content[0], "text", ""))
    alone = [
        str(getattr(call("calculate_memory", llama | {"hardware": card}).content[0], "text", ""))
        for card in ("A100_40GB", "A100_80GB")
    ]
    common = set(alone[0].splitlines()) & set(alone[1].splitlines())
    assert common
    assert all(text.count(line) == 1 for line in common)
    # verdicts are whole, and nothing that tells them apart is left out
    assert all(one.splitlines()[0] in text for one in alone)
    assert len(text) < sum(map(len, alone))
    full = call("calculate_memory", llama | {"hardware": "A100", "detail": "full"})
    assert (full.structured_content or {}).keys() == {"of_each"}


def test_what_is_refused_for_each_of_a_few_is_said_once() -> None:
    said = refusal("estimate_performance", {"model": "llama3_8b", "hardware": "A100", "precision": "fp88"})
    assert said.startswith("precision 'fp88' is not known")
    none = refusal("estimate_performance", {"model": "deepseek-ai/DeepSeek-R1", "hardware": "A100", "devices": 1})
    assert "Refused for each. A100_40GB: " in none
    assert "A100_80GB: " in none


def test_all_hardware_is_no_one_s_and_the_tools_that_weigh_all_are_named() -> None:
    for name in ("max_batch_size", "estimate_performance", "best_parallelism"):
        said = refusal(name, LLAMA | {"hardware": "all"})
        assert said.startswith("hardware 'all' is no one accelerator")
        assert "compare_hardware or plan_deployment" in said


def test_devices_that_are_counted_twice_are_asked_back() -> None:
    said = refusal("calculate_memory", LLAMA | {"hardware": "2x24GB", "devices": 4})
    assert said == "hardware '2x24GB' is 2 devices, and devices is 4; give it once."


def test_a_time_without_a_unit_and_a_rate_of_nobody_are_asked_back() -> None:
    load = LLAMA | {"concurrency": 4, "hardware": "L40S"}
    assert "Did you mean 'ttft_target_ms'" in refusal("plan_deployment", load | {"ttft": 2})
    said = refusal("plan_deployment", load | {"tokens_per_second": 30})
    assert "Nearest here: tpot_target_ms, which takes the rate of one user too, as '30 tok/s'." in said


def test_two_formats_are_asked_back_where_both_say_one_of_weights() -> None:
    said = refusal("max_batch_size", LLAMA | {"hardware": "L4", "quantization": "awq", "dtype": "fp8"})
    assert said == "max_batch_size was given precision twice, by two names for it; give it once."


WRITTEN = st.text(max_size=60) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "2x", "two ", "a ", "8 x ", "cheapest "]),
    st.sampled_from(["A100", "24GB", "H100s", "M4", "CPU", "macbook", "all", "RTX 3080", "L4 vs T4", "{}"]),
    st.sampled_from(["", " 24GB", " card", " x2", " and L4", "s", " total", " 40%"]),
)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(["max_batch_size", "compare_hardware", "search_hardware"]), written=WRITTEN)
def test_any_text_of_hardware_is_answered_or_refused_in_a_sentence(name: str, written: str) -> None:
    said = {"query": written} if name == "search_hardware" else LLAMA | {"hardware": written, "seq_length": 64}
    if name == "compare_hardware":
        said.pop("seq_length")
    try:
        answer = call(name, said)
    except CalculatorError as error:
        refused = str(error)
    else:
        refused = ""
        assert getattr(answer.content[0], "text", "")
    assert len(refused) <= 2000
    assert not refused or refused.rstrip().endswith((".", "?"))


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["name", "gpu", "count", "memory", "vram", "tflops", "Flops", "bandwidth", "kind", "x"]),
        st.sampled_from(["24 GB", "1 TB/s", "1000", "165 TFLOPS", 24, 1000, 0, -1, "", None, True, "L4", [], {}, 1e30]),
        max_size=5,
    )
)
def test_any_object_of_hardware_is_answered_or_refused_in_a_sentence(described: dict[str, Any]) -> None:
    try:
        call("max_batch_size", LLAMA | {"hardware": described})
    except CalculatorError as error:
        refused = str(error)
    else:
        refused = ""
    assert len(refused) <= 2000
    assert not refused or refused.rstrip().endswith((".", "?"))


@pytest.mark.parametrize(
    ("engine", "flags", "meant"),
    [
        ("vllm", "--max-num-seqs 64 --kv-cache-dtype fp8_e5m2", {"max_num_seqs": 64, "kv_precision": "fp8"}),
        (
            "vllm",
            "--max-model-len=8192 --enforce-eager",
            {"engine_settings": {"max_model_len": 8192, "enforce_eager": True}},
        ),
        ("vllm", "--no-enable-prefix-caching --dtype auto", {"enable_prefix_caching": False}),
        ("vllm", "-tp 2 --gpu-memory-utilization 0.8", {"tensor_parallel": 2, "gpu_memory_utilization": 0.8}),
        ("vllm", "--dtype half --quantization fp8", {"precision": "fp8"}),
        ("llama.cpp", "-c 8192 -ngl 20 --no-kv-offload", {"n_ctx": 8192, "n_gpu_layers": 20, "no_kv_offload": True}),
        ("llama.cpp", "-fa on", {"engine_settings": {"flash_attn": True}}),
        ("llama.cpp", "--flash-attn off", {"engine_settings": {"flash_attn": False}}),
        ("ollama", "OLLAMA_NUM_PARALLEL=2", {"num_parallel": 2}),
    ],
)
def test_flags_of_a_serve_command_are_taken_as_its_settings(engine: str, flags: str, meant: dict[str, Any]) -> None:
    asked = LLAMA | {"hardware": "H100", "engine": engine}
    told = call("calculate_memory", asked | {"engine_settings": flags}).structured_content
    assert told == call("calculate_memory", asked | meant).structured_content


def test_a_flag_that_an_engine_has_not_is_refused_by_its_name() -> None:
    asked = LLAMA | {"hardware": "H100", "engine": "vllm"}
    for flags, said in (
        ("--max-num-sequences 64", "no setting '--max-num-sequences'. Did you mean 'max_num_seqs'"),
        ("vllm serve --max-num-seqs 64", "'vllm' where a flag is expected"),
        ("--max-num-seqs 64 --max-num-seqs 32", "--max-num-seqs twice"),
        ("--max-num-seqs '64", "is no command line"),
    ):
        assert said in refusal("calculate_memory", asked | {"engine_settings": flags})
    twice = asked | {"engine_settings": "--kv-cache-dtype fp8", "kv_precision": "bf16"}
    assert "--kv-cache-dtype of engine_settings says it too" in refusal("calculate_memory", twice)
