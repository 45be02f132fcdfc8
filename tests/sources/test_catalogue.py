"""The catalogue of models against what was published of them: counts, lengths, stored sizes; and its names."""

from __future__ import annotations

import difflib
from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from llm_memory_calculator import calculate_memory, inspect_model, load_model
from llm_memory_calculator.sources import catalogue, catalogue_entries
from llm_memory_calculator.sources.name_words import is_near

from ..rows import each

# Parameters that the hub says of the checkpoint's safetensors, a tied head once.
HUB = {
    "Qwen/Qwen2.5-14B-Instruct-1M": 14_770_033_664,
    "Qwen/Qwen3-Embedding-0.6B": 595_776_512,
    "Qwen/Qwen3-Embedding-4B": 4_021_774_336,
    "Qwen/Qwen3-Embedding-8B": 7_567_295_488,  # stored without the head that its config names
    "Qwen/Qwen3-Reranker-4B": 4_021_784_576,
    "Qwen/Qwen3-Reranker-8B": 8_188_548_096,
    "mistralai/Ministral-3-8B-Instruct-2512-BF16": 8_918_026_240,
    "CohereLabs/c4ai-command-r-08-2024": 32_296_476_672,
    "CohereLabs/c4ai-command-a-03-2025": 111_057_580_032,
    "ibm-granite/granite-3.1-2b-instruct": 2_533_531_648,
    "ibm-granite/granite-3.3-8b-instruct": 8_170_864_640,
    "ibm-granite/granite-vision-3.2-2b": 2_975_396_928,
    "microsoft/phi-1_5": 1_418_270_720,
    "moonshotai/Kimi-Dev-72B": 72_706_203_648,
    "upstage/SOLAR-10.7B-v1.0": 10_731_524_096,
    "tiiuae/Falcon3-7B-Base": 7_455_550_464,
    "tiiuae/Falcon-H1-34B-Instruct": 33_642_516_224,
    "LGAI-EXAONE/EXAONE-3.5-2.4B-Instruct": 2_405_327_360,
    "LGAI-EXAONE/EXAONE-4.0-1.2B": 1_279_391_488,
    "allenai/OLMo-2-0425-1B": 1_484_916_736,
    "allenai/OLMo-2-0325-32B-Instruct": 32_234_279_936,
    "bigcode/starcoder2-3b": 3_030_371_328,
    "stabilityai/stablelm-2-1_6b": 1_644_515_328,
    "internlm/internlm2-20b": 19_861_149_696,
    "baichuan-inc/Baichuan2-13B-Chat": 13_896_668_160,
    "tencent/Hunyuan-1.8B-Instruct": 1_791_080_448,
    "facebook/opt-13b": 12_853_473_280,
    "EleutherAI/gpt-neo-1.3B": 1_315_575_808,
    "google/embeddinggemma-300m": 302_863_104,
    "intfloat/e5-mistral-7b-instruct": 7_110_660_096,
    "google-bert/bert-base-chinese": 102_290_312,
    "dslim/bert-base-NER": 107_726_601,
    "ProsusAI/finbert": 109_484_547,
    "cardiffnlp/twitter-roberta-base-sentiment-latest": 124_647_939,
    "cross-encoder/ms-marco-MiniLM-L6-v2": 22_713_601,
    "cross-encoder/nli-deberta-v3-base": 184_424_451,
    "BAAI/bge-reranker-base": 278_044_417,
    "sentence-transformers/LaBSE": 470_926_848,
    "sshleifer/distilbart-cnn-12-6": 305_510_400,
    "SamLowe/roberta-base-go_emotions": 124_667_164,
    "papluca/xlm-roberta-base-language-detection": 278_059_028,
    "joeddav/xlm-roberta-large-xnli": 559_893_507,
    "deepset/roberta-base-squad2": 124_056_578,
    "dbmdz/bert-large-cased-finetuned-conll03-english": 332_538_889,
    "meta-llama/Prompt-Guard-86M": 278_811_651,
    "allenai/scibert_scivocab_uncased": 109_918_464,
    "Salesforce/codet5-base": 222_882_048,
    "facebook/blenderbot_small-90M": 87_508_992,
    "EleutherAI/polyglot-ko-5.8b": 5_885_059_072,
    "laion/CLIP-ViT-H-14-laion2B-s32B-b79K": 986_109_441,
    "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k": 2_539_567_105,
    "google/siglip-large-patch16-256": 652_150_786,
    "google/siglip2-base-patch16-224": 375_187_970,
    "google/siglip2-so400m-patch14-384": 1_136_008_498,
    "OpenGVLab/InternVL2-1B": 938_158_976,
    "OpenGVLab/InternVL2-26B": 25_514_186_112,
    "OpenGVLab/InternVL2_5-8B": 8_075_365_376,
    "OpenGVLab/InternVL3-2B": 2_088_957_440,
    "OpenGVLab/InternVL3_5-8B": 8_528_318_464,
}
# Parameters of Keras's presets of the same checkpoints.
KERAS = {
    "Qwen/Qwen3.5-0.8B": 852_985_920,
    "Qwen/Qwen3.5-2B": 2_213_241_664,
    "Qwen/Qwen3.5-4B": 4_539_265_536,
    "Qwen/Qwen3.5-9B": 9_409_813_744,
    "Qwen/Qwen3.8-27B": 27_356_728_560,
    "bigscience/bloom-560m": 559_214_592,
    "bigscience/bloom-1b1": 1_065_314_304,
    "bigscience/bloom-1b7": 1_722_408_960,
    "bigscience/bloomz-3b": 3_002_557_440,
    "google/medgemma-4b-it": 4_300_079_472,
    "google/medgemma-27b-text-it": 27_009_002_240,
    "google/vaultgemma-1b": 1_038_741_120,
    "mistralai/Magistral-Small-2506": 23_572_403_200,
    "microsoft/deberta-v3-xsmall": 70_682_112,
    "microsoft/mdeberta-v3-base": 278_218_752,
    "BAAI/bge-small-zh-v1.5": 23_953_920,
    "BAAI/bge-base-zh-v1.5": 102_267_648,
    "BAAI/bge-large-zh-v1.5": 325_522_432,
    "openai/whisper-small.en": 241_734_144,
    "openai/whisper-medium.en": 763_856_896,
    "tiiuae/falcon-rw-1b": 1_311_625_216,
}
# Parameters as Pythia's own table has them.
PYTHIA = {
    "EleutherAI/pythia-70m": 70_426_624,
    "EleutherAI/pythia-160m": 162_322_944,
    "EleutherAI/pythia-410m": 405_334_016,
    "EleutherAI/pythia-1b": 1_011_781_632,
    "EleutherAI/pythia-1.4b": 1_414_647_808,
    "EleutherAI/pythia-2.8b": 2_775_208_960,
    "EleutherAI/pythia-6.9b": 6_857_302_016,
    "EleutherAI/pythia-12b-deduped": 11_846_072_320,
}
# Tokens that the repositories' configs state.
LENGTHS = {
    "Qwen/Qwen3.5-9B": 262_144,
    "Qwen/Qwen2.5-7B-Instruct-1M": 1_010_000,
    "Qwen/Qwen3-Embedding-0.6B": 32_768,
    "Qwen/Qwen3-Embedding-8B": 40_960,
    "MiniMaxAI/MiniMax-M2.5": 196_608,
    "MiniMaxAI/MiniMax-M2.7": 204_800,
    "zai-org/GLM-5.1": 202_752,
    "zai-org/GLM-5.2": 1_048_576,
    "zai-org/GLM-4.6": 202_752,
    "CohereLabs/c4ai-command-r-v01": 131_072,  # in model_max_length; max_position_embeddings is 8,192
    "CohereLabs/c4ai-command-r-plus": 131_072,
    "CohereLabs/c4ai-command-r7b-12-2024": 132_096,
    "CohereLabs/aya-23-8B": 8192,
    "mistralai/Ministral-3-14B-Instruct-2512": 262_144,
    "mistralai/Devstral-Small-2-24B-Instruct-2512": 393_216,
    "ibm-granite/granite-3.0-8b-instruct": 4096,
    "ibm-granite/granite-3.1-8b-instruct": 131_072,
    "ibm-granite/granite-4.0-h-350m": 32_768,
    "ibm-granite/granite-4.0-h-1b": 131_072,
    "allenai/Olmo-3.1-32B-Instruct": 65_536,
    "moonshotai/Kimi-K2-Instruct": 131_072,
    "tiiuae/Falcon-H1-7B-Instruct": 262_144,
    "bigscience/bloomz-7b1": 2048,
}
# Gigabytes of the repository's files, of quantised ones.
STORED = {
    "Qwen/Qwen2.5-VL-3B-Instruct-AWQ": 3.4,
    "Qwen/Qwen2.5-VL-7B-Instruct-AWQ": 6.9,
    "mistralai/Ministral-3-8B-Instruct-2512": 10.4,
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4": 19.3,
    "nvidia/Qwen3-235B-A22B-NVFP4": 134.1,
    "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-NVFP4": 310.5,
    "nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-FP8": 550.4,
}


@each(("model", "parameters"), [*HUB.items(), *KERAS.items(), *PYTHIA.items()])
def test_a_model_has_its_published_count(model: str, parameters: int) -> None:
    assert inspect_model(model).parameter_count == parameters


@each(("model", "tokens"), LENGTHS.items())
def test_a_model_has_the_length_of_its_config(model: str, tokens: int) -> None:
    assert load_model(model).architecture.max_length == tokens


@pytest.mark.parametrize(("model", "gigabytes"), STORED.items())
def test_a_quantised_repository_has_the_size_of_its_files(model: str, gigabytes: float) -> None:
    assert round(calculate_memory(model, seq_length=1024).weight_memory_bytes / 1e9, 1) == gigabytes


def test_a_checkpoint_in_float32_is_told_from_its_twin_in_16_bits() -> None:
    base, tuned = (load_model(f"allenai/OLMo-2-0425-1B{suffix}").architecture for suffix in ("", "-Instruct"))
    assert (base.dtype, tuned.dtype) == ("float32", "bfloat16")


def test_every_name_means_one_model() -> None:
    pairs = {(name.lower(), id) for id, entry in catalogue_entries().items() for name in (id, *entry["names"])}
    names = Counter(name for name, _ in pairs)
    assert [name for name, times in names.items() if times > 1] == []


def test_entries_stand_in_alphabetical_order() -> None:
    assert list(catalogue_entries()) == sorted(catalogue_entries(), key=str.lower)


def test_every_entry_has_the_same_fields_and_says_where_its_config_is_from() -> None:
    for id, entry in catalogue_entries().items():
        assert set(entry) == {"names", "parameters", "source", "config"}, id
        assert entry["source"].startswith("https://huggingface.co/"), id


@settings(deadline=None)
@given(st.data())
def test_families_that_are_not_compared_could_not_have_been_the_nearest(data: st.DataObject) -> None:
    families = sorted({one.family for one in catalogue.spellings()})
    word = data.draw(st.sampled_from(families))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(word)))
        word = word[:at] + data.draw(st.sampled_from(["", "a", "q", "z", "ß", "ll"])) + word[at + 1 :]
    assert catalogue._alike(word) == difflib.get_close_matches(word, families, n=2, cutoff=0.75)
    assert set(catalogue._misspelt(word)) == {family for family in families if is_near(word, family)}
