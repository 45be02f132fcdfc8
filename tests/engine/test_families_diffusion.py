"""Models that make images against diffusers 0.42.1 and transformers 5.24 on the meta device, and pipelines of them."""

from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import calculate_memory, load_model, max_batch_size
from llm_memory_calculator.errors import ConfigError, LayoutError, UnsupportedModelError

from ..rows import each
from .families import described, write_pipeline

CROSS_DOWN, CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
SIMPLE_DOWN, SIMPLE_UP = "SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D"
RESNET_DOWN, RESNET_UP = "ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"
UNET = {"_class_name": "UNet2DConditionModel"}
SD_15 = {**UNET, "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
SD_21 = {
    **UNET, "sample_size": 96, "cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20],
    "use_linear_projection": True,
}  # fmt: skip
SDXL = {
    **UNET, "sample_size": 128, "cross_attention_dim": 2048, "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", CROSS_DOWN, CROSS_DOWN],
    "up_block_types": [CROSS_UP, CROSS_UP, "UpBlock2D"], "attention_head_dim": [5, 10, 20],
    "transformer_layers_per_block": [1, 2, 10], "use_linear_projection": True, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
}  # fmt: skip
SSD_1B = {
    **SDXL, "transformer_layers_per_block": [1, [2, 2], [4, 4]], "mid_block_type": None,
    "reverse_transformer_layers_per_block": [[4, 4, 10], [2, 1, 1], 1],
}  # fmt: skip
UPSCALER = {
    **UNET, "block_out_channels": [256, 512, 512, 1024], "cross_attention_dim": 1024, "in_channels": 7,
    "down_block_types": ["DownBlock2D", *[CROSS_DOWN] * 3], "up_block_types": [*[CROSS_UP] * 3, "UpBlock2D"],
    "num_class_embeds": 1000, "only_cross_attention": [True, True, True, False], "use_linear_projection": True,
}  # fmt: skip
KANDINSKY = {
    **UNET, "block_out_channels": [384, 768, 1152, 1536], "attention_head_dim": 64, "cross_attention_dim": 768,
    "down_block_types": [RESNET_DOWN, *[SIMPLE_DOWN] * 3], "up_block_types": [*[SIMPLE_UP] * 3, RESNET_UP],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn", "layers_per_block": 3, "out_channels": 8,
    "resnet_time_scale_shift": "scale_shift", "encoder_hid_dim": 1280, "encoder_hid_dim_type": "image_proj",
    "addition_embed_type": "image", "sample_size": 64,
}  # fmt: skip
KARLO = {
    **KANDINSKY, "block_out_channels": [320, 640, 960, 1280], "cross_attention_dim": 1536, "in_channels": 3,
    "out_channels": 6, "class_embed_type": "identity", "encoder_hid_dim": None, "encoder_hid_dim_type": None,
    "addition_embed_type": None,
}  # fmt: skip
FLOYD = {
    **KARLO, "block_out_channels": [704, 1408, 2112, 2816], "cross_attention_dim": 2816, "encoder_hid_dim": 4096,
    "class_embed_type": None, "addition_embed_type": "text", "cross_attention_norm": "group_norm",
}  # fmt: skip
ENLARGER = {
    "_class_name": "UNet2DModel", "add_attention": False, "block_out_channels": [320, 640, 960, 1280],
    "down_block_types": [RESNET_DOWN] * 4, "up_block_types": [RESNET_UP] * 4, "in_channels": 6, "out_channels": 6,
    "layers_per_block": 3, "resnet_time_scale_shift": "scale_shift", "sample_size": 256,
}  # fmt: skip
AUTOENCODER = {
    "_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
}  # fmt: skip
AUTOENCODER_16 = {
    **AUTOENCODER, "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False,
}  # fmt: skip
MOVQ = {
    "_class_name": "VQModel", "block_out_channels": [128, 256, 256, 512], "layers_per_block": 2, "latent_channels": 4,
    "down_block_types": [*["DownEncoderBlock2D"] * 3, "AttnDownEncoderBlock2D"], "norm_type": "spatial",
    "up_block_types": ["AttnUpDecoderBlock2D", *["UpDecoderBlock2D"] * 3], "vq_embed_dim": 4,
    "num_vq_embeddings": 16384,
}  # fmt: skip
CLIP_L = {
    "model_type": "clip_text_model", "architectures": ["CLIPTextModel"], "hidden_size": 768,
    "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12, "projection_dim": 768,
}  # fmt: skip
CLIP_G = {
    "model_type": "clip_text_model", "architectures": ["CLIPTextModelWithProjection"], "hidden_size": 1280,
    "intermediate_size": 5120, "num_attention_heads": 20, "num_hidden_layers": 32, "projection_dim": 1280,
}  # fmt: skip
CLIP_G_IMAGES = {
    "model_type": "clip_vision_model", "architectures": ["CLIPVisionModelWithProjection"], "hidden_size": 1664,
    "intermediate_size": 8192, "num_attention_heads": 16, "num_hidden_layers": 48, "projection_dim": 1280,
    "patch_size": 14,
}  # fmt: skip
T5_XXL = {
    "model_type": "t5", "architectures": ["T5EncoderModel"], "d_model": 4096, "d_ff": 10240, "num_heads": 64,
    "num_layers": 24, "feed_forward_proj": "gated-gelu", "vocab_size": 32128,
}  # fmt: skip
SD_3 = {
    "_class_name": "SD3Transformer2DModel", "num_layers": 24, "num_attention_heads": 24,
    "caption_projection_dim": 1536, "sample_size": 128,
}  # fmt: skip
SD_35_MEDIUM = {**SD_3, "qk_norm": "rms_norm", "dual_attention_layers": list(range(13))}
SD_35_LARGE = {
    **SD_3, "num_layers": 38, "num_attention_heads": 38, "caption_projection_dim": 2432, "qk_norm": "rms_norm",
}  # fmt: skip
FLUX = {"_class_name": "FluxTransformer2DModel", "guidance_embeds": True}
PIXART = {"_class_name": "PixArtTransformer2DModel", "caption_channels": 4096, "use_additional_conditions": False}
PIXART_ALPHA = {
    "_class_name": "Transformer2DModel", "norm_type": "ada_norm_single", "patch_size": 2, "caption_channels": 4096,
    "sample_size": 128,
}  # fmt: skip
TEXT_PROJECTION = {"_class_name": "UnCLIPTextProjModel", "time_embed_dim": 1280, "cross_attention_dim": 1536}
PRIOR = {"_class_name": "PriorTransformer", "embedding_dim": 1280}

CONTROLNET = {
    "_class_name": "ControlNetModel", "cross_attention_dim": 768, "attention_head_dim": 8,
    "block_out_channels": [320, 640, 1280, 1280], "down_block_types": [*[CROSS_DOWN] * 3, "DownBlock2D"],
}  # fmt: skip
CONTROLNET_XL = {
    **{field: value for field, value in SDXL.items() if field != "up_block_types"}, "_class_name": "ControlNetModel",
}  # fmt: skip
CONTROLNET_FLUX = {"_class_name": "FluxControlNetModel", "guidance_embeds": True, "num_layers": 5}
CASCADE_BLOCKS = ["SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock"]
CASCADE_PRIOR = {
    "_class_name": "StableCascadeUNet", "block_out_channels": [2048, 2048], "clip_image_in_channels": 768,
    "block_types_per_layer": [CASCADE_BLOCKS] * 2, "clip_text_in_channels": 1280, "conditioning_dim": 2048,
    "down_num_layers_per_block": [8, 24], "up_num_layers_per_block": [24, 8], "num_attention_heads": [32, 32],
    "in_channels": 16, "out_channels": 16, "switch_level": [False], "timestep_conditioning_type": ["sca", "crp"],
}  # fmt: skip
CASCADE_DECODER = {
    "_class_name": "StableCascadeUNet", "block_out_channels": [320, 640, 1280, 1280], "conditioning_dim": 1280,
    "block_types_per_layer": [*[CASCADE_BLOCKS[:2]] * 2, *[CASCADE_BLOCKS] * 2], "effnet_in_channels": 16,
    "down_num_layers_per_block": [2, 6, 28, 6], "up_num_layers_per_block": [6, 28, 6, 2], "in_channels": 4,
    "down_blocks_repeat_mappers": [1, 1, 1, 1], "up_blocks_repeat_mappers": [3, 3, 2, 2], "out_channels": 4,
    "num_attention_heads": [0, 0, 20, 20], "patch_size": 2, "pixel_mapper_in_channels": 3, "switch_level": None,
    "timestep_conditioning_type": ["sca"],
}  # fmt: skip
PAELLA = {"_class_name": "PaellaVQModel"}
FLUX_2 = {
    "_class_name": "Flux2Transformer2DModel", "num_layers": 8, "num_single_layers": 48, "num_attention_heads": 48,
    "joint_attention_dim": 15360,
}  # fmt: skip
FLUX_2_KLEIN = {
    **FLUX_2, "num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680,
    "guidance_embeds": False,
}  # fmt: skip
AUTOENCODER_FLUX_2 = {**AUTOENCODER, "_class_name": "AutoencoderKLFlux2", "latent_channels": 32}
QWEN_IMAGE = {"_class_name": "QwenImageTransformer2DModel", "num_layers": 60, "guidance_embeds": False}
AUTOENCODER_QWEN = {"_class_name": "AutoencoderKLQwenImage", "base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4]}
MISTRAL_3 = {
    "model_type": "mistral3", "architectures": ["Mistral3ForConditionalGeneration"], "tie_word_embeddings": False,
    "text_config": {
        "model_type": "mistral", "head_dim": 128, "hidden_size": 5120, "intermediate_size": 32768,
        "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "vocab_size": 131072,
    },
    "vision_config": {
        "model_type": "pixtral", "hidden_size": 1024, "image_size": 1540, "intermediate_size": 4096,
        "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14,
    },
}  # fmt: skip
QWEN_25_VL = {
    "model_type": "qwen2_5_vl", "architectures": ["Qwen2_5_VLForConditionalGeneration"], "hidden_size": 3584,
    "intermediate_size": 18944, "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
    "vocab_size": 152064, "tie_word_embeddings": False,
    "vision_config": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16,
                      "out_hidden_size": 3584, "patch_size": 14, "spatial_merge_size": 2, "window_size": 112},
}  # fmt: skip
Z_IMAGE = {"_class_name": "ZImageTransformer2DModel", "dim": 3840, "n_layers": 30, "cap_feat_dim": 2560}
SANA = {"_class_name": "SanaTransformer2DModel", "num_layers": 20, "sample_size": 32}
AUTOENCODER_SANA = {
    "_class_name": "AutoencoderDC", "downsample_block_type": "conv", "upsample_block_type": "interpolate",
    "encoder_block_types": [*["ResBlock"] * 3, *["EfficientViTBlock"] * 3],
    "decoder_block_types": [*["ResBlock"] * 3, *["EfficientViTBlock"] * 3],
}  # fmt: skip
HIDREAM = {
    "_class_name": "HiDreamImageTransformer2DModel", "caption_channels": [4096, 4096], "num_layers": 16,
    "num_single_layers": 32, "num_routed_experts": 4, "num_activated_experts": 2, "patch_size": 2, "in_channels": 16,
}  # fmt: skip

PARTS: dict[str, tuple[dict[str, Any], int]] = {
    "Stable Diffusion 1.5": (SD_15, 859_520_964),
    "Stable Diffusion 2.1": (SD_21, 865_910_724),
    "SDXL": (SDXL, 2_567_463_684),
    "SSD-1B": (SSD_1B, 1_300_195_844),
    "x4 upscaler": (UPSCALER, 473_398_020),
    "Kandinsky 2.2 decoder": (KANDINSKY, 1_253_057_288),
    "Karlo decoder": (KARLO, 885_439_686),
    "Karlo enlarger": (ENLARGER, 729_710_726),
    "Karlo text projection": (TEXT_PROJECTION, 7_878_400),
    "Kandinsky 2.2 prior": (PRIOR, 1_026_225_920),
    "DeepFloyd IF-I-XL": (FLOYD, 4_304_695_110),
    "latent consistency": ({**SD_15, "time_cond_proj_dim": 256}, 859_602_884),
    "unconditional U-Net": ({"_class_name": "UNet2DModel"}, 274_056_163),
    "autoencoder": (AUTOENCODER, 83_653_863),
    "autoencoder of 16 channels": (AUTOENCODER_16, 83_819_683),
    "MoVQ": (MOVQ, 67_832_495),
    "CLIP ViT-L text": (CLIP_L, 123_060_480),
    "OpenCLIP bigG text": (CLIP_G, 694_659_840),
    "OpenCLIP bigG images": (CLIP_G_IMAGES, 1_844_907_264),
    "T5-XXL encoder": (T5_XXL, 4_762_310_656),
    "SD3-medium": (SD_3, 2_028_328_000),
    "SD3.5-medium": (SD_35_MEDIUM, 2_243_171_520),
    "SD3.5-large": (SD_35_LARGE, 8_056_627_520),
    "FLUX.1-dev": (FLUX, 11_901_408_320),
    "FLUX.1-schnell": ({**FLUX, "guidance_embeds": False}, 11_891_178_560),
    "PixArt-Sigma": (PIXART, 610_856_096),
    "PixArt-alpha": (PIXART_ALPHA, 611_349_152),
    "ControlNet of Stable Diffusion 1.5": (CONTROLNET, 361_279_120),
    # half of the bytes of its fp16 checkpoint, 2,502,139,104 with its header
    "ControlNet of SDXL": (CONTROLNET_XL, 1_251_014_160),
    "small ControlNet of SDXL": (
        {
            **CONTROLNET_XL,
            "down_block_types": ["DownBlock2D"] * 3,
            "mid_block_type": "UNetMidBlock2D",
            "transformer_layers_per_block": 1,
            "attention_head_dim": 8,
        },
        125_690_640,
    ),
    "ControlNet of Flux": ({**CONTROLNET_FLUX, "num_single_layers": 0}, 1_791_605_248),
    "ControlNet of Flux, union": ({**CONTROLNET_FLUX, "num_single_layers": 10, "num_mode": 10}, 3_301_956_608),
    "ControlNet of Flux on pixels": (
        {**CONTROLNET_FLUX, "num_layers": 2, "num_single_layers": 0, "conditioning_embedding_channels": 16},
        743_807_280,
    ),
    "Stable Cascade prior": (CASCADE_PRIOR, 3_589_103_632),
    "Stable Cascade decoder": (CASCADE_DECODER, 1_562_941_136),
    "Paella": (PAELLA, 18_406_894),
    "FLUX.2-dev": (FLUX_2, 32_223_281_152),
    "FLUX.2-klein-4B": (FLUX_2_KLEIN, 3_875_544_576),
    "FLUX.2-klein-9B": (
        {
            **FLUX_2_KLEIN,
            "num_layers": 8,
            "num_single_layers": 24,
            "num_attention_heads": 32,
            "joint_attention_dim": 12288,
        },
        9_078_581_248,
    ),
    # 336 MB in float32
    "autoencoder of FLUX.2": (AUTOENCODER_FLUX_2, 84_046_115),
    "autoencoder of FLUX.2 with a small decoder": (
        {**AUTOENCODER_FLUX_2, "decoder_block_out_channels": [64, 128, 256, 256]},
        46_878_883,
    ),
    "Qwen-Image": (QWEN_IMAGE, 20_430_401_088),
    "Qwen-Image-Layered": ({**QWEN_IMAGE, "use_additional_t_cond": True}, 20_430_407_232),
    "autoencoder of Qwen-Image": (AUTOENCODER_QWEN, 126_892_531),
    "ControlNet of SD3": (
        {**SD_3, "_class_name": "SD3ControlNetModel", "num_layers": 12, "pos_embed_max_size": 192},
        1_062_855_168,
    ),
    "ControlNet of Qwen-Image": (
        {**QWEN_IMAGE, "_class_name": "QwenImageControlNetModel", "num_layers": 5},
        1_768_003_584,
    ),
    "Lumina-Image 2": ({"_class_name": "Lumina2Transformer2DModel", "cap_feat_dim": 2304}, 2_609_769_152),
    "Z-Image": (Z_IMAGE, 6_154_908_736),
    "Z-Image that is given images": ({**Z_IMAGE, "siglip_feat_dim": 1152}, 6_513_266_880),
    "Chroma": ({"_class_name": "ChromaTransformer2DModel", "num_layers": 19}, 8_899_983_424),
    "Sana 1.6B": (SANA, 1_604_462_752),
    "Sana 0.6B": (
        {
            **SANA,
            "num_attention_heads": 36,
            "num_cross_attention_heads": 16,
            "cross_attention_head_dim": 72,
            "cross_attention_dim": 1152,
            "num_layers": 28,
        },
        591_747_872,
    ),
    "Sana 1.5 4.8B": ({**SANA, "num_layers": 60, "qk_norm": "rms_norm_across_heads"}, 4_721_825_952),
    "Sana Sprint 1.6B": (
        {**SANA, "guidance_embeds": True, "qk_norm": "rms_norm_across_heads"},
        1_610_237_472,
    ),
    "autoencoder of Sana": (AUTOENCODER_SANA, 312_250_275),
    "CogView4": (
        {
            "_class_name": "CogView4Transformer2DModel",
            "num_attention_heads": 32,
            "attention_head_dim": 128,
            "num_layers": 28,
        },
        6_369_118_272,
    ),
    "HiDream-I1": (HIDREAM, 17_105_733_184),
    "Mistral 3 24B": (MISTRAL_3, 24_011_361_280),
    "Qwen2.5-VL 7B": (QWEN_25_VL, 8_292_166_656),
}
SAFETY = ["stable_diffusion", "StableDiffusionSafetyChecker"]
SD_PIPELINE = {
    "_class_name": "StableDiffusionPipeline", "unet": SD_15, "text_encoder": CLIP_L, "vae": AUTOENCODER,
    "scheduler": ["diffusers", "PNDMScheduler"], "tokenizer": ["transformers", "CLIPTokenizer"],
    "safety_checker": SAFETY, "image_encoder": [None, None],
}  # fmt: skip
SDXL_PIPELINE = {
    "_class_name": "StableDiffusionXLPipeline", "unet": SDXL, "text_encoder": CLIP_L, "text_encoder_2": CLIP_G,
    "vae": AUTOENCODER,
}  # fmt: skip
FLUX_PIPELINE = {
    "_class_name": "FluxPipeline", "transformer": FLUX, "text_encoder": CLIP_L, "text_encoder_2": T5_XXL,
    "vae": AUTOENCODER_16,
}  # fmt: skip
KARLO_PIPELINE = {
    "_class_name": "UnCLIPPipeline", "decoder": KARLO, "prior": {"_class_name": "PriorTransformer"},
    "text_proj": TEXT_PROJECTION, "text_encoder": {**CLIP_L, "architectures": ["CLIPTextModelWithProjection"]},
    "super_res_first": ENLARGER, "super_res_last": {**ENLARGER, "out_channels": 3},
}  # fmt: skip


FLUX_2_PIPELINE = {
    "_class_name": "Flux2Pipeline", "transformer": FLUX_2, "text_encoder": MISTRAL_3, "vae": AUTOENCODER_FLUX_2,
    "is_distilled": True, "tokenizer": ["transformers", "PixtralProcessor"],
}  # fmt: skip
QWEN_IMAGE_PIPELINE = {
    "_class_name": "QwenImagePipeline", "transformer": QWEN_IMAGE, "text_encoder": QWEN_25_VL, "vae": AUTOENCODER_QWEN,
}  # fmt: skip
CASCADE_PIPELINE = {
    "_class_name": "StableCascadeDecoderPipeline", "decoder": CASCADE_DECODER, "text_encoder": CLIP_G, "vqgan": PAELLA,
    "latent_dim_scale": 10.67,
}  # fmt: skip
CASCADE_PRIOR_PIPELINE = {
    "_class_name": "StableCascadePriorPipeline", "prior": CASCADE_PRIOR, "text_encoder": CLIP_G,
    "image_encoder": [None, None], "resolution_multiple": 42.67,
}  # fmt: skip


@each("name", PARTS)
def test_the_parts_of_pipelines_have_their_parameters(name: str) -> None:
    config, parameters = PARTS[name]
    assert described(**config).parameter_count == parameters


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (SD_PIPELINE, 1_066_235_307),
        (SDXL_PIPELINE, 3_468_837_867),
        (FLUX_PIPELINE, 16_870_599_139),
        (KARLO_PIPELINE, 3_498_411_279),
        ({**SD_PIPELINE, "_class_name": "StableDiffusionControlNetPipeline", "controlnet": CONTROLNET}, 1_427_514_427),
        ({**SD_PIPELINE, "controlnet": [CONTROLNET, CONTROLNET]}, 1_788_793_547),
        (FLUX_2_PIPELINE, 32_223_281_152 + 24_011_361_280 + 84_046_115),
        (QWEN_IMAGE_PIPELINE, 20_430_401_088 + 8_292_166_656 + 126_892_531),
        (CASCADE_PIPELINE, 1_562_941_136 + 694_659_840 + 18_406_894),
        (CASCADE_PRIOR_PIPELINE, 3_589_103_632 + 694_659_840),
    ],
    ids=[
        *("Stable Diffusion 1.5", "SDXL", "FLUX.1-dev", "Karlo", "ControlNet", "two ControlNets", "FLUX.2-dev"),
        *("Qwen-Image", "Stable Cascade", "Stable Cascade's prior"),
    ],
)
def test_a_pipeline_is_the_sum_of_its_parts(config: dict[str, Any], parameters: int) -> None:
    architecture = described(**config)
    assert architecture.task == "diffusion"
    assert architecture.parameter_count == parameters
    assert architecture.cached_values(1000, 1000) == 0


NF4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}


def test_parts_of_a_pipeline_are_stored_each_in_its_own_format() -> None:
    states = {"torch_dtype": "bfloat16"}
    transformer = {**FLUX, "quantization_config": NF4, **states}
    encoder = {**T5_XXL, "quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}, **states}
    others = ({**CLIP_L, **states}, {**AUTOENCODER_16, **states})
    pipeline = {**FLUX_PIPELINE, "transformer": transformer, "text_encoder_2": encoder, **states}
    report = calculate_memory(pipeline)
    alone = [calculate_memory(part).weight_memory_bytes for part in (transformer, encoder, *others)]
    assert report.weight_memory_bytes == pytest.approx(sum(alone), abs=4)
    assert report.precision == "int8+nf4"
    # the transformer's file in hf-internal-testing/flux.1-dev-nf4-pkg
    assert alone[0] == pytest.approx(6.7e9, rel=0.01)
    # what a part leaves alone is its own: T5 has a wo too
    kept = {**transformer, "quantization_config": {**NF4, "llm_int8_skip_modules": ["context_embedder", "wo"]}}
    more = calculate_memory({**pipeline, "transformer": kept}).weight_memory_bytes - report.weight_memory_bytes
    assert more == pytest.approx(4096 * 3072 * (2 - 4.5 / 8), abs=4)
    assert calculate_memory(pipeline, precision="bf16").weight_memory_bytes == 2 * 16_870_599_139


def test_tables_that_are_stored_and_not_trained_are_weights_without_being_parameters() -> None:
    # diffusers 0.42.1: pos_embed.pos_embed of 1 x 36,864 x 1,536 in SD3-medium's state dict, in its format
    report = calculate_memory({**SD_3, "pos_embed_max_size": 192}, precision="fp16")
    assert report.parameter_count == 2_028_328_000
    assert report.weight_memory_bytes == 2 * (2_028_328_000 + 36_864 * 1_536)


def test_weights_stand_where_the_folder_of_the_pipeline_has_them() -> None:
    architecture = described(**SD_PIPELINE)
    names = {
        f"{path}.{weight.name}" if path else weight.name
        for layer in architecture.layers()
        for path in layer.module_paths()
        for operator in layer.operators
        for weight in operator.weights()
    }
    assert "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k" in names
    assert "unet.up_blocks.3.resnets.2.conv_shortcut.bias" in names
    assert "vae.decoder.up_blocks.2.upsamplers.0.conv" in names
    assert "text_encoder.text_model.embeddings.token_embedding" in names


def test_memory_agrees_with_what_was_measured() -> None:
    # peaks of diffusers: 2.6 to 3.2 GB; 11.2 GB on an RTX 4090 (kadeklabs.com); 21.7 GB for four images (Hugging Face
    # blog, simple_sdxl_optimizations), without the device's context; 31.4 GiB of Flux-dev's weights (Hugging Face blog,
    # diffusers-quantization)
    small = calculate_memory(SD_PIPELINE, image_resolution=512)
    assert small.total_memory_interval.low <= 2.65e9
    assert 2.9e9 < small.total_memory_bytes < 3.5e9
    large = calculate_memory(SDXL_PIPELINE, image_resolution=1024)
    assert large.precision == "fp16"
    assert large.total_memory_gb == pytest.approx(11.2, rel=0.1)
    four = calculate_memory(SDXL_PIPELINE, batch_size=4, image_resolution=1024)
    assert (four.weight_memory_bytes + four.activation_memory_bytes) / 1e9 == pytest.approx(21.7, rel=0.15)
    flux = calculate_memory(FLUX_PIPELINE, image_resolution=1024)
    assert flux.weight_memory_bytes / 2**30 == pytest.approx(31.447, rel=0.001)
    assert flux.kv_cache_bytes == 0


def test_the_decoder_of_sdxl_runs_in_float32_where_the_weights_are_fp16() -> None:
    half = calculate_memory(SDXL_PIPELINE, precision="bf16")
    upcast = calculate_memory(SDXL_PIPELINE, precision="fp16")
    assert upcast.activation_memory_bytes > 2 * half.activation_memory_bytes
    without = {**SDXL_PIPELINE, "vae": {**AUTOENCODER, "force_upcast": False}}
    assert calculate_memory(without, precision="fp16").activation_memory_bytes == half.activation_memory_bytes


def test_memory_grows_with_pixels_and_with_images() -> None:
    one = calculate_memory(FLUX_PIPELINE, image_resolution=1024)
    assert calculate_memory(FLUX_PIPELINE, image_resolution=(2048, 1024)).activation_memory_bytes == pytest.approx(
        2 * one.activation_memory_bytes
    )
    two = calculate_memory(FLUX_PIPELINE, image_resolution=1024, num_images=2)
    assert two.activation_memory_bytes == calculate_memory(FLUX_PIPELINE, batch_size=2).activation_memory_bytes
    assert two.image_memory_bytes == pytest.approx(2 * one.image_memory_bytes, rel=1e-6)
    assert one.image_tokens == 4096 + 512
    assert max_batch_size(FLUX_PIPELINE, memory_gb=80).max_batch_size >= 8
    assert "One prompt" in max_batch_size(FLUX_PIPELINE, memory_gb=24).reason


def test_guidance_takes_two_passes_unless_the_model_learned_it() -> None:
    plain = calculate_memory(SD_15, image_resolution=512).activation_memory_bytes
    distilled = calculate_memory({**SD_15, "time_cond_proj_dim": 256}, image_resolution=512).activation_memory_bytes
    assert plain == pytest.approx(2 * distilled, rel=1e-6)


def test_notes_say_what_was_assumed_and_left_out() -> None:
    notes = {note.subject: note.text for note in calculate_memory(SD_PIPELINE).notes}
    assert "seq_length has no meaning" in notes["batch_size"]
    assert "512 x 512 pixels were taken" in notes["image_resolution"]
    told = {note.subject: note.text for note in calculate_memory(SD_PIPELINE, image_resolution=1024).notes}
    assert "made for images of 512 x 512" in told["image_resolution"]
    assert "no tiles" in notes["activation_memory_bytes"]
    assert "not counted" in notes["safety_checker"]


def test_splits_are_refused() -> None:
    with pytest.raises(LayoutError, match="whole on each device"):
        calculate_memory(SDXL_PIPELINE, tensor_parallel=2)
    copies = calculate_memory(SDXL_PIPELINE, data_parallel=2, batch_size=2)
    assert copies.activation_memory_bytes == calculate_memory(SDXL_PIPELINE).activation_memory_bytes


def test_a_folder_with_a_model_index_is_read(tmp_path: Path) -> None:
    write_pipeline(tmp_path, SD_PIPELINE, "CLIPTextModel")
    for path in (tmp_path, tmp_path / "model_index.json"):
        assert calculate_memory(path).parameter_count == 1_066_235_307
    (tmp_path / "vae" / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"names a vae \(AutoencoderKL\) and does not hold its config"):
        calculate_memory(tmp_path)


@each(
    ("config", "error", "message"),
    [
        ({**SD_PIPELINE, "unet": None}, ConfigError, "no part that denoises"),
        ({**SD_PIPELINE, "controlnet": ["diffusers", "ControlNetModel"]}, ConfigError, "names a controlnet"),
        (
            {**SD_PIPELINE, "motion_adapter": {"_class_name": "MotionAdapter"}},
            UnsupportedModelError,
            "a motion_adapter",
        ),
        ({**SD_PIPELINE, "controlnet": [CONTROLNET] * 5}, ConfigError, "has 5 models"),
        ({**SD_PIPELINE, "vae": {}}, ConfigError, "vae must be the config of a model"),
        ({**SD_PIPELINE, "text_encoder": "clip"}, ConfigError, "text_encoder must be the config of a model"),
        ({**SD_PIPELINE, "controlnet": [CONTROLNET, 1]}, ConfigError, "controlnet must be the config of a model"),
        ({"_class_name": "MochiTransformer3DModel"}, UnsupportedModelError, "_class_name 'MochiTransformer3DModel'"),
        ({**SD_15, "down_block_types": [CROSS_DOWN]}, ConfigError, "down_block_types has 1 entries"),
        ({**SD_15, "layers_per_block": [2, 2]}, ConfigError, "layers_per_block has 2 entries"),
        ({**SD_15, "attention_type": "gated"}, ConfigError, "only 'default' is described"),
        ({**SD_15, "mid_block_type": "Other"}, ConfigError, "mid_block_type must be null or one of"),
        ({**SDXL, "transformer_layers_per_block": [1, 2]}, ConfigError, "for each of its 3 levels"),
        ({**SD_15, "only_cross_attention": [True]}, ConfigError, "each of its 4 levels"),
        ({**SD_15, "addition_embed_type": "other"}, ConfigError, "addition_embed_type must be null or one of"),
        ({"_class_name": "Transformer2DModel"}, ConfigError, "only PixArt's is described"),
        ({**AUTOENCODER, "up_block_types": ["Other"] * 4}, ConfigError, "up_block_types must be a list"),
        ({**AUTOENCODER_FLUX_2, "decoder_block_out_channels": [64]}, ConfigError, "decoder_block_out_channels has 1"),
        ({**AUTOENCODER_SANA, "encoder_block_types": "Other"}, ConfigError, "encoder_block_types must be a list"),
        ({**AUTOENCODER_SANA, "encoder_qkv_multiscales": [5]}, ConfigError, "a list of sides for each of its 6 levels"),
        ({**CASCADE_PRIOR, "num_attention_heads": [32]}, ConfigError, "an entry for each level"),
        ({**CASCADE_PRIOR, "block_types_per_layer": [["Other"]] * 2}, ConfigError, "block_types_per_layer must have"),
        ({**SANA, "qk_norm": "layer_norm"}, ConfigError, "qk_norm must be null or"),
        ({**HIDREAM, "caption_channels": [4096]}, ConfigError, "the widths of T5 and of Llama"),
        ({**Z_IMAGE, "all_patch_size": []}, ConfigError, "an entry for each kind of patch"),
    ],
)
def test_what_is_wrong_is_said(config: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        described(**config)


def test_a_class_that_is_not_described_is_refused_as_a_part_of_a_pipeline() -> None:
    with pytest.raises(UnsupportedModelError, match=r"'MochiTransformer3DModel', a part of a pipeline.*Did you mean"):
        described(_class_name="MochiTransformer3DModel", num_layers=48)


@pytest.mark.parametrize("where", ["text_encoder", ""])
def test_what_nothing_reads_in_a_pipeline_is_named(where: str) -> None:
    config = dict(load_model("black-forest-labs/FLUX.1-dev").config.values)
    strange = {"vision_config": {"hidden_size": 1024, "num_hidden_layers": 24}}
    changed = {**config, where: {**config[where], **strange}} if where else {**config, **strange}
    warned = [note.text for note in load_model(changed).architecture.notes if note.origin == "warning"]
    assert any("vision_config" in text for text in warned)
    assert not [note for note in load_model(config).architecture.notes if note.origin == "warning"]
