"""Models with towers for images and sounds: published counts, tokens of an image, caches, odd configs."""

from typing import Any

import pytest

from llm_memory_calculator import calculate_memory
from llm_memory_calculator.errors import ConfigError
from llm_memory_calculator.operators import CrossAttention, Linear

from ..rows import each
from .families import described


def sized(hidden: int, width: int, depth: int, heads: int, **more: Any) -> dict[str, Any]:
    """Sizes by the usual names."""
    return {
        "hidden_size": hidden,
        "intermediate_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        **more,
    }


def decoder(model_type: str, *sizes: int, kv: int, vocabulary: int, **more: Any) -> dict[str, Any]:
    hidden, width, depth, heads = sizes
    return {
        "model_type": model_type,
        **sized(hidden, width, depth, heads, num_key_value_heads=kv, vocab_size=vocabulary, **more),
    }


def tower(model_type: str, *sizes: int, image: int, patch: int, **more: Any) -> dict[str, Any]:
    hidden, width, depth, heads = sizes
    return {
        "model_type": model_type,
        **sized(hidden, width, depth, heads, image_size=image, patch_size=patch, **more),
    }


def seeing(model_type: str, text: dict[str, Any], vision: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model_type": model_type, "text_config": text, "vision_config": vision, **more}


def clip_like(model_type: str, shared: int, text: dict[str, Any], vision: dict[str, Any]) -> dict[str, Any]:
    return seeing(model_type, text, vision, projection_dim=shared)


CLIP_336 = tower("clip_vision_model", 1024, 4096, 24, 16, image=336, patch=14)
SO400M = (1152, 4304, 27, 16)
SIGLIP_384 = tower("siglip_vision_model", 1152, 4304, 26, 16, image=384, patch=14, vision_use_head=False)
PIXTRAL = tower("pixtral", 1024, 4096, 24, 16, image=1024, patch=16, head_dim=64)
INTERN = tower(
    "intern_vit_6b", 1024, 4096, 24, 16, image=448, patch=14, qkv_bias=True, qk_normalization=False,
    norm_type="layer_norm",
)  # fmt: skip
SMOL = tower("smolvlm_vision", 768, 3072, 12, 12, image=512, patch=16)
MLLAMA = {
    "attention_heads": 16, "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
    "num_global_layers": 8, "image_size": 560, "patch_size": 14, "max_num_tiles": 4, "vision_output_dim": 7680,
}  # fmt: skip
QWEN3_TOWER = {
    "depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "out_hidden_size": 2048,
    "patch_size": 16, "num_position_embeddings": 2304, "deepstack_visual_indexes": [5, 11, 17],
}  # fmt: skip
MOONLIGHT = decoder(
    "deepseek_v3", 2048, 11264, 27, 16, kv=16, vocabulary=163840, moe_intermediate_size=1408, n_routed_experts=64,
    n_shared_experts=2, num_experts_per_tok=6, first_k_dense_replace=1, kv_lora_rank=512, q_lora_rank=None,
    qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128,
)  # fmt: skip


def qwen2_vl(model_type: str, tied: bool, outputs: int, text: dict[str, Any], **vision: Any) -> dict[str, Any]:
    """The decoder's fields outside any section, as the published configs have them."""
    shape = {"depth": 32, "num_heads": 16, "in_chans": 3, "patch_size": 14, "spatial_merge_size": 2}
    own = {"embed_dim": 1280, "hidden_size": outputs, "mlp_ratio": 4} if model_type == "qwen2_vl" else vision
    return {**text, "model_type": model_type, "tie_word_embeddings": tied, "vision_config": {**shape, **own}}


def gemma3n(width: int, depth: int, shared: int) -> dict[str, Any]:
    text = {"model_type": "gemma3n_text", "intermediate_size": [width] * depth, "num_hidden_layers": depth}
    return seeing("gemma3n", {**text, "num_kv_shared_layers": shared, "sliding_window": 512}, {}, audio_config={})


# The model, its facts, and the parameters of its published checkpoint, which transformers 5.24 builds too where it has
# the family. Checkpoints of Gemma 3n have matrices besides for keys and values that layers take from others.
PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "openai/clip-vit-large-patch14": (
        clip_like(
            "clip", 768, sized(768, 3072, 12, 12, vocab_size=49408, max_position_embeddings=77),
            tower("clip_vision_model", 1024, 4096, 24, 16, image=224, patch=14),
        ),
        427_616_513,
    ),
    "openai/clip-vit-base-patch32": ({"model_type": "clip"}, 151_277_313),
    "google/siglip-so400m-patch14-384": (
        seeing(
            "siglip", sized(*SO400M, vocab_size=32000, max_position_embeddings=64),
            tower("siglip_vision_model", *SO400M, image=384, patch=14),
        ),
        877_960_498,
    ),
    "google/siglip-base-patch16-224": ({"model_type": "siglip"}, 203_155_970),
    "llava-hf/llava-1.5-7b-hf": (
        seeing("llava", {"model_type": "llama", "vocab_size": 32064}, CLIP_336),
        7_063_427_072,
    ),
    "mistral-community/pixtral-12b": (
        seeing(
            "llava", decoder("mistral", 5120, 14336, 40, 32, kv=8, vocabulary=131072, head_dim=128), PIXTRAL,
            vision_feature_layer=-1, vision_feature_select_strategy="full",
        ),
        12_682_739_712,
    ),
    "llava-hf/llava-v1.6-mistral-7b-hf": (
        seeing("llava_next", {"model_type": "mistral", "vocab_size": 32064}, CLIP_336),
        7_566_747_648,
    ),
    "llava-hf/llava-v1.6-vicuna-7b-hf": (
        seeing("llava_next", {"model_type": "llama", "vocab_size": 32064}, CLIP_336),
        7_063_431_168,
    ),
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": (
        seeing(
            "llava_onevision", decoder("qwen2", 896, 4864, 24, 14, kv=2, vocabulary=152000), SIGLIP_384,
            tie_word_embeddings=True,
        ),
        893_675_552,
    ),
    "llava-hf/llava-onevision-qwen2-7b-ov-hf": (
        seeing("llava_onevision", decoder("qwen2", 3584, 18944, 28, 28, kv=4, vocabulary=152128), SIGLIP_384),
        8_030_807_584,
    ),
    "HuggingFaceM4/idefics2-8b": (
        seeing(
            "idefics2", {"model_type": "mistral", "vocab_size": 32003},
            tower("idefics2", *SO400M, image=980, patch=14),
        ),
        8_402_768_112,
    ),
    "HuggingFaceM4/Idefics3-8B-Llama3": (
        seeing(
            "idefics3", decoder("llama", 4096, 14336, 32, 32, kv=8, vocabulary=128259),
            tower("idefics3", *SO400M, image=364, patch=14),
        ),
        8_462_086_384,
    ),
    "HuggingFaceTB/SmolVLM-Instruct": (
        seeing(
            "idefics3", decoder("llama", 2048, 8192, 24, 32, kv=32, vocabulary=49155),
            tower("idefics3", *SO400M, image=384, patch=14), scale_factor=3,
        ),
        2_246_272_880,
    ),
    "HuggingFaceTB/SmolVLM2-256M-Video-Instruct": (
        seeing("smolvlm", decoder("llama", 576, 1536, 30, 9, kv=3, vocabulary=49280), SMOL, scale_factor=4),
        256_484_928,
    ),
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": (
        seeing("smolvlm", decoder("llama", 960, 2560, 32, 15, kv=5, vocabulary=49280), SMOL, scale_factor=4),
        507_482_304,
    ),
    "meta-llama/Llama-3.2-11B-Vision": (seeing("mllama", {}, MLLAMA), 10_670_220_835),
    "meta-llama/Llama-3.2-90B-Vision": (
        seeing(
            "mllama",
            sized(8192, 28672, 100, 64, cross_attention_layers=list(range(3, 100, 5))),
            MLLAMA,
        ),
        88_593_355_323,
    ),
    "Qwen/Qwen2-VL-2B-Instruct": (
        qwen2_vl("qwen2_vl", True, 1536, decoder("", 1536, 8960, 28, 12, kv=2, vocabulary=151936)),
        2_208_985_600,
    ),
    "Qwen/Qwen2-VL-7B-Instruct": (
        qwen2_vl("qwen2_vl", False, 3584, decoder("", 3584, 18944, 28, 28, kv=4, vocabulary=152064)),
        8_291_375_616,
    ),
    "Qwen/Qwen2.5-VL-3B-Instruct": (
        qwen2_vl(
            "qwen2_5_vl", True, 2048, decoder("", 2048, 11008, 36, 16, kv=2, vocabulary=151936),
            hidden_size=1280, intermediate_size=3420, out_hidden_size=2048,
        ),
        3_754_622_976,
    ),
    "Qwen/Qwen2.5-VL-72B-Instruct": (
        qwen2_vl(
            "qwen2_5_vl", False, 8192, decoder("", 8192, 29568, 80, 64, kv=8, vocabulary=152064),
            hidden_size=1280, intermediate_size=3456, out_hidden_size=8192,
        ),
        73_410_777_344,
    ),
    "Qwen/Qwen3-VL-2B-Instruct": (
        seeing(
            "qwen3_vl", decoder("qwen3_vl_text", 2048, 6144, 28, 16, kv=8, vocabulary=151936, head_dim=128),
            QWEN3_TOWER, tie_word_embeddings=True,
        ),
        2_127_532_032,
    ),
    "zai-org/GLM-4.1V-9B-Thinking": ({"model_type": "glm4v"}, 10_292_777_472),
    "moonshotai/Kimi-VL-A3B-Instruct": (seeing("kimi_vl", MOONLIGHT, {}), 16_407_654_384),
    "google/gemma-3n-E2B": (gemma3n(8192, 30, 10), 5_439_438_272 - 10 * (2 * 2048 * 512 + 256)),
    "google/gemma-3n-E4B": (gemma3n(16384, 35, 15), 7_849_978_192 - 15 * (2 * 2048 * 512 + 256)),
    "mistralai/Mistral-Small-3.1-24B-Instruct-2503": (
        seeing(
            "mistral3",
            decoder("mistral", 5120, 32768, 40, 32, kv=8, vocabulary=131072, head_dim=128, sliding_window=None),
            {**PIXTRAL, "image_size": 1540, "patch_size": 14},
        ),
        24_011_361_280,
    ),
    "OpenGVLab/InternVL3-1B": (
        {
            "model_type": "internvl_chat", "vision_config": INTERN, "max_dynamic_patch": 12,
            "llm_config": decoder("qwen2", 896, 4864, 24, 14, kv=2, vocabulary=151674),
        },
        938_193_024,
    ),
    "OpenGVLab/InternVL3-8B": (
        {
            "model_type": "internvl_chat", "vision_config": INTERN, "max_dynamic_patch": 12,
            "llm_config": decoder("qwen2", 3584, 18944, 28, 28, kv=4, vocabulary=151674),
        },
        7_944_373_760,
    ),
    "OpenGVLab/InternVL3-8B-hf": (
        seeing(
            "internvl", decoder("qwen2", 3584, 18944, 28, 28, kv=4, vocabulary=151674),
            {"attention_bias": True, "image_size": [448, 448], "patch_size": [14, 14]},
        ),
        7_944_373_760,
    ),
    "google/paligemma-3b-pt-224": (
        seeing(
            "paligemma", decoder("gemma", 2048, 16384, 18, 8, kv=1, vocabulary=257216),
            tower("siglip_vision_model", *SO400M, image=224, patch=14, vision_use_head=False),
        ),
        2_923_466_480,
    ),
    "google/paligemma2-3b-pt-224": (
        seeing(
            "paligemma", decoder("gemma2", 2304, 9216, 26, 8, kv=4, vocabulary=257216),
            tower("siglip_vision_model", *SO400M, image=224, patch=14, vision_use_head=False),
        ),
        3_032_242_416,
    ),
    "microsoft/Phi-3.5-vision-instruct": (
        decoder("phi3_v", 3072, 8192, 32, 32, kv=32, vocabulary=32064),
        4_146_621_440,
    ),
    "microsoft/Phi-4-multimodal-instruct": (
        decoder("phi4mm", 3072, 8192, 32, 24, kv=8, vocabulary=200064, tie_word_embeddings=True),
        5_574_460_384,
    ),
}  # fmt: skip
# Counted by transformers 5.24 on the meta device alone.
BUILT: dict[str, tuple[dict[str, Any], int]] = {
    "blip-2 of an OPT-2.7B": (
        seeing(
            "blip-2",
            {"model_type": "opt", "ffn_dim": 10240, "word_embed_proj_dim": 2560, **sized(2560, 0, 32, 32)},
            {},
        ),
        3_744_679_936,
    ),
    "instructblip": ({"model_type": "instructblip"}, 1_297_466_112),
    "siglip2": ({"model_type": "siglip2"}, 203_202_050),
    "phi4_multimodal": (
        decoder("phi4_multimodal", 3072, 8192, 32, 24, kv=8, vocabulary=200064, tie_word_embeddings=True),
        4_744_004_032,
    ),
    "cohere2_vision": ({"model_type": "cohere2_vision"}, 35_651_000_064),
    "minimax_m3_vl": ({"model_type": "minimax_m3_vl"}, 448_052_008_448),
    "qwen3_5": ({"model_type": "qwen3_5"}, 9_407_453_936),
    "qwen3_5_moe": ({"model_type": "qwen3_5_moe"}, 35_114_261_360),
    "qwen3_vl_moe": ({"model_type": "qwen3_vl_moe"}, 14_052_070_640),
    "idefics": ({"model_type": "idefics"}, 12_670_461_504),
    "glm46v": ({"model_type": "glm46v"}, 10_292_777_472),
    "aya_vision": (
        seeing(
            "aya_vision", decoder("cohere2", 4096, 14336, 32, 32, kv=8, vocabulary=256000),
            tower("siglip_vision_model", *SO400M, image=364, patch=14, vision_use_head=False),
            alignment_intermediate_size=28672,
        ),
        8_631_842_032,
    ),
}  # fmt: skip


@each("model", PUBLISHED)
def test_count_is_the_published_one(model: str) -> None:
    facts, parameters = PUBLISHED[model]
    assert described(**facts).parameter_count == parameters


@each("family", BUILT)
def test_count_is_that_of_the_reference_implementation(family: str) -> None:
    facts, parameters = BUILT[family]
    assert described(**facts).parameter_count == parameters


# The model, an image's height and width, and what its processor makes of it: positions in the tower, tokens in the
# prompt. By the processors of transformers 5.24 with the settings of the published preprocessor configs.
SEEN = [
    ("llava-hf/llava-1.5-7b-hf", 1024, 768, 577, 576),
    ("llava-hf/llava-v1.6-mistral-7b-hf", 672, 672, 5 * 577, 2928),
    ("llava-hf/llava-v1.6-mistral-7b-hf", 336, 1000, 4 * 577, 2328),
    ("llava-hf/llava-onevision-qwen2-7b-ov-hf", 1024, 1024, 10 * 729, 7371),
    ("mistral-community/pixtral-12b", 1024, 1024, 64 * 64, 64 * 65),
    ("mistral-community/pixtral-12b", 512, 2048, 16 * 64, 16 * 65),
    ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", 1540, 1540, 110 * 110, 55 * 56),
    ("Qwen/Qwen2-VL-7B-Instruct", 1024, 1024, 4 * 1369, 1369),
    ("Qwen/Qwen2-VL-7B-Instruct", 10, 10, 16, 4),
    ("Qwen/Qwen2-VL-7B-Instruct", 10_000, 10_000, 4 * 127**2, 127**2),
    ("Qwen/Qwen3-VL-2B-Instruct", 1024, 1024, 4096, 1024),
    ("zai-org/GLM-4.1V-9B-Thinking", 1024, 1024, 4 * 1369, 1369),
    ("zai-org/GLM-4.1V-9B-Thinking", 4000, 4000, 4 * 6084, 6084),
    ("moonshotai/Kimi-VL-A3B-Instruct", 1024, 1024, 4 * 1089, 1089),
    ("OpenGVLab/InternVL3-8B", 448, 448, 1025, 258),
    ("OpenGVLab/InternVL3-8B", 1024, 1024, 10 * 1025, 10 * 256 + 2),
    ("OpenGVLab/InternVL3-8B-hf", 896, 448, 3 * 1025, 3 * 256 + 2),
    ("HuggingFaceM4/idefics2-8b", 980, 980, 4900 + 4 * 1225, 320),
    ("HuggingFaceM4/Idefics3-8B-Llama3", 364, 364, 17 * 676, 4 * (4 * 171 + 1) + 172),
    ("HuggingFaceTB/SmolVLM-Instruct", 1024, 1024, 17 * 729, 4 * (4 * 83 + 1) + 84),
    ("HuggingFaceTB/SmolVLM2-256M-Video-Instruct", 512, 1024, 9 * 1024, 2 * (4 * 66 + 1) + 67),
    ("meta-llama/Llama-3.2-11B-Vision", 560, 560, 4 * 1608, 1),
    ("google/gemma-3n-E4B", 768, 768, 384 * 384, 256),
    ("google/paligemma-3b-pt-224", 640, 480, 256, 256),
    ("microsoft/Phi-3.5-vision-instruct", 1344, 1344, 5 * 577, 757),
    ("microsoft/Phi-3.5-vision-instruct", 1344, 400, 4 * 577, 625),
    ("microsoft/Phi-4-multimodal-instruct", 1024, 1024, 10 * 1024, 2625),
    ("microsoft/Phi-4-multimodal-instruct", 3000, 4000, 13 * 1024, 3393),
    # the processors' own arithmetic on sides that are not equal, lying and standing
    ("Qwen/Qwen2-VL-7B-Instruct", 1080, 1920, 4 * 39 * 69, 39 * 69),
    ("Qwen/Qwen2-VL-7B-Instruct", 2000, 300, 4 * 71 * 11, 71 * 11),
    ("Qwen/Qwen3-VL-2B-Instruct", 1080, 1920, 4 * 34 * 60, 34 * 60),
    ("zai-org/GLM-4.1V-9B-Thinking", 768, 1024, 4 * 27 * 37, 27 * 37),
    ("moonshotai/Kimi-VL-A3B-Instruct", 1080, 1920, 4 * 1032, 1032),
    ("mistral-community/pixtral-12b", 768, 1024, 48 * 64, 48 * 65),
    ("mistral-community/pixtral-12b", 2000, 300, 64 * 10, 64 * 11),
    ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", 1080, 1920, 4 * 31 * 55, 31 * 56),
    ("llava-hf/llava-v1.6-mistral-7b-hf", 1080, 1920, 5 * 577, 1948),
    ("llava-hf/llava-v1.6-mistral-7b-hf", 2000, 300, 4 * 577, 1368),
    ("llava-hf/llava-onevision-qwen2-7b-ov-hf", 768, 1024, 7 * 729, 4725),
    ("OpenGVLab/InternVL3-8B", 1080, 1920, 9 * 1025, 9 * 256 + 2),
    ("OpenGVLab/InternVL3-8B", 2000, 300, 8 * 1025, 8 * 256 + 2),
    ("HuggingFaceM4/idefics2-8b", 1358, 2628, 36 * 70 + 4 * (36 * 70), 320),
    ("HuggingFaceM4/Idefics3-8B-Llama3", 768, 1024, 13 * 676, 3 * (4 * 171 + 1) + 172),
    ("HuggingFaceTB/SmolVLM2-256M-Video-Instruct", 2000, 300, 5 * 1024, 4 * (66 + 1) + 67),
    ("microsoft/Phi-4-multimodal-instruct", 1080, 1920, 16 * 1024, 3918),
    ("microsoft/Phi-4-multimodal-instruct", 2000, 300, 6 * 1024, 1313),
]


@each(("model", "height", "width", "positions", "tokens"), SEEN)
def test_an_image_is_as_many_tokens_as_its_processor_makes(
    model: str, height: int, width: int, positions: int, tokens: int
) -> None:
    images = described(**PUBLISHED[model][0]).images
    assert images is not None
    found = images.size(height, width)
    assert (found.positions, found.tokens) == (positions, tokens)


def test_command_a_vision_takes_the_grid_that_enlarges_an_image_least() -> None:
    images = described(model_type="cohere2_vision").images
    assert images is not None
    # two tiles and the whole, each 256 tokens and a line break, between two marks
    assert images.size(500, 1000).tokens == 2 + 3 * 257


def test_gemma_3_pools_an_image_to_256_tokens_whatever_its_size() -> None:
    vision = tower("siglip_vision_model", *SO400M, image=896, patch=14, vision_use_head=False)
    images = described(**seeing("gemma3", {"sliding_window": 1024}, vision)).images
    assert images is not None
    assert images.size(300, 4000) == (4096, 256, 0)


def test_llama_3_2_vision_caches_the_positions_of_an_image_in_its_cross_attention_alone() -> None:
    model = described(**PUBLISHED["meta-llama/Llama-3.2-90B-Vision"][0])
    assert model.images is not None
    attended = model.images.size(560, 560).attended
    assert attended == 4 * 1601
    crossing = [
        layer.repeat
        for layer in model.stack
        if any(isinstance(operator, CrossAttention) for operator in layer.operators)
    ]
    assert crossing == [20]
    # 80 layers keep the text, 8 KV heads of 128 values
    assert model.cached_values(1024) == 80 * 1024 * 2 * 8 * 128
    assert model.cached_values(1024, attended) - model.cached_values(1024) == 20 * 4 * 1601 * 2 * 8 * 128


def test_idefics_attends_64_latents_of_an_image() -> None:
    model = described(model_type="idefics", use_resampler=True, cross_layer_interval=4)
    assert model.images is not None
    assert model.images.size(500, 500).attended == 64
    assert model.cached_values(10, 64) - model.cached_values(10) == 8 * 64 * 2 * 4096
    without = described(model_type="idefics").images
    assert without is not None
    assert without.size(500, 500).attended == 257


def test_gemma_3n_keeps_keys_and_values_of_the_layers_that_have_their_own() -> None:
    model = described(**PUBLISHED["google/gemma-3n-E4B"][0])
    # of 20 such layers, four are full and sixteen keep a window of 512 tokens; 2 KV heads of 256 values
    assert model.cached_values(4096) == (4 * 4096 + 16 * 512) * 2 * 2 * 256


def test_minimax_m3_caches_the_key_of_its_indexer_beside_keys_and_values() -> None:
    sparse = ["minimax_m3_sparse"] * 57
    model = described(
        model_type="minimax_m3_vl",
        text_config={
            "layer_types": ["full_attention"] * 3 + sparse,
            "mlp_layer_types": ["dense"] * 3 + ["sparse"] * 57,
        },
    )
    assert model.parameter_count == 427_040_132_864
    assert model.active_parameter_count == 26_828_033_792
    assert model.cached_values(1024) * 2 == 140_771_328


def test_qwen3_vl_feeds_early_layers_by_mergers_of_their_own_and_qwen3_5_does_not() -> None:
    paths = {layer.path for layer in described(model_type="qwen3_vl").towers}
    assert "model.visual.deepstack_merger_list.{index}" in paths
    assert not any("deepstack" in layer.path for layer in described(model_type="qwen3_5").towers)


@pytest.mark.parametrize(
    ("model", "table", "layer", "head"),
    [
        (
            "llava-hf/llava-1.5-7b-hf",
            "language_model.model.embed_tokens",
            "language_model.model.layers.{index}",
            "language_model.lm_head",
        ),
        (
            "Qwen/Qwen3-VL-2B-Instruct",
            "model.language_model.embed_tokens",
            "model.language_model.layers.{index}",
            "lm_head",
        ),
        ("Qwen/Qwen2.5-VL-3B-Instruct", "model.embed_tokens", "model.layers.{index}", "lm_head"),
        ("HuggingFaceM4/idefics2-8b", "model.text_model.embed_tokens", "model.text_model.layers.{index}", "lm_head"),
    ],
)
def test_the_decoder_stands_where_its_checkpoint_keeps_it(model: str, table: str, layer: str, head: str) -> None:
    found = described(**PUBLISHED[model][0])
    assert found.first.operators[0].name == table
    assert found.stack[0].path == layer
    assert found.last.operators[-1].name == head


@each("model", PUBLISHED)
def test_matrices_of_a_tower_are_not_those_that_a_quantiser_takes(model: str) -> None:
    towers = described(**PUBLISHED[model][0]).towers
    assert towers
    assert {operator.role for layer in towers for operator in layer.operators if isinstance(operator, Linear)} <= {
        "tower"
    }


@each("model", PUBLISHED)
def test_no_sound_runs_through_what_sees(model: str) -> None:
    heard = [layer for layer in described(**PUBLISHED[model][0]).towers if layer.of_sound]
    assert bool(heard) == ("gemma-3n" in model or "Phi-4" in model)


def test_images_take_memory_by_their_size_beside_a_quantised_decoder() -> None:
    config = PUBLISHED["Qwen/Qwen2-VL-7B-Instruct"][0]
    small = calculate_memory(config, 1, 8192, precision="int4", num_images=2, image_resolution=336)
    large = calculate_memory(config, 1, 8192, precision="int4", num_images=2, image_resolution=1024)
    none = calculate_memory(config, 1, 8192, precision="int4")
    assert none.image_memory_bytes == 0 < small.image_memory_bytes < large.image_memory_bytes
    assert none.kv_cache_bytes == large.kv_cache_bytes
    # the tower, the table and the head keep 16 bits
    assert none.weight_memory_bytes > 2 * (675_759_104 + 2 * 152_064 * 3584)


def test_a_head_is_tied_where_the_section_or_the_whole_config_says_so() -> None:
    text = {"model_type": "llama", **sized(64, 96, 2, 4, vocab_size=100)}
    untied = described(**seeing("llava", text, CLIP_336)).parameter_count
    tied = {**text, "tie_word_embeddings": True}
    inside = described(**seeing("llava", tied, CLIP_336)).parameter_count
    outside = described(**seeing("llava", text, CLIP_336, tie_word_embeddings=True)).parameter_count
    both = described(**seeing("llava", tied, CLIP_336, tie_word_embeddings=False)).parameter_count
    assert untied - inside == untied - outside == untied - both == 6400


def test_the_whole_config_says_whether_the_head_of_a_qwen3_vl_is_tied() -> None:
    text = decoder("qwen3_vl_text", 64, 96, 2, 4, kv=2, vocabulary=100, head_dim=16, tie_word_embeddings=True)
    tied, untied = (
        described(**seeing("qwen3_vl", text, QWEN3_TOWER, **outside)).parameter_count
        for outside in ({}, {"tie_word_embeddings": False})
    )
    assert untied - tied == 6400


def test_several_layers_of_a_tower_widen_the_projector() -> None:
    text = {"model_type": "llama", **sized(64, 96, 2, 4, vocab_size=100)}
    one, two = (
        described(**seeing("llava", text, CLIP_336, vision_feature_layer=layers)).parameter_count
        for layers in (-2, [-2, -5])
    )
    assert two - one == 1024 * 64


def test_a_decoders_null_stays_null_and_what_it_leaves_out_is_noted() -> None:
    model = described(**seeing("llava_next", {"model_type": "mistral", "sliding_window": None}, CLIP_336))
    assert model.cached_values(100_000) == 100_000 * 32 * 2 * 8 * 128
    assert any(note.subject == "text_config.hidden_size" and "4096" in note.text for note in model.notes)


@each(
    ("facts", "named"),
    [
        (seeing("llava", {}, {"model_type": "vit"}), "vision_config.model_type"),
        (seeing("llava_next", {}, CLIP_336, image_grid_pinpoints=[[336]]), "image_grid_pinpoints"),
        (seeing("llava_next", {}, CLIP_336, image_grid_pinpoints="all"), "image_grid_pinpoints"),
        (seeing("llava_onevision", {}, SIGLIP_384, vision_aspect_ratio="pad"), "vision_aspect_ratio"),
        (seeing("llava", {"model_type": "clip"}, CLIP_336), "text_config"),
        (seeing("llava", "llama", CLIP_336), "text_config"),  # type: ignore[arg-type]
        (seeing("mllama", {"cross_attention_layers": [3, 40]}, {}), "cross_attention_layers"),
        (seeing("mllama", {"cross_attention_layers": "all"}, {}), "cross_attention_layers"),
        (seeing("kimi_vl", MOONLIGHT, {"merge_kernel_size": [2, 3]}), "merge_kernel_size"),
        ({"model_type": "internvl_chat", "vision_config": INTERN, "llm_config": []}, "llm_config"),
        (seeing("siglip", {}, {"hidden_size": 770}), "hidden_size"),
        (seeing("minimax_m3_vl", {"layer_types": ["sparse"] * 60}, {}), "layer_types"),
        (seeing("gemma3n", {"num_kv_shared_layers": 35}, {}), "num_kv_shared_layers"),
    ],
)
def test_a_config_that_contradicts_itself_is_refused(facts: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        described(**facts)
