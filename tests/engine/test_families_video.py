"""Models that make videos against diffusers 0.42.1 and transformers 5.24 on the meta device, and pipelines of them."""

from pathlib import Path
from typing import Any

import pytest

from llm_memory_calculator import calculate_memory
from llm_memory_calculator.errors import ArgumentError, ConfigError

from ..rows import each
from .families import described, write_pipeline

# The configs are those of the published repositories, as diffusers' scripts of conversion write them.
WAN = {"_class_name": "WanTransformer3DModel", "added_kv_proj_dim": None, "patch_size": [1, 2, 2]}
WAN_SMALL = {**WAN, "ffn_dim": 8960, "num_attention_heads": 12, "num_layers": 30}
WAN_LARGE = {**WAN, "ffn_dim": 13824, "num_attention_heads": 40, "num_layers": 40}
WAN_IMAGE = {**WAN_LARGE, "in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}
WAN_22_5B = {
    **WAN, "ffn_dim": 14336, "in_channels": 48, "out_channels": 48, "num_attention_heads": 24, "num_layers": 30,
}  # fmt: skip
VACE = {"_class_name": "WanVACETransformer3DModel", "vace_in_channels": 96}
WAN_MODEL = {
    "_class_name": "WanModel", "_diffusers_version": "0.30.0", "dim": 1536, "eps": 1e-06, "ffn_dim": 8960,
    "freq_dim": 256, "in_dim": 16, "model_type": "t2v", "num_heads": 12, "num_layers": 30, "out_dim": 16,
    "text_len": 512,
}  # fmt: skip
SKYREELS = {"_class_name": "SkyReelsV2Transformer3DModel"}
WAN_AUTOENCODER = {
    "_class_name": "AutoencoderKLWan", "base_dim": 96, "z_dim": 16, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 2,
    "attn_scales": [], "temperal_downsample": [False, True, True],
}  # fmt: skip
WAN_22_AUTOENCODER = {
    **WAN_AUTOENCODER, "base_dim": 160, "z_dim": 48, "is_residual": True, "in_channels": 12, "out_channels": 12,
    "decoder_base_dim": 256, "scale_factor_spatial": 16, "patch_size": 2,
}  # fmt: skip
HUNYUAN = {
    "_class_name": "HunyuanVideoTransformer3DModel", "guidance_embeds": True, "num_layers": 20,
    "num_single_layers": 40, "num_refiner_layers": 2, "mlp_ratio": 4.0,
}  # fmt: skip
HUNYUAN_IMAGE = {**HUNYUAN, "in_channels": 33, "guidance_embeds": False, "image_condition_type": "latent_concat"}
HUNYUAN_AUTOENCODER = {
    "_class_name": "AutoencoderKLHunyuanVideo", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
    "down_block_types": ["HunyuanVideoDownBlock3D"] * 4, "up_block_types": ["HunyuanVideoUpBlock3D"] * 4,
}  # fmt: skip
HUNYUAN_15_AUTOENCODER = {
    "_class_name": "AutoencoderKLHunyuanVideo15", "block_out_channels": [128, 256, 512, 1024, 1024],
}  # fmt: skip
COG_2B = {
    "_class_name": "CogVideoXTransformer3DModel", "num_attention_heads": 30, "num_layers": 30, "sample_frames": 49,
    "sample_height": 60, "sample_width": 90,
}  # fmt: skip
COG_5B = {**COG_2B, "num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True}
COG_15_5B = {
    **COG_5B, "patch_size_t": 2, "patch_bias": False, "sample_frames": 81, "sample_height": 96, "sample_width": 170,
}  # fmt: skip
COG_AUTOENCODER = {
    "_class_name": "AutoencoderKLCogVideoX", "block_out_channels": [128, 256, 256, 512], "layers_per_block": 3,
    "down_block_types": ["CogVideoXDownBlock3D"] * 4, "up_block_types": ["CogVideoXUpBlock3D"] * 4,
}  # fmt: skip
LTX = {"_class_name": "LTXVideoTransformer3DModel", "num_layers": 28, "cross_attention_dim": 2048}
LTX_13B = {**LTX, "attention_head_dim": 128, "cross_attention_dim": 4096, "num_layers": 48}
LTX_AUTOENCODER = {
    "_class_name": "AutoencoderKLLTXVideo", "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": [4, 3, 3, 3, 4], "spatio_temporal_scaling": [True, True, True, False],
    "decoder_block_out_channels": [128, 256, 512, 512], "decoder_layers_per_block": [4, 3, 3, 3, 4],
    "decoder_spatio_temporal_scaling": [True, True, True, False],
}  # fmt: skip
LTX_TIMED = {
    "decoder_block_out_channels": [256, 512, 1024], "decoder_spatio_temporal_scaling": [True] * 3,
    "upsample_factor": [2] * 3, "upsample_residual": [True] * 3, "timestep_conditioning": True,
}  # fmt: skip
LTX_091_AUTOENCODER = {
    **LTX_AUTOENCODER, **LTX_TIMED, "decoder_layers_per_block": [5, 6, 7, 8],
    "decoder_inject_noise": [True, True, True, False],
}  # fmt: skip
LTX_095_AUTOENCODER = {
    **LTX_AUTOENCODER, **LTX_TIMED, "block_out_channels": [128, 256, 512, 1024, 2048],
    "down_block_types": ["LTXVideo095DownBlock3D"] * 4, "layers_per_block": [4, 6, 6, 2, 2],
    "decoder_layers_per_block": [5] * 4, "spatio_temporal_scaling": [True] * 4,
    "downsample_type": ["spatial", "temporal", "spatiotemporal", "spatiotemporal"],
}  # fmt: skip
MODELSCOPE = {
    "_class_name": "UNet3DConditionModel", "attention_head_dim": 64, "block_out_channels": [320, 640, 1280, 1280],
    "down_block_types": [*["CrossAttnDownBlock3D"] * 3, "DownBlock3D"], "cross_attention_dim": 1024,
    "up_block_types": ["UpBlock3D", *["CrossAttnUpBlock3D"] * 3], "sample_size": 32,
}  # fmt: skip
SVD = {
    "_class_name": "UNetSpatioTemporalConditionModel", "num_frames": 25, "num_attention_heads": [5, 10, 20, 20],
    "down_block_types": [*["CrossAttnDownBlockSpatioTemporal"] * 3, "DownBlockSpatioTemporal"],
    "up_block_types": ["UpBlockSpatioTemporal", *["CrossAttnUpBlockSpatioTemporal"] * 3],
}  # fmt: skip
UMT5_XXL = {
    "model_type": "umt5", "architectures": ["UMT5EncoderModel"], "d_model": 4096, "d_ff": 10240, "num_heads": 64,
    "num_layers": 24, "feed_forward_proj": "gated-gelu", "vocab_size": 256384,
}  # fmt: skip
T5_XXL = {**UMT5_XXL, "model_type": "t5", "architectures": ["T5EncoderModel"], "vocab_size": 32128}
LLAMA = {
    "model_type": "llama", "architectures": ["LlamaModel"], "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128320,
}  # fmt: skip
CLIP_L = {
    "model_type": "clip_text_model", "architectures": ["CLIPTextModel"], "hidden_size": 768,
    "intermediate_size": 3072, "num_attention_heads": 12, "num_hidden_layers": 12,
}  # fmt: skip
CLIP_H_TEXT = {
    **CLIP_L, "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 23,
}  # fmt: skip
CLIP_H_IMAGES = {
    "model_type": "clip_vision_model", "architectures": ["CLIPVisionModel"], "hidden_size": 1280,
    "intermediate_size": 5120, "num_attention_heads": 16, "num_hidden_layers": 32, "patch_size": 14,
}  # fmt: skip
IMAGE_AUTOENCODER = {
    "_class_name": "AutoencoderKL", "block_out_channels": [128, 256, 512, 512], "layers_per_block": 2,
    "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
}  # fmt: skip
SVD_AUTOENCODER = {
    **{field: value for field, value in IMAGE_AUTOENCODER.items() if field != "up_block_types"},
    "_class_name": "AutoencoderKLTemporalDecoder",
}

PARTS: dict[str, tuple[dict[str, Any], int]] = {
    "Wan 2.1 1.3B": (WAN_SMALL, 1_418_996_800),
    "Wan 2.1 14B": (WAN_LARGE, 14_288_491_584),
    "Wan 2.1 14B from images": (WAN_IMAGE, 16_394_878_784),
    "Wan 2.1 14B from the first and the last image": ({**WAN_IMAGE, "pos_embed_seq_len": 514}, 16_395_536_704),
    "Wan 2.2 A14B from images": ({**WAN_LARGE, "in_channels": 36}, 14_288_901_184),
    "Wan 2.2 5B": (WAN_22_5B, 4_999_787_712),
    "Wan VACE 1.3B": ({**WAN_SMALL, **VACE, "vace_layers": list(range(0, 30, 2))}, 2_153_972_032),
    "Wan VACE 14B": ({**WAN_LARGE, **VACE, "vace_layers": list(range(0, 40, 5))}, 17_337_592_896),
    "autoencoder of Wan 2.1": (WAN_AUTOENCODER, 126_892_531),
    "autoencoder of Wan 2.2": (WAN_22_AUTOENCODER, 704_688_668),
    "HunyuanVideo": (HUNYUAN, 12_821_012_544),
    "HunyuanVideo from images": (HUNYUAN_IMAGE, 12_810_991_680),
    "autoencoder of HunyuanVideo": (HUNYUAN_AUTOENCODER, 246_478_803),
    "CogVideoX 2B": (COG_2B, 1_693_783_872),
    "CogVideoX 5B": (COG_5B, 5_570_283_072),
    "CogVideoX 5B from images": (
        {**COG_5B, "in_channels": 32, "use_learned_positional_embeddings": True}, 5_570_479_680,
    ),
    "CogVideoX 1.5 5B": (COG_15_5B, 5_570_676_352),
    "CogVideoX 1.5 5B from images": ({**COG_15_5B, "in_channels": 32, "ofs_embed_dim": 512}, 5_571_594_880),
    "autoencoder of CogVideoX": (COG_AUTOENCODER, 215_583_907),
    "LTX-Video 2B": (LTX, 1_923_385_472),
    "LTX-Video 13B": (LTX_13B, 13_042_569_344),
    "autoencoder of LTX-Video 0.9": (LTX_AUTOENCODER, 419_193_649),
    "autoencoder of LTX-Video 0.9.1": (LTX_091_AUTOENCODER, 934_976_434),
    "autoencoder of LTX-Video 0.9.5": (LTX_095_AUTOENCODER, 1_246_913_522),
    "ModelScope": (MODELSCOPE, 1_411_233_860),
    "Stable Video Diffusion": (SVD, 1_524_623_082),
    "autoencoder of Stable Video Diffusion": (SVD_AUTOENCODER, 97_742_847),
    "SkyReels V2 1.3B": ({**WAN_SMALL, **SKYREELS}, 1_418_996_800),
    "SkyReels V2 1.3B of diffusion forcing": ({**WAN_SMALL, **SKYREELS, "inject_sample_info": True}, 1_435_525_696),
    "HunyuanVideo 1.5": ({"_class_name": "HunyuanVideo15Transformer3DModel", "num_layers": 54}, 8_326_608_160),
    "autoencoder of HunyuanVideo 1.5": (HUNYUAN_15_AUTOENCODER, 1_260_634_115),
    # by the config.json of Wan-AI/Wan2.1-T2V-1.3B and Wan-AI/Wan2.2-TI2V-5B, which are not diffusers'
    "Wan 2.1 1.3B by its own config": (WAN_MODEL, 1_418_996_800),
    "Wan 2.2 5B by its own config": (
        {**WAN_MODEL, "model_type": "ti2v", "dim": 3072, "ffn_dim": 14336, "num_heads": 24, "in_dim": 48,
         "out_dim": 48},
        4_999_787_712,
    ),
    "UMT5-XXL encoder": (UMT5_XXL, 5_680_910_336),
    "Llama 3 8B without its head": (LLAMA, 7_505_186_816),
    "OpenCLIP ViT-H images": (CLIP_H_IMAGES, 630_766_080),
    "OpenCLIP ViT-H text": (CLIP_H_TEXT, 340_387_840),
}  # fmt: skip
WAN_PIPELINE = {
    "_class_name": "WanPipeline", "transformer": WAN_SMALL, "transformer_2": [None, None], "text_encoder": UMT5_XXL,
    "vae": WAN_AUTOENCODER, "boundary_ratio": None, "tokenizer": ["transformers", "T5TokenizerFast"],
    "scheduler": ["diffusers", "UniPCMultistepScheduler"],
}  # fmt: skip
PIPELINES: dict[str, tuple[dict[str, Any], int]] = {
    "Wan 2.1 1.3B": (WAN_PIPELINE, 1_418_996_800 + 5_680_910_336 + 126_892_531),
    "Wan 2.2 A14B": (
        {**WAN_PIPELINE, "transformer": WAN_LARGE, "transformer_2": WAN_LARGE, "boundary_ratio": 0.875},
        2 * 14_288_491_584 + 5_680_910_336 + 126_892_531,
    ),
    "Wan 2.1 14B from images": (
        {**WAN_PIPELINE, "_class_name": "WanImageToVideoPipeline", "transformer": WAN_IMAGE,
         "image_encoder": CLIP_H_IMAGES, "image_processor": ["transformers", "CLIPImageProcessor"]},
        16_394_878_784 + 5_680_910_336 + 126_892_531 + 630_766_080,
    ),
    "HunyuanVideo": (
        {"_class_name": "HunyuanVideoPipeline", "transformer": HUNYUAN, "text_encoder": LLAMA,
         "text_encoder_2": CLIP_L, "vae": HUNYUAN_AUTOENCODER},
        12_821_012_544 + 7_505_186_816 + 123_060_480 + 246_478_803,
    ),
    "CogVideoX 5B": (
        {"_class_name": "CogVideoXPipeline", "transformer": COG_5B, "text_encoder": T5_XXL, "vae": COG_AUTOENCODER},
        5_570_283_072 + 4_762_310_656 + 215_583_907,
    ),
    "LTX-Video": (
        {"_class_name": "LTXPipeline", "transformer": LTX, "text_encoder": T5_XXL, "vae": LTX_AUTOENCODER},
        1_923_385_472 + 4_762_310_656 + 419_193_649,
    ),
    "Stable Video Diffusion": (
        {"_class_name": "StableVideoDiffusionPipeline", "unet": SVD, "vae": SVD_AUTOENCODER,
         "image_encoder": {**CLIP_H_IMAGES, "architectures": ["CLIPVisionModelWithProjection"],
                           "projection_dim": 1024}},
        1_524_623_082 + 97_742_847 + 632_076_800,
    ),
    "ModelScope": (
        {"_class_name": "TextToVideoSDPipeline", "unet": MODELSCOPE, "text_encoder": CLIP_H_TEXT,
         "vae": IMAGE_AUTOENCODER},
        1_411_233_860 + 340_387_840 + 83_653_863,
    ),
}  # fmt: skip
# Positions of the denoiser at the height, width and frames that the pipeline's signature has by default: latent frames,
# rows and columns of patches, and the prompt where it is part of the sequence.
POSITIONS = {
    "Wan 2.1 1.3B": ((480, 832), 81, 21 * 30 * 52),
    "Wan 2.2 A14B": ((480, 832), 81, 21 * 30 * 52),
    "Wan 2.1 14B from images": ((480, 832), 81, 21 * 30 * 52),
    "HunyuanVideo": ((720, 1280), 129, 33 * 45 * 80 + 256),
    "CogVideoX 5B": ((480, 720), 49, 13 * 30 * 45 + 226),
    "LTX-Video": ((512, 704), 161, 21 * 16 * 22),
    "Stable Video Diffusion": ((576, 1024), 25, 25 * 72 * 128),
    # of which the pipeline makes sample_size x 8 pixels a side
    "ModelScope": ((256, 256), 16, 16 * 32 * 32),
}
# Frames that the decoders of diffusers 0.42.1 take together: a latent frame of four (Wan), tiles of 16 after one more
# (HunyuanVideo), two latent frames and first three (CogVideoX).
AT_ONCE = {
    "Wan 2.1 1.3B": 4, "Wan 2.2 A14B": 4, "Wan 2.1 14B from images": 4, "HunyuanVideo": 17, "CogVideoX 5B": 12,
    "LTX-Video": "all", "Stable Video Diffusion": "all", "ModelScope": "all",
}  # fmt: skip


@each("name", PARTS)
def test_the_parts_of_pipelines_have_their_parameters(name: str) -> None:
    config, parameters = PARTS[name]
    assert described(**config).parameter_count == parameters


@each("name", PIPELINES)
def test_a_pipeline_is_the_sum_of_its_parts(name: str) -> None:
    config, parameters = PIPELINES[name]
    architecture = described(**config)
    assert architecture.task == "diffusion"
    assert architecture.parameter_count == parameters


@pytest.mark.parametrize("name", PIPELINES)
def test_a_video_is_as_many_positions_as_its_frames_have_patches(name: str) -> None:
    size, frames, positions = POSITIONS[name]
    report = calculate_memory(PIPELINES[name][0], image_resolution=size)
    assert report.image_tokens == positions
    notes = {note.subject: note.text for note in report.notes}
    assert f"{frames} frames were taken" in notes["num_frames"]
    assert "image_resolution" not in notes
    assert "traced, and measured of four" in notes["activation_memory_bytes"]
    assert f"{AT_ONCE[name]} frames are decoded at once" in notes["activation_memory_bytes"]
    assert report.total_memory_interval.high > report.total_memory_bytes + 0.4 * report.activation_memory_bytes


# Peaks of PyTorch on an A100, in GiB, of 121 frames of 512 x 768 in bf16 (Hugging Face's blog of models of videos)
@pytest.mark.parametrize(
    ("model", "peak"),
    [
        ("hunyuanvideo-community/HunyuanVideo", 60.09),
        ("Lightricks/LTX-Video", 17.75),
        ("zai-org/CogVideoX1.5-5B", 36.51),
    ],
)
def test_videos_take_what_was_measured(model: str, peak: float) -> None:
    report = calculate_memory(model, precision="bf16", num_frames=121, image_resolution="512x768")
    interval = report.total_memory_interval
    assert interval.low < peak * 2**30 < interval.high
    assert report.total_memory_bytes == pytest.approx(peak * 2**30, rel=0.12)


@pytest.mark.parametrize(
    ("config", "size", "positions"),
    [
        (WAN_SMALL, (480, 832), 21 * 30 * 52),
        (HUNYUAN, (720, 1280), 33 * 45 * 80 + 256),
        (COG_5B, (480, 720), 13 * 30 * 45 + 226),
        (LTX, (512, 704), 21 * 16 * 22),
    ],
    ids=["Wan", "HunyuanVideo", "CogVideoX", "LTX-Video"],
)
def test_a_denoiser_alone_works_on_what_its_autoencoder_would_give(
    config: dict[str, Any], size: tuple[int, int], positions: int
) -> None:
    assert calculate_memory(config, image_resolution=size).image_tokens == positions


def test_frames_are_asked_for_by_their_number() -> None:
    few, many = (calculate_memory(WAN_PIPELINE, image_resolution=(480, 832), num_frames=count) for count in (33, 81))
    assert (few.image_tokens, many.image_tokens) == (9 * 30 * 52, 21 * 30 * 52)
    # latents and pixels of float32, both by frames
    assert many.image_memory_bytes > 2.3 * few.image_memory_bytes
    single = calculate_memory(WAN_PIPELINE, image_resolution=(480, 832), num_frames=1)
    assert single.image_tokens == 30 * 52
    assert "made for videos of 480 x 832" in str(calculate_memory(WAN_PIPELINE, image_resolution=1024).notes)
    # Wan2.1 1.3B makes 81 frames of 480 x 832 by itself, as its model card and pipeline_wan.py have them
    assert calculate_memory(WAN_PIPELINE).image_tokens == 21 * 30 * 52


def test_frames_of_a_model_that_makes_none_are_refused() -> None:
    unet = {"_class_name": "UNet2DConditionModel", "cross_attention_dim": 768}
    images = {**PIPELINES["ModelScope"][0], "unet": unet}
    with pytest.raises(ArgumentError, match="makes no videos"):
        calculate_memory(images, num_frames=16)
    with pytest.raises(ArgumentError, match="makes no videos"):
        calculate_memory("meta-llama/Llama-3.1-8B", num_frames=16)


def decoder_peak(pipeline: dict[str, Any], size: tuple[int, int], frames: int) -> float:
    """The peak of the decoder in GB that the report names."""
    report = calculate_memory(pipeline, image_resolution=size, num_frames=frames)
    text = next(note.text for note in report.notes if note.subject == "activation_memory_bytes")
    return float(text.partition("decoder ")[2].split(" GB")[0])


# Peaks of what decode() allocates in bf16: diffusers 0.42.1 on the meta device, storages counted after each operation.
TRACED = {
    "Wan 2.1 1.3B": ((480, 832), 81, 4.240),
    "CogVideoX 5B": ((480, 720), 49, 15.822),
    "HunyuanVideo": ((720, 1280), 129, 53.721),
    "LTX-Video": ((512, 704), 161, 5.810),
}


@pytest.mark.parametrize("name", TRACED)
def test_a_decoder_holds_about_what_was_traced(name: str) -> None:
    size, frames, peak = TRACED[name]
    assert decoder_peak(PIPELINES[name][0], size, frames) == pytest.approx(peak, rel=0.25)


def test_a_decoder_takes_the_frames_that_it_decodes_at_once() -> None:
    # AutoencoderKLWan decodes a latent frame after the other, AutoencoderKLLTXVideo all at once
    for name, grows in (("Wan 2.1 1.3B", False), ("LTX-Video", True)):
        few, many = (decoder_peak(PIPELINES[name][0], (512, 512), frames) for frames in (17, 161))
        assert (many > 5 * few) is grows


def test_memory_agrees_with_what_was_measured() -> None:
    # CogVideoX-2B in fp16, 49 frames of 720 x 480: 33 GB without offloading (diffusers' documentation of CogVideoX)
    pipeline = {**PIPELINES["CogVideoX 5B"][0], "transformer": COG_2B}
    report = calculate_memory(pipeline, precision="fp16", image_resolution=(480, 720))
    assert report.total_memory_gb == pytest.approx(33, rel=0.1)
    assert report.total_memory_interval.low < 33e9 < report.total_memory_interval.high


def test_weights_stand_where_the_folder_of_the_pipeline_has_them() -> None:
    architecture = described(**PIPELINES["Wan 2.1 14B from images"][0])
    names = {
        f"{path}.{weight.name}" if path else weight.name
        for layer in architecture.layers()
        for path in layer.module_paths()
        for operator in layer.operators
        for weight in operator.weights()
    }
    assert {
        "transformer.blocks.39.attn2.add_k_proj",
        "transformer.condition_embedder.image_embedder.ff.net.0.proj",
        "vae.encoder.down_blocks.10.conv1",
        "vae.decoder.up_blocks.0.upsamplers.0.time_conv",
        "text_encoder.encoder.block.23.layer.1.DenseReluDense.wi_0",
    } <= names


def test_a_folder_with_two_denoisers_is_read(tmp_path: Path) -> None:
    config, parameters = PIPELINES["Wan 2.2 A14B"]
    write_pipeline(tmp_path, config, "UMT5EncoderModel")
    assert calculate_memory(tmp_path).parameter_count == parameters


@each(
    ("config", "message"),
    [
        ({**WAN_LARGE, "patch_size": 2}, "patch_size must be a list"),
        ({**WAN_MODEL, "model_type": "i2v"}, "only 't2v' and 'ti2v' are described"),
        ({**WAN_MODEL, "num_heads": 13}, "dim 1536 is not a multiple of its num_heads 13"),
        ({**WAN_LARGE, "patch_size": [1, 2]}, "patch_size must be three whole numbers"),
        ({**WAN_LARGE, **VACE, "vace_layers": [0, 40]}, "vace_layers must name some of its 40 layers"),
        ({**WAN_AUTOENCODER, "attn_scales": [1.0]}, "attention in the levels is not described"),
        ({**WAN_AUTOENCODER, "temperal_downsample": [True]}, "must be a list of 3 of true and false"),
        ({**HUNYUAN, "image_condition_type": "other"}, "image_condition_type must be null"),
        ({**HUNYUAN_AUTOENCODER, "temporal_compression_ratio": 8}, "temporal_compression_ratio 8"),
        ({**HUNYUAN_15_AUTOENCODER, "spatial_compression_ratio": 32}, "powers of two that its 5 levels reach"),
        ({**COG_AUTOENCODER, "temporal_compression_ratio": 3}, "must be a power of two"),
        ({**LTX_AUTOENCODER, "layers_per_block": [4, 3]}, "must be a list of 5 whole numbers"),
        ({**LTX_AUTOENCODER, "patch_size_t": 2}, "only 1 is described"),
        ({**MODELSCOPE, "attention_head_dim": [64, 32, 64, 64]}, "one number for all levels"),
    ],
)
def test_what_is_wrong_is_said(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        described(**config)
