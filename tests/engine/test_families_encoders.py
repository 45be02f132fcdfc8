"""Encoders, encoder-decoders and speech against published counts, and what is unusual in their caches and times."""

import re
from typing import Any

import pytest

from llm_memory_calculator import (
    Step,
    calculate_memory,
    estimate_decode_performance,
    estimate_end_to_end_performance,
    estimate_prefill_performance,
)
from llm_memory_calculator.architecture import Architecture
from llm_memory_calculator.errors import ArgumentError, ConfigError
from llm_memory_calculator.operators import BidirectionalAttention, Embedding

from ..rows import each
from .families import described

BASE, LARGE = (768, 3072, 12, 12), (1024, 4096, 24, 16)


def bert(name: str, sizes: tuple[int, int, int, int], vocabulary: int, **more: Any) -> dict[str, Any]:
    hidden, width, depth, heads = sizes
    return {
        "model_type": "bert", "architectures": [name], "hidden_size": hidden, "intermediate_size": width,
        "num_hidden_layers": depth, "num_attention_heads": heads, "vocab_size": vocabulary, **more,
    }  # fmt: skip


def roberta(name: str, sizes: tuple[int, int, int, int], vocabulary: int, **more: Any) -> dict[str, Any]:
    facts = {"model_type": "xlm-roberta", "max_position_embeddings": 514, "type_vocab_size": 1, **more}
    return bert(name, sizes, vocabulary, **facts)


def deberta(sizes: tuple[int, int, int, int], **more: Any) -> dict[str, Any]:
    return bert(
        "DebertaV2Model", sizes, 128100, model_type="deberta-v2", relative_attention=True, position_buckets=256,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False, **more,
    )  # fmt: skip


def t5(
    hidden: int, head: int, width: int, depth: int, heads: int, vocabulary: int = 32128, **more: Any
) -> dict[str, Any]:
    return {
        "model_type": "t5", "d_model": hidden, "d_kv": head, "d_ff": width, "num_layers": depth, "num_heads": heads,
        "vocab_size": vocabulary, **more,
    }  # fmt: skip


def bart(name: str, hidden: int, depth: int, width: int, heads: int, vocabulary: int, **more: Any) -> dict[str, Any]:
    return {
        "model_type": "bart", "architectures": [name], "d_model": hidden, "vocab_size": vocabulary,
        "encoder_layers": depth, "encoder_ffn_dim": width, "encoder_attention_heads": heads,
        "decoder_layers": depth, "decoder_ffn_dim": width, "decoder_attention_heads": heads, **more,
    }  # fmt: skip


def whisper(hidden: int, depth: int, heads: int, vocabulary: int = 51865, **more: Any) -> dict[str, Any]:
    facts = {"model_type": "whisper", **more}
    return bart("WhisperForConditionalGeneration", hidden, depth, 4 * hidden, heads, vocabulary, **facts)


def gpt(read: int, written: int) -> dict[str, Any]:
    return {
        "hidden_size": 1024, "num_layers": 24, "num_heads": 16, "bias": False, "input_vocab_size": read,
        "output_vocab_size": written,
    }  # fmt: skip


NOMIC = {
    "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "n_embd": 768, "n_head": 12, "n_inner": 3072,
    "n_layer": 12, "n_positions": 2048, "vocab_size": 30528, "type_vocab_size": 2, "qkv_proj_bias": False,
    "mlp_fc1_bias": False, "activation_function": "swiglu", "rotary_emb_fraction": 1.0, "pad_vocab_size_multiple": 64,
}  # fmt: skip
NOMIC_MOE = NOMIC | {
    "vocab_size": 250048, "type_vocab_size": 1, "qkv_proj_bias": True, "mlp_fc1_bias": True,
    "activation_function": "gelu", "num_experts": 8, "moe_top_k": 2, "moe_every_n_layers": 2,
}  # fmt: skip
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
WHISPER_V3 = whisper(1280, 32, 20, 51866, num_mel_bins=128)
BERT_BASE = bert("BertModel", BASE, 30522)
T5_BASE = t5(768, 64, 3072, 12, 12)

ENCODEC_32K = {
    "model_type": "encodec", "sampling_rate": 32000, "num_filters": 64, "upsampling_ratios": [8, 5, 4, 4],
    "target_bandwidths": [2.2], "codebook_size": 2048, "use_conv_shortcut": False,
}  # fmt: skip

# The model, its facts, and its parameters as transformers 5.24 builds it on the meta device, which is what the hub
# says of the checkpoint where it holds no buffers. Nomic's mixture and GTE's v1.5 are as their checkpoints are, whose
# classes are not there.
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "google-bert/bert-base-uncased, with its pooler": (BERT_BASE, 109_482_240),
    "google-bert/bert-base-uncased": (bert("BertForMaskedLM", BASE, 30522), 109_514_298),
    "google-bert/bert-large-uncased": (bert("BertForMaskedLM", LARGE, 30522), 335_174_458),
    "Intel/bert-base-uncased-mrpc": (bert("BertForSequenceClassification", BASE, 30522), 109_483_778),
    "sentence-transformers/all-MiniLM-L6-v2": (bert("BertModel", (384, 1536, 6, 12), 30522), 22_713_216),
    "BAAI/bge-large-en-v1.5": (bert("BertModel", LARGE, 30522), 335_141_888),
    "FacebookAI/roberta-base": (roberta("RobertaForMaskedLM", BASE, 50265, model_type="roberta"), 124_697_433),
    "intfloat/multilingual-e5-large": (roberta("XLMRobertaModel", LARGE, 250002), 559_890_432),
    "BAAI/bge-m3": (roberta("XLMRobertaModel", LARGE, 250002, max_position_embeddings=8194), 567_754_752),
    "BAAI/bge-reranker-v2-m3": (
        roberta(
            "XLMRobertaForSequenceClassification", LARGE, 250002, max_position_embeddings=8194, id2label={"0": "score"}
        ),
        567_755_777,
    ),
    "almanach/camembert-base": (
        roberta("CamembertForMaskedLM", BASE, 32005, model_type="camembert"),
        110_655_493,
    ),
    "distilbert/distilbert-base-uncased": (
        {"model_type": "distilbert", "architectures": ["DistilBertForMaskedLM"], "vocab_size": 30522},
        66_985_530,
    ),
    "sentence-transformers/all-mpnet-base-v2": (
        bert("MPNetForMaskedLM", BASE, 30527, model_type="mpnet", max_position_embeddings=514),
        109_518_527,
    ),
    "google/electra-base-discriminator": (
        bert("ElectraForPreTraining", BASE, 30522, model_type="electra", embedding_size=768),
        109_483_009,
    ),
    "microsoft/deberta-base": (
        bert(
            "DebertaModel", BASE, 50265, model_type="deberta", type_vocab_size=0, relative_attention=True,
            pos_att_type="c2p|p2c", position_biased_input=False,
        ),
        138_601_728,
    ),
    "microsoft/deberta-v3-base": (deberta(BASE), 183_831_552),
    "microsoft/deberta-v2-xlarge": (deberta((1536, 6144, 24, 24), conv_kernel_size=3), 884_593_152),
    "answerdotai/ModernBERT-base": (
        {"model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"]},
        149_655_232,
    ),
    "answerdotai/ModernBERT-large": (
        bert("ModernBertForMaskedLM", (1024, 2624, 28, 16), 50368, model_type="modernbert"),
        395_881_664,
    ),
    "nomic-ai/nomic-embed-text-v1.5": (NOMIC, 136_731_648),
    "nomic-ai/nomic-embed-text-v2-moe": (NOMIC_MOE, 475_292_928),
    "albert/albert-base-v2": (
        bert("AlbertForMaskedLM", BASE, 30000, model_type="albert", embedding_size=128),
        11_221_680,
    ),
    "Alibaba-NLP/gte-large-en-v1.5": (bert("NewModel", LARGE, 30528, model_type="new", type_vocab_size=2), 434_139_136),
    "allenai/longformer-base-4096": (
        roberta("LongformerModel", BASE, 50265, model_type="longformer", max_position_embeddings=4098),
        148_659_456,
    ),
    "google-t5/t5-base": (T5_BASE, 222_903_552),
    "google-t5/t5-11b": (t5(1024, 128, 65536, 24, 128), 11_307_321_344),
    "google/flan-t5-xl": (t5(2048, 64, 5120, 24, 32, **GATED), 2_783_959_040),
    "google/mt5-base": (t5(768, 64, 2048, 12, 12, 250112, model_type="mt5", **GATED), 390_315_264),
    "google/umt5-xxl": (t5(4096, 64, 10240, 24, 64, 256384, model_type="umt5", **GATED), 11_922_382_848),
    "google/umt5-xxl, its encoder": (
        t5(4096, 64, 10240, 24, 64, 256384, model_type="umt5", architectures=["UMT5EncoderModel"], **GATED),
        5_680_910_336,
    ),
    "facebook/bart-base": (bart("BartModel", 768, 6, 3072, 12, 50265), 139_420_416),
    "facebook/bart-large-cnn": (bart("BartForConditionalGeneration", 1024, 12, 4096, 16, 50264), 406_290_432),
    "facebook/bart-large-mnli": (
        bart("BartForSequenceClassification", 1024, 12, 4096, 16, 50265, num_labels=3),
        407_344_131,
    ),
    "facebook/mbart-large-50": (
        bart("MBartForConditionalGeneration", 1024, 12, 4096, 16, 250054, model_type="mbart"),
        610_879_488,
    ),
    "Helsinki-NLP/opus-mt-en-de": (
        bart("MarianMTModel", 512, 6, 2048, 8, 58101, model_type="marian", max_position_embeddings=512),
        74_410_496,
    ),
    "google/pegasus-xsum": (
        bart(
            "PegasusForConditionalGeneration", 1024, 16, 4096, 16, 96103, model_type="pegasus",
            max_position_embeddings=512,
        ),
        569_748_480,
    ),
    "facebook/m2m100_418M": (
        bart("M2M100ForConditionalGeneration", 1024, 12, 4096, 16, 128112, model_type="m2m_100"),
        483_905_536,
    ),
    "facebook/nllb-200-3.3B": (
        bart("M2M100ForConditionalGeneration", 2048, 24, 8192, 16, 256206, model_type="m2m_100"),
        3_344_863_232,
    ),
    "facebook/blenderbot-3B": ({"model_type": "blenderbot"}, 2_696_268_800),
    "openai/whisper-tiny": (whisper(384, 4, 6), 37_760_640),
    "openai/whisper-large-v3": (WHISPER_V3, 1_543_490_560),
    "openai/whisper-large-v3-turbo": (WHISPER_V3 | {"decoder_layers": 4}, 808_878_080),
    "Qwen/Qwen2-Audio-7B": (
        {"model_type": "qwen2_audio", "text_config": {"model_type": "qwen2", "intermediate_size": 11008,
                                                      "vocab_size": 156032}},
        8_397_094_912,
    ),
    "mistralai/Voxtral-Mini-3B-2507": ({"model_type": "voxtral"}, 4_676_271_104),
    "allenai/led-base-16384": (
        bart("LEDForConditionalGeneration", 768, 6, 3072, 12, 50265, model_type="led"),
        161_844_480,
    ),
    "facebook/wav2vec2-base-960h": ({"model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"]}, 94_396_320),
    "facebook/musicgen-small": (
        {"model_type": "musicgen", "text_encoder": T5_BASE, "audio_encoder": ENCODEC_32K, "decoder": {}},
        586_884_674,
    ),
    "suno/bark": (
        {"model_type": "bark", "semantic_config": gpt(129600, 10048), "coarse_acoustics_config": gpt(12096, 12096),
         "fine_acoustics_config": gpt(1056, 1056)},
        1_100_590_818,
    ),
}  # fmt: skip


@each("model", PUBLISHED)
def test_parameters_are_those_that_are_published(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert described(**facts).parameter_count == parameters


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("google-bert/bert-base-uncased, with its pooler", 23_835_648),
        ("microsoft/deberta-v3-base", 98_774_016),
        ("google-t5/t5-base", 24_675_072),  # with a table of relative positions a side
        ("Helsinki-NLP/opus-mt-en-de", 30_272_000),  # with two tables of sinusoidal positions
        ("facebook/m2m100_418M", 131_186_688),  # whose positions are computed
        ("openai/whisper-tiny", 20_664_192),
        ("mistralai/Voxtral-Mini-3B-2507", 404_573_184),
    ],
)
def test_embeddings_are_all_tables(model: str, parameters: int) -> None:
    assert described(**PUBLISHED[model][0]).embedding_parameter_count == parameters


def test_nomics_mixture_runs_two_of_eight_experts() -> None:
    assert described(**NOMIC_MOE).active_parameter_count == 305_423_616


# --- caches --------------------------------------------------------------------------------------------------------


def test_whisper_caches_its_tokens_and_1500_positions() -> None:
    report = calculate_memory(WHISPER_V3, seq_length=448, precision="bf16")
    own, cross = 2 * 32 * 448 * 2 * 1280, 2 * 32 * 1500 * 2 * 1280
    assert (own, cross) == (73_400_320, 245_760_000)
    assert report.kv_cache_bytes == own + cross


def test_t5_caches_what_it_writes_and_what_it_reads() -> None:
    """Keys and values of 12 layers over 1,024 tokens, and once more over as many of the source (transformers 5.24)."""
    assert calculate_memory(T5_BASE, seq_length=1024, precision="bf16").kv_cache_bytes == 75_497_472
    assert described(**T5_BASE).cached_values(10, 1000) == 12 * 2 * 768 * 1010


@pytest.mark.parametrize("model", [BERT_BASE, NOMIC, {"model_type": "modernbert"}, {"model_type": "distilbert"}])
def test_an_encoder_caches_nothing(model: dict[str, Any]) -> None:
    assert calculate_memory(model, batch_size=8, seq_length=512, precision="bf16").kv_cache_bytes == 0


def test_albert_stores_one_layer_and_runs_twelve() -> None:
    facts = bert("AlbertModel", BASE, 30000, model_type="albert", embedding_size=128)
    shared, single = described(**facts), described(**facts | {"num_hidden_layers": 1})
    assert (shared.depth, single.depth) == (12, 1)
    assert shared.parameter_count == single.parameter_count
    asked: dict[str, Any] = {"system_name": "H100_SXM", "batch_size": 32, "input_tokens": 512, "bits": "bf16"}
    slow, quick = (
        estimate_prefill_performance(facts | {"num_hidden_layers": depth}, **asked).latency_ms for depth in (12, 1)
    )
    assert slow > 5 * quick


def test_bark_holds_one_cache_at_a_time() -> None:
    model = described(**PUBLISHED["suno/bark"][0])
    assert model.cached_values(100) == 24 * 2 * 1024 * 100
    assert any("one after the other" in note.text for note in model.notes)


def test_modernbert_has_windows_in_two_layers_of_three() -> None:
    windows = {
        index: operator.window
        for layer in described(model_type="modernbert").stack
        for operator in layer.operators
        if isinstance(operator, BidirectionalAttention)
        for index in layer.indices or ()
    }
    assert [windows[index] for index in range(4)] == [None, 129, 129, None]


def test_debertas_tokens_attend_512_relative_positions_too() -> None:
    def flops(model: Architecture) -> float:
        return sum(
            float(operator.work(Step(batch=2, query=128)).flops)  # type: ignore[arg-type]
            for operator in model.stack[0].operators
            if isinstance(operator, BidirectionalAttention)
        )

    assert flops(described(**deberta(BASE))) == flops(described(**BERT_BASE)) * (128 + 512) / 128


def test_umt5_has_a_table_of_relative_positions_in_each_layer() -> None:
    def tables(model_type: str) -> int:
        model = described(**t5(64, 16, 128, 3, 4, 100, model_type=model_type))
        return sum(
            layer.repeat
            for layer in (*model.encoder, *model.stack)
            for operator in layer.operators
            if isinstance(operator, Embedding)
        )

    assert (tables("mt5"), tables("umt5")) == (2, 6)


# --- classes, defaults, errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HF_ColBERT", "JinaBertForMaskedLM", "BertForSomethingElse"])
def test_a_class_that_is_not_described_is_said_and_its_base_model_counted(name: str) -> None:
    model = described(**bert(name, BASE, 30522))
    assert model.parameter_count == 109_482_240
    assert [note.subject for note in model.notes if note.origin == "warning"] == ["architectures"]


def test_no_default_is_noted_of_a_head_that_the_class_does_not_have() -> None:
    facts = BERT_BASE | {"max_position_embeddings": 512, "type_vocab_size": 2}
    assert not described(**facts).notes
    assert [note.subject for note in described(**facts | {"architectures": ["BertForTokenClassification"]}).notes] == [
        "num_labels"
    ]


def test_a_t5_with_a_head_of_its_own_says_what_is_not_counted() -> None:
    (note,) = described(**t5(2048, 64, 5120, 24, 32, **GATED)).apart
    assert f"{32128 * 2048:,} parameters more" in note.text


def test_sides_may_differ() -> None:
    model = described(**bart("BartModel", 64, 2, 128, 4, 100) | {"encoder_layers": 5, "encoder_attention_heads": 8})
    assert sum(layer.repeat for layer in model.encoder if layer.indices) == 5
    assert model.depth == 2
    apart = described(**bart("MarianMTModel", 64, 2, 128, 4, 100, model_type="marian", decoder_vocab_size=80,
                             share_encoder_decoder_embeddings=False))  # fmt: skip
    together = described(**bart("MarianMTModel", 64, 2, 128, 4, 100, model_type="marian"))
    assert apart.parameter_count - together.parameter_count == 80 * 64


def test_the_name_of_an_unnamed_class_is_that_of_the_model_that_generates() -> None:
    assert described(**T5_BASE).has_tied_head
    assert not described(**T5_BASE, architectures=["T5Model"]).has_tied_head


@each(
    ("facts", "named"),
    [
        (bert("BertLMHeadModel", BASE, 30522, is_decoder=True), "is_decoder"),
        (bert("BertModel", (768, 3072, 12, 7), 30522), "num_attention_heads 7"),
        (BERT_BASE | {"architectures": "BertModel"}, "architectures"),
        (deberta(BASE) | {"pos_att_type": ["c2x"], "share_att_key": False}, "pos_att_type"),
        (T5_BASE | {"feed_forward_proj": "gated-gelu-new"}, "feed_forward_proj"),
        (bart("BartForCausalLM", 768, 6, 3072, 12, 50265), "BartForCausalLM"),
        (bart("MarianMTModel", 64, 2, 128, 4, 100, model_type="marian", decoder_vocab_size=80), "vocab_size 80"),
        ({"model_type": "bark", "codec_config": {"target_bandwidths": "24"}}, "codec_config.target_bandwidths"),
        ({"model_type": "voxtral", "text_config": {"num_hidden_layers": 0}}, "text_config.num_hidden_layers"),
    ],
)  # fmt: skip
def test_an_error_names_the_field(facts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(named)):
        described(**facts)


# --- memory and time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [estimate_decode_performance, estimate_end_to_end_performance])
def test_an_encoder_has_no_decode(ask: Any) -> None:
    with pytest.raises(ArgumentError, match="generates no tokens"):
        ask(BERT_BASE, system_name="H100_SXM", batch_size=1, input_tokens=512, output_tokens=16)


def test_an_encoder_takes_as_many_sequences_into_a_step_as_an_engine_does() -> None:
    def activations(batch: int, length: int) -> int:
        return calculate_memory(BERT_BASE, batch, length, precision="bf16").activation_memory_bytes

    assert activations(32, 512) == activations(512, 512) > activations(1, 512)
    # a sequence is never cut
    assert activations(1, 16_384) == 2 * activations(1, 8192)


def test_logits_of_every_token_are_alive_in_a_masked_language_model() -> None:
    masked = calculate_memory(bert("BertForMaskedLM", BASE, 30522), 8, 512, precision="bf16")
    assert masked.activation_memory_bytes >= 8 * 512 * 30522 * 2


@pytest.mark.parametrize(("facts", "tokens"), [(T5_BASE, 512), (WHISPER_V3, 4)])
@pytest.mark.parametrize("batch", [1, 16])
def test_no_phase_beats_the_memory_or_the_peak(facts: dict[str, Any], tokens: int, batch: int) -> None:
    asked: dict[str, Any] = {"system_name": "H100_SXM", "batch_size": batch, "input_tokens": tokens, "bits": "bf16"}
    prefill = estimate_prefill_performance(facts, **asked)
    decode = estimate_decode_performance(facts, **asked, output_tokens=64)
    for phase in (prefill, decode):
        assert 0 < phase.bandwidth_share < 1
        assert 0 < phase.compute_share < 1
    # a step of the decoder reads neither the encoder nor what made the source's keys and values
    model = described(**facts)
    decoder = sum(layer.repeat for layer in model.stack)
    assert decode.latency_ms < prefill.latency_ms
    assert decoder * 2 * model.hidden_size**2 * 2 / 3.35e12 < decode.latency_ms / 1e3


def test_the_encoder_runs_once_for_a_longer_source_takes_longer() -> None:
    def times(tokens: int) -> tuple[float, float]:
        asked: dict[str, Any] = {"system_name": "H100_SXM", "batch_size": 8, "input_tokens": tokens, "bits": "bf16"}
        prefill = estimate_prefill_performance(T5_BASE, **asked).latency_ms
        return prefill, estimate_decode_performance(T5_BASE, **asked, output_tokens=8).latency_ms

    (short, first), (long, last) = times(256), times(1024)
    assert long > 2 * short
    assert first < last < 2 * first


def test_tensor_parallel_encoders_sum_over_the_positions_of_the_source() -> None:
    asked: dict[str, Any] = {"system_name": "H100_SXM", "batch_size": 16, "input_tokens": 512, "bits": "bf16"}
    report = estimate_prefill_performance(t5(1024, 128, 65536, 24, 128), **asked, tensor_parallel=4)
    collective = next(line.value for line in report.breakdown if line.name == "collective")
    sent = 24 * 2 * 16 * 512 * 1024 * 2  # two sums a layer of the encoder
    assert collective > sent / 450e9 * 1e3
