"""Bad input is one clear sentence of our own, naming the field and what is accepted."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy
import pytest
from hypothesis import given, strategies as st

from llm_memory_calculator import (
    ArgumentError,
    CalculatorError,
    ConfigError,
    UnknownArgumentError,
    UnknownFormatError,
    UnknownHardwareError,
    UnknownModelError,
    UnsupportedModelError,
    best_parallelism,
    calculate_memory,
    compare_hardware,
    estimate_performance,
    estimate_serving,
    load_model,
    max_batch_size,
    plan_deployment,
    search_grid,
)

from ..rows import each

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "vocab_size": 32000,
}
NUMBERS = [
    0,
    -1,
    float("nan"),
    float("inf"),
    -float("inf"),
    10**30,
    1.5,
    "eight",
    "nan",
    "8 GB",
    True,
    None,
    [1],
    {"a": 1},
]


@each("value", NUMBERS)
@each("argument", ["batch_size", "seq_length", "tensor_parallel", "pipeline_parallel"])
def test_a_number_that_cannot_be_is_refused_by_name(argument: str, value: object) -> None:
    if value is None and argument.endswith("_parallel"):
        return  # not given
    with pytest.raises(CalculatorError, match=argument):
        calculate_memory(LLAMA, **{argument: value})  # type: ignore[arg-type]


@each("value", NUMBERS)
@each("argument", ["batch_size", "input_tokens", "output_tokens"])
def test_a_load_that_cannot_be_is_refused_by_name(argument: str, value: object) -> None:
    with pytest.raises(CalculatorError, match=argument):
        estimate_performance("llama2_7b", "H100", **{argument: value})  # type: ignore[arg-type]


@each("value", [0, -1, float("nan"), float("inf"), 1e30, "eighty", "80 ms", True])
def test_a_memory_that_cannot_be_is_refused(value: object) -> None:
    with pytest.raises(CalculatorError, match="memory_gb"):
        max_batch_size("llama2_7b", memory_gb=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["q4_k_n", "fp17", "", "int3", 8, None, ["bf16"]])
def test_an_unknown_kv_format_lists_the_known_ones(name: object) -> None:
    if name is None:
        return
    with pytest.raises(UnknownFormatError, match=r"kv_precision .* Accepted: fp32, bf16, fp16, fp8"):
        calculate_memory("llama2_7b", kv_precision=name)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "near"), [("fp88", "fp8"), ("bfloat", "bfloat16"), ("mxfp", "mxfp4")])
def test_a_misspelt_format_offers_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownFormatError, match=rf"Did you mean.*{near}"):
        calculate_memory("llama2_7b", precision=name)


def test_an_unhashable_format_is_refused() -> None:
    with pytest.raises(UnknownFormatError, match="precision"):
        calculate_memory("llama2_7b", precision=["int8"])  # type: ignore[arg-type]


@pytest.mark.parametrize("call", [calculate_memory, estimate_performance, best_parallelism, max_batch_size])
def test_an_unknown_argument_is_named_with_the_nearest(call: Callable[..., Any]) -> None:
    with pytest.raises(UnknownArgumentError, match=r"'precison'.*'precision'"):
        call("llama2_7b", precison="int8")


def test_an_unknown_model_offers_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnknownModelError, match=r"Llama-3\.1-70B"):
        calculate_memory("llama-3.1-70")


def test_unknown_hardware_offers_the_nearest() -> None:
    with pytest.raises(UnknownHardwareError, match="H100"):
        estimate_performance("llama2_7b", "H1000")
    with pytest.raises(UnknownHardwareError, match="H100"):
        compare_hardware("llama2_7b", hardware=["A100_80GB", "H1OO"])


@pytest.mark.parametrize("field", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
def test_a_missing_field_is_named(field: str) -> None:
    config = {name: value for name, value in LLAMA.items() if name != field}
    with pytest.raises(ConfigError, match=f"no {field}"):
        calculate_memory(config)


@each("value", ["4096", -1, 0, 1.5, float("nan"), True, [], {}, 10**12])
@each("field", ["hidden_size", "num_hidden_layers", "vocab_size", "num_key_value_heads"])
def test_a_field_of_the_wrong_kind_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        calculate_memory({**LLAMA, field: value})


@each(
    ("changes", "message"),
    [
        ({"num_attention_heads": 33}, "not a multiple"),
        ({"num_key_value_heads": 5}, "num_key_value_heads"),
        ({"num_key_value_heads": 64}, "num_key_value_heads"),
        ({"model_type": 7}, "model_type"),
        ({"attention_bias": "yes"}, "attention_bias"),
        ({"quantization_config": {"quant_method": "gptqq", "bits": 4}}, "gptq"),
        ({"quantization_config": {"quant_method": "gptq"}}, "bits"),
        ({"quantization_config": {"quant_method": "gptq", "bits": "4"}}, "bits"),
        ({"quantization_config": "int4"}, "quantization_config"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "load_in_4bit"),
        ({"quantization_config": {"quant_method": "compressed-tensors"}}, "config_groups"),
        ({"torch_dtype": "float33"}, "torch_dtype"),
    ],
)
def test_a_config_that_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CalculatorError, match=message):
        calculate_memory({**LLAMA, **changes})


def test_more_experts_a_token_than_there_are_is_refused() -> None:
    config = dict(load_model("mixtral_8x7b").config.values) | {"num_experts_per_tok": 9}
    with pytest.raises(ConfigError, match="9 experts, and there are only 8"):
        calculate_memory(config)


def test_layer_types_of_another_length_are_refused() -> None:
    config = dict(load_model("openai/gpt-oss-20b").config.values) | {"layer_types": ["full_attention"]}
    with pytest.raises(ConfigError, match="layer_types has 1 entries"):
        calculate_memory(config)


def test_an_empty_config_is_refused() -> None:
    with pytest.raises(CalculatorError, match="config"):
        calculate_memory({})


@pytest.mark.parametrize("name", ["lama", "../x", "arcee9"])
def test_an_unknown_decoder_is_described_by_the_usual_fields_with_a_warning(name: str) -> None:
    report = calculate_memory({**LLAMA, "model_type": name})
    assert report.parameter_count == 6_738_415_616
    assert any(note.origin == "warning" and repr(name) in note.text for note in report.notes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ssm_state_size": 16}, "ssm_state_size"),
        ({"vision_config": {"hidden_size": 8}}, "vision_config"),
        ({"layer_types": ["linear_attention"] * 32}, "layer_types"),
        ({"intermediate_size": None}, "no intermediate_size"),
        ({"auto_map": {"AutoConfig": "x.Y"}, "hidden_size": None}, "no hidden_size"),
    ],
)
def test_what_the_usual_fields_cannot_describe_is_refused_with_the_reason(
    changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(UnsupportedModelError, match=reason):
        calculate_memory({**LLAMA, "model_type": "unheard_of", **changes})


@pytest.mark.parametrize(("model_type", "near"), [("rwkv9", "'rwkv7'"), ("unheard_of", "Where its layers are")])
def test_an_unknown_family_names_the_nearest_ones_alone(model_type: str, near: str) -> None:
    with pytest.raises(UnsupportedModelError, match=near) as caught:
        calculate_memory({**LLAMA, "model_type": model_type, "ssm_state_size": 16})
    assert len(str(caught.value)) < 400
    assert "model_type" in str(caught.value)


def test_deep_nesting_in_a_config_is_harmless() -> None:
    nested: dict[str, Any] = {}
    for _ in range(10_000):
        nested = {"a": nested}
    assert calculate_memory({**LLAMA, "rope_scaling": nested}).parameter_count == 6_738_415_616


def test_a_config_is_not_changed_by_asking() -> None:
    config = copy.deepcopy(LLAMA)
    calculate_memory(config, precision="int8")
    assert config == LLAMA


@pytest.mark.parametrize("question", [compare_hardware, plan_deployment, search_grid])
@pytest.mark.parametrize("hardware", [3, 0.5, True, []])
def test_what_is_no_list_of_hardware_is_refused(question: Any, hardware: Any) -> None:
    with pytest.raises(ArgumentError, match="hardware must be a list of accelerators such as"):
        question("llama2_7b", hardware=hardware)


def test_hardware_and_memory_together_are_refused() -> None:
    with pytest.raises(CalculatorError, match="not both"):
        calculate_memory("llama2_7b", hardware="H100", memory_gb=80)
    with pytest.raises(CalculatorError, match=r"hardware .* or memory_gb"):
        max_batch_size("llama2_7b")


@pytest.mark.parametrize("model", [None, 7, b"llama2_7b", [], "", "   "])
def test_what_is_no_model_is_refused(model: object) -> None:
    with pytest.raises(CalculatorError, match="model"):
        calculate_memory(model)  # type: ignore[arg-type]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["llama2_7b", "mixtral_8x7b", "deepseek_v3", "gpt-oss-20b", "gemma2_9b", "falcon-7b"]), st.data()
)
def test_any_value_in_any_field_is_an_answer_or_an_error_of_ours(model: str, data: st.DataObject) -> None:
    config = dict(load_model(model).config.values)
    config[data.draw(st.sampled_from(sorted(config)))] = data.draw(JSON)
    try:
        report = calculate_memory(config, seq_length=100)
    except CalculatorError as error:
        sentence = str(error)
    else:
        sentence = str(report.total_memory_bytes)
        assert report.total_memory_bytes > 0
    assert sentence.strip()
    assert "\n" not in sentence


@each(
    ("model", "changes", "message"),
    [
        ("llama2_7b", {"num_local_experts": 8}, "mixtral"),
        ("llama2_7b", {"torch_dtype": "bfloat16", "dtype": "float32"}, "dtype"),
        ("llama2_7b", {"torch_dtype": "int8"}, "torch_dtype"),
        ("mistral_7b", {"sliding_window": None, "layer_types": ["sliding_attention"] * 32}, "sliding_window"),
        ("mistral_7b", {"sliding_window": None, "layer_types": ["full_attention"] * 31}, "31 entries"),
        ("Qwen/Qwen3-30B-A3B", {"mlp_only_layers": [500]}, "mlp_only_layers"),
        ("Qwen/Qwen3-30B-A3B", {"decoder_sparse_step": 10**8}, "decoder_sparse_step"),
        ("llama2_7b", {"num_hidden_layers": 10_000}, "num_hidden_layers"),
    ],
)
def test_fields_that_deny_each_other_are_refused(model: str, changes: dict[str, object], message: str) -> None:
    config = dict(load_model(model).config.values) | changes
    with pytest.raises(CalculatorError, match=message):
        calculate_memory(config)


def test_positional_mistakes_are_errors_of_our_own() -> None:
    with pytest.raises(UnknownArgumentError, match=r"calculate_memory.*Accepted: model_id_or_config"):
        calculate_memory()  # type: ignore[call-arg]


@pytest.mark.parametrize("number", [numpy.int64(4), numpy.float32(4), numpy.int32(4)])
def test_numbers_of_numpy_are_numbers(number: Any) -> None:
    assert calculate_memory("llama2_7b", batch_size=number).batch_size == 4
    assert max_batch_size("llama2_7b", memory_gb=number * 6).max_batch_size > 0


MANY_DIGITS = 10**5000
ARRAYS = [numpy.array([1, 2]), numpy.array([[1]]), numpy.array(-1.5), numpy.zeros((200, 200))]
NUMERIC = ["batch_size", "num_images", "image_resolution", "memory_gb", "gpu_memory_utilization"]
WORDS = ["token", "engine", "engine_version", "detail", "target_modules", "precision", "kv_precision"]


@pytest.mark.parametrize(
    "value", [*ARRAYS, MANY_DIGITS, b"hf_not_for_your_eyes"], ids=lambda value: type(value).__name__
)
@pytest.mark.parametrize("argument", [*NUMERIC, *WORDS])
def test_what_no_argument_can_be_is_one_short_sentence(argument: str, value: object) -> None:
    if argument == "image_resolution" and value is ARRAYS[0]:
        return  # a height and a width
    with pytest.raises(CalculatorError, match=argument) as raised:
        calculate_memory("llama2_7b", **{argument: value})  # type: ignore[arg-type]
    said = str(raised.value).partition("Accepted:")[0]
    assert len(said) < 300
    assert "\n" not in said
    assert argument != "token" or "eyes" not in said


def test_numbers_of_numpy_are_taken_as_what_they_are() -> None:
    def total(**given: Any) -> int:
        return calculate_memory("google/gemma-3-4b-it", seq_length=4096, num_images=1, **given).total_memory_bytes

    assert total(image_resolution=numpy.array([640, 480])) == total(image_resolution=(640, 480))
    assert total(batch_size=numpy.array(2)) == total(batch_size=2)
    assert total(gpu_memory_utilization=numpy.float32(0.5)) == total(gpu_memory_utilization=0.5)
    projections = numpy.array(["q_proj", "v_proj"])
    assert total(max_loras=1, target_modules=projections) == total(max_loras=1, target_modules=["q_proj", "v_proj"])


@pytest.mark.parametrize(
    "value",
    [1e300, 10**400, MANY_DIGITS, -MANY_DIGITS, "x" * 10_000, [7] * 10_000],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("field", ["vocab_size", "torch_dtype", "tie_word_embeddings"])
def test_a_config_s_value_is_shown_as_far_as_a_reader_looks(field: str, value: object) -> None:
    with pytest.raises(CalculatorError, match=field) as raised:
        load_model({**LLAMA, "model_type": "qwen2", field: value}).formats(None, None)
    assert len(str(raised.value).partition("Accepted")[0]) < 400


@each("classes", [5, True, 1.5, "GitForCausalLM", [3], {"a": 1}])
@each("model_type", ["git", "llama", "bert", "grok_1"])
def test_classes_that_are_no_list_of_names_are_refused(model_type: str, classes: object) -> None:
    with pytest.raises(CalculatorError):
        calculate_memory({"model_type": model_type, "architectures": classes})


# --- what is meant is understood -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("users", "concurrency"),
        ("qps", "request_rate"),
        ("requests_per_second", "request_rate"),
        ("isl", "input_tokens"),
        ("max_new_tokens", "output_tokens"),
        ("num_gpus", "devices"),
    ],
)
def test_what_others_call_an_argument_is_told_by_its_name_here(word: str, meant: str) -> None:
    with pytest.raises(UnknownArgumentError, match=f"It is {meant} here"):
        estimate_serving("Qwen/Qwen3-8B", "H100", **{word: 32})


def test_numbers_may_be_typed_as_text() -> None:
    typed: dict[str, Any] = {"concurrency": "32", "input_tokens": "512", "output_tokens": "64", "tensor_parallel": "1"}
    plain = {name: int(value) for name, value in typed.items()}
    one, other = (estimate_serving("Qwen/Qwen3-8B", "H100", **asked) for asked in (typed, plain))
    assert one.tpot_ms == other.tpot_ms
    rates = [estimate_serving("Qwen/Qwen3-8B", "H100", request_rate=rate).ttft_ms for rate in ("2.5", 2.5)]
    assert rates[0] == rates[1]


@pytest.mark.parametrize(
    ("spread", "mean"),
    [
        # lognormal: its mean is its median x exp(deviation^2 / 2); ln 4 / 1.2816, / 1.6449, / 2.3263 is the deviation
        ({"p50": 500, "p90": 2000}, 500 * math.exp((math.log(4) / 1.2816) ** 2 / 2)),
        ({"p50": 500, "p95": 2000}, 500 * math.exp((math.log(4) / 1.6449) ** 2 / 2)),
        ({"p50": 500, "p99": 2000}, 500 * math.exp((math.log(4) / 2.3263) ** 2 / 2)),
        ({"mean": 700, "std": 500}, 700),
        ({"mean": 700, "std": 0}, 700),
    ],
    ids=str,
)
def test_lengths_are_spread_by_any_two_numbers_that_say_how(spread: dict[str, int], mean: float) -> None:
    report = estimate_serving("Qwen/Qwen3-8B", "H100", concurrency=4, input_tokens=spread, output_tokens=32)
    # the longest of the tail are cut
    assert report.input_tokens == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize("spread", [{"mean": 700}, {"p95": 700}, {"p50": 3, "p75": 9}], ids=str)
def test_a_spread_that_says_too_little_is_refused_with_what_does(spread: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match="p50 with p90, p95 or p99, of mean and std, of least and most"):
        estimate_serving("Qwen/Qwen3-8B", "H100", concurrency=4, input_tokens=spread)


def test_nothing_may_be_said_as_0() -> None:
    common: dict[str, Any] = {"concurrency": 4, "tensor_parallel": 1}
    plain = estimate_serving("Qwen/Qwen3-8B", "H100", **common)
    nothing = estimate_serving("Qwen/Qwen3-8B", "H100", depth=0, cached_share=0, **common)
    assert (nothing.ttft_ms, nothing.tpot_ms) == (plain.ttft_ms, plain.tpot_ms)
    drafted = {"method": "ngram", "num_speculative_tokens": 3, "acceptance_rate": 0}
    slower = estimate_serving("Qwen/Qwen3-8B", "H100", engine="vllm", speculative=drafted, **common)
    assert slower.tpot_ms is not None
    assert plain.tpot_ms is not None
    assert slower.tpot_ms > plain.tpot_ms


def test_prompts_are_taken_in_in_pieces_or_whole_as_vllm_is_told() -> None:
    common: dict[str, Any] = {"engine": "vllm", "concurrency": 16, "input_tokens": {"least": 1000, "most": 6000}}
    plain, pieces, whole = (
        estimate_serving("Qwen/Qwen3-8B", "H100", **common, **told)
        for told in ({}, {"enable_chunked_prefill": True}, {"enable_chunked_prefill": False})
    )
    assert pieces.ttft_ms == plain.ttft_ms
    assert whole.ttft_ms != plain.ttft_ms


@pytest.mark.parametrize("word", ["eagle", "EAGLE3", "draft_model"])
def test_a_method_is_no_name_of_a_draft(word: str) -> None:
    with pytest.raises(ArgumentError, match="a method whose draft is to be named"):
        estimate_performance("Qwen/Qwen3-8B", "H100", engine="vllm", speculative=word)


def test_a_draft_of_another_vocabulary_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"has 128,256 tokens, and .* has 151,936: a draft must have the model's"):
        estimate_performance("Qwen/Qwen3-8B", "H100", engine="vllm", speculative="meta-llama/Llama-3.2-1B")
