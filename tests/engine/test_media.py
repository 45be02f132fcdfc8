"""Sides of images, seconds of video and sound: how they are said, the tokens they are, the memory they take."""

from dataclasses import replace
from typing import Any

import pytest

from llm_memory_calculator import calculate_memory, estimate_performance, max_batch_size
from llm_memory_calculator.errors import ArgumentError

from ..rows import each
from .families import described
from .test_families_multimodal import PUBLISHED, gemma3n, seeing, tower

GEMMA_4 = {
    "model_type": "gemma4",
    "text_config": {
        "hidden_size": 1536, "intermediate_size": 6144, "num_hidden_layers": 4, "num_attention_heads": 8,
        "num_key_value_heads": 1, "hidden_size_per_layer_input": 256,
    },
    "vision_config": {},
    "audio_config": {},
}  # fmt: skip
NEXT_VIDEO = {**PUBLISHED["llava-hf/llava-v1.6-mistral-7b-hf"][0], "model_type": "llava_next_video"}
SMOL_VIDEO = {**PUBLISHED["HuggingFaceTB/SmolVLM2-256M-Video-Instruct"][0], "model_type": "smolvlm"}
QWEN2, QWEN3 = PUBLISHED["Qwen/Qwen2-VL-7B-Instruct"][0], PUBLISHED["Qwen/Qwen3-VL-2B-Instruct"][0]
INTERN, ONEVISION = PUBLISHED["OpenGVLab/InternVL3-8B"][0], PUBLISHED["llava-hf/llava-onevision-qwen2-7b-ov-hf"][0]
KIMI = {**PUBLISHED["moonshotai/Kimi-VL-A3B-Instruct"][0], "model_type": "kimi_k25"}
WHISPER = {"model_type": "whisper"}


# --- sides ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sides", ["768x1024", [768, 1024], (768.0, 1024), "768 X 1024", "768\u00d71024 px", "768*1024"], ids=str
)
def test_height_stands_before_width_in_every_spelling(sides: Any) -> None:
    report = calculate_memory(QWEN2, seq_length=4096, num_images=1, image_resolution=sides)
    assert report.image_tokens == 27 * 37


@pytest.mark.parametrize("side", [1024, "1024", " 1024 ", "1024px", (1024, 1024)], ids=str)
def test_one_side_is_that_of_a_square(side: Any) -> None:
    assert calculate_memory(QWEN2, seq_length=4096, num_images=1, image_resolution=side).image_tokens == 37 * 37


@pytest.mark.parametrize(
    "sides",
    ["x1024", "768x", "768x1024x3", "", "768,1024", "-768x1024", "7e2x1024", "1024p", [768], [1, 2, 3]],
    ids=str,
)
def test_what_are_no_sides_is_refused_with_their_spellings(sides: Any) -> None:
    with pytest.raises(ArgumentError, match=r"image_resolution must be one side or height and width .*768x1024"):
        calculate_memory(QWEN2, seq_length=4096, num_images=1, image_resolution=sides)


@pytest.mark.parametrize("sides", ["0x1024", "768x100001", "9" * 12, [768, 0], ["768", "tall"]], ids=str)
def test_a_side_beyond_its_bounds_is_refused(sides: Any) -> None:
    with pytest.raises(ArgumentError, match="image_resolution must be"):
        calculate_memory(QWEN2, seq_length=4096, num_images=1, image_resolution=sides)


def test_a_pair_of_equal_sides_is_the_size_that_a_model_was_made_for() -> None:
    made = {"_class_name": "UNet2DConditionModel", "sample_size": 64, "cross_attention_dim": 768}
    subjects = [
        {note.subject for note in calculate_memory(made, image_resolution=sides).notes}
        for sides in ("512", (512, 512), "512x640")
    ]
    assert ["image_resolution" in found for found in subjects] == [False, False, True]


# The processors raise for sides of 1 to 200 (Qwen-VL, GLM-4V), for less than 10 pixels (Phi-4), or make no image at all
# (Pixtral).
@pytest.mark.parametrize(
    ("config", "sides"),
    [
        (QWEN2, (20, 4001)),
        (PUBLISHED["zai-org/GLM-4.1V-9B-Thinking"][0], (4001, 20)),
        (PUBLISHED["microsoft/Phi-4-multimodal-instruct"][0], (9, 448)),
        (PUBLISHED["mistral-community/pixtral-12b"][0], (5, 5649)),
    ],
)
def test_a_strip_that_a_processor_does_not_take_is_refused(config: dict[str, Any], sides: tuple[int, int]) -> None:
    with pytest.raises(ArgumentError, match=r"image_resolution is \d+ x \d+, .* no image of that shape"):
        calculate_memory(config, seq_length=65_536, num_images=1, image_resolution=sides)


# --- video ---------------------------------------------------------------------------------------------------------

# (seconds, frames a second, height, width): frames, positions of the tower for each token of a frame's grid, those
# tokens, and all that stands in the prompt. Frames and grids by the processors' own code (transformers 5.24,
# qwen-vl-utils 0.0.14) with the published settings.
WATCHED = {
    "Qwen2-VL, bounded by frame": (QWEN2, (60, None, 1080, 1920), 120, 4, 43_200, 43_200),
    "Qwen2-VL, small": (QWEN2, (60, None, 480, 640), 120, 4, 23_460, 23_460),
    "Qwen2-VL, four frames at least": (QWEN2, (1, None, 720, 1280), 4, 4, 1440, 1440),
    "Qwen2-VL, 768 at most": (QWEN2, (900, None, 1080, 1920), 768, 4, 105_984, 105_984),
    "Qwen2-VL, an odd frame left out": (QWEN2, (61.5, 1, 1920, 1080), 60, 4, 21_600, 21_600),
    # 10 minutes are 10,798 tokens with the question in mlx-vlm, which writes no times (Blaizzy/mlx-vlm#2050)
    "Qwen3-VL, long": (QWEN3, (600, None, 1080, 1920), 768, 4, 10_752, None),
    # each pair between two marks, after "<0.5 seconds>": "<", three digits and a point, " seconds", ">"
    "Qwen3-VL, short": (QWEN3, (4, None, 720, 1280), 8, 4, 3520, 3520 + 4 * (2 + 6)),
    "Qwen3-VL, an odd frame": (QWEN3, (9.5, 1, 480, 640), 9, 4, 1500, 1500 + 5 * (2 + 6)),
    "GLM-4.1V": ({"model_type": "glm4v"}, (60, None, 1080, 1920), 120, 4, 27_840, 27_840 + 60 * 3),
    "GLM-4.1V, beyond 5 minutes": ({"model_type": "glm4v"}, (400, None, 480, 640), 600, 4, 26_400, 26_400 + 300 * 3),
    "GLM-4.1V, a frame twice": ({"model_type": "glm4v"}, (7.5, 1, 720, 1280), 8, 4, 4784, 4784 + 4 * 3),
    "GLM-4.6V, short": ({"model_type": "glm46v"}, (20, None, 1080, 1920), 120, 4, 27_840, 27_840 + 60 * 6),
    "GLM-4.6V, long": ({"model_type": "glm46v"}, (1000, None, 720, 1280), 640, 4, 26_880, 26_880 + 320 * 6),
    "MiniMax-M3": ({"model_type": "minimax_m3_vl"}, (60, None, 720, 1280), 60, 4, 21_600, 21_600 + 30 * 2),
    # three marks and "\nFrame from 00:12:"
    "SmolVLM2": (SMOL_VIDEO, (20.6, None, 1080, 1920), 21, 16, 21 * 64, 21 * (64 + 13)),
    "SmolVLM2, 64 at most": (SMOL_VIDEO, (300, None, 480, 640), 64, 16, 64 * 64, 64 * (64 + 13)),
    # 27 x 27 patches are resized to 14 x 14, and one token ends the video
    "LLaVA-OneVision": (ONEVISION, (16, 2, 1080, 1920), 32, 729 / 196, 32 * 196, 32 * 196 + 1),
    "LLaVA-NeXT-Video": (NEXT_VIDEO, (8, 1, 1080, 1920), 8, 577 / 144, 8 * 144, 8 * 144),
    "InternVL": (INTERN, (8, 2, 1080, 1920), 16, 1025 / 256, 16 * 256, 16 * (256 + 8)),
    # 6 x 11 groups of 3 x 3 patches a frame, two marks and " 00:12 "
    "Gemma 4": (GEMMA_4, (60, None, 1080, 1920), 32, 9, 32 * 66, 32 * (66 + 2 + 7)),
    "Gemma 4, one a second": (GEMMA_4, (10, 1, 1080, 1920), 10, 9, 10 * 66, 10 * (66 + 2 + 7)),
    # the mean of four frames is 1,032 tokens, with four marks and "00:00:02.000"
    "Kimi-K2.5": (KIMI, (10, None, 1080, 1920), 20, 16, 5 * 1032, 5 * (1032 + 11)),
}  # fmt: skip


@each("name", WATCHED)
def test_a_video_is_as_many_frames_and_tokens_as_its_processor_makes(name: str) -> None:
    config, video, frames, positions, grids, tokens = WATCHED[name]
    rule = described(**config).videos
    assert rule is not None
    found = rule.size(*video)
    assert (found.frames, found.positions) == (frames, round(positions * grids))
    if tokens is not None:
        assert found.tokens == tokens


def test_qwen3_vl_is_as_many_tokens_as_vllm_counted() -> None:
    """184,463 and 224,957 with the question, of a clip of 90 s and a film of 10 min (vLLM #52754).

    183,600 and 221,184 of them are embeddings (transformers #48062), both with a longest_edge of 469,762,048.
    """
    rule: Any = replace(described(**QWEN3).videos, max_pixels=469_762_048)  # type: ignore[type-var]
    clip, film = rule.size(90, None, 1080, 1920), rule.size(596, None, 1080, 1920)
    assert (clip.frames, film.frames) == (180, 768)
    assert (clip.positions, film.positions) == (4 * 183_600, 4 * 221_184)
    assert clip.tokens == pytest.approx(184_463, abs=100)
    assert film.tokens == pytest.approx(224_957, abs=100)


@pytest.mark.parametrize("config", [ONEVISION, NEXT_VIDEO, INTERN], ids=lambda config: str(config["model_type"]))
def test_a_processor_that_samples_no_frames_needs_their_rate(config: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="video_fps is needed"):
        calculate_memory(config, seq_length=32_768, video_seconds=8)
    assert calculate_memory(config, seq_length=32_768, video_seconds=8, video_fps=1).video_tokens > 8 * 100


# --- sound ---------------------------------------------------------------------------------------------------------

HEARD: list[tuple[dict[str, Any], float, int]] = [
    # 40 ms a token (Qwen2-Audio's report), (((frames - 1) // 2 + 1) - 2) // 2 + 1 in its processor
    ({"model_type": "qwen2_audio"}, 30, 750),
    ({"model_type": "qwen2_audio"}, 10, 250),
    ({"model_type": "qwen2_audio"}, 2.51, 63),
    # windows of 30 s, 12.5 tokens of a second (mistral-common's audio encoder)
    ({"model_type": "voxtral"}, 30, 375),
    ({"model_type": "voxtral"}, 30.1, 750),
    ({"model_type": "voxtral"}, 600, 7500),
    # 188 of any sound (Gemma 3n's processor), 6.25 of a second (Google's documentation)
    (gemma3n(8192, 30, 10), 30, 188),
    (gemma3n(8192, 30, 10), 3, 188),
    # 25 of a second, 750 at most (Gemma 4's processor)
    (GEMMA_4, 30, 750),
    (GEMMA_4, 10, 250),
    # a token of 80 ms (Phi-4-multimodal's report)
    (PUBLISHED["microsoft/Phi-4-multimodal-instruct"][0], 10, 125),
    ({"model_type": "phi4_multimodal"}, 600, 7500),
    # 320 samples a position, 400 seen by one (wav2vec 2.0's paper: 49 Hz)
    ({"model_type": "wav2vec2"}, 10, 499),
]


@each(("config", "seconds", "tokens"), HEARD)
def test_a_sound_is_as_many_tokens_as_its_processor_makes(config: dict[str, Any], seconds: float, tokens: int) -> None:
    rule = described(**config).sounds
    assert rule is not None
    assert rule.size(seconds).tokens == tokens


def test_whisper_attends_1500_positions_of_any_sound_and_hears_30_seconds() -> None:
    without = calculate_memory(WHISPER, seq_length=448)
    report = calculate_memory(WHISPER, seq_length=448, audio_seconds=12)
    assert report.audio_tokens == 0
    assert report.total_memory_bytes == without.total_memory_bytes
    assert any("1,500 encoded positions" in note.text for note in report.notes)
    with pytest.raises(ArgumentError, match=r"hears at most 30 s .* one after the other and needs no more memory"):
        calculate_memory(WHISPER, seq_length=448, audio_seconds=3600)


@pytest.mark.parametrize(
    "config", [{"model_type": "qwen2_audio"}, GEMMA_4], ids=lambda config: str(config["model_type"])
)
def test_a_sound_that_would_be_cut_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"audio_seconds is 30\.5, .* hears at most 30 s"):
        calculate_memory(config, audio_seconds=30.5)


# --- what they take ------------------------------------------------------------------------------------------------


def test_a_video_and_a_sound_take_memory_beside_the_sequence_and_room_in_it() -> None:
    for config, short, long in (
        (QWEN3, {"video_seconds": 5}, {"video_seconds": 10}),
        ({"model_type": "voxtral"}, {"audio_seconds": 30}, {"audio_seconds": 60}),
        ({"model_type": "phi4_multimodal"}, {"audio_seconds": 30}, {"audio_seconds": 60}),
    ):
        none, less, more = (calculate_memory(config, seq_length=16_384, **given) for given in ({}, short, long))
        assert none.image_memory_bytes == 0 < less.image_memory_bytes
        assert more.image_memory_bytes == pytest.approx(2 * less.image_memory_bytes, rel=0.01)
        assert none.kv_cache_bytes == more.kv_cache_bytes
        assert 0 < less.video_tokens + less.audio_tokens < more.video_tokens + more.audio_tokens


def test_phi_4_keeps_a_spectrum_of_1024_channels_alive() -> None:
    """Its first convolution gives 1,024 channels at 50 x 40 places of a second, which its activation copies."""
    report = calculate_memory({"model_type": "phi4_multimodal"}, seq_length=4096, audio_seconds=30)
    assert 1 < report.image_memory_bytes / (30 * 50 * 40 * 2048 * 2) < 1.5


def test_phi_4_encodes_one_sound_after_the_other_and_keeps_what_they_give() -> None:
    """vLLM's phi4mm calls its encoder for each; 375 tokens of 3,072 values are handed on (x 2 bytes x 1.2)."""
    config = {"model_type": "phi4_multimodal"}
    one, four = (calculate_memory(config, batch, 4096, audio_seconds=30).image_memory_bytes for batch in (1, 4))
    assert four - one == pytest.approx(3 * 375 * 3072 * 2 * 1.2, rel=0.01)
    batched = [calculate_memory({"model_type": "voxtral"}, batch, 4096, audio_seconds=30) for batch in (1, 4)]
    assert batched[1].image_memory_bytes == pytest.approx(4 * batched[0].image_memory_bytes, rel=0.01)


def test_kinds_of_input_run_one_after_the_other() -> None:
    given: dict[str, Any] = {"seq_length": 65_536, "image_resolution": "720x1280"}
    image = calculate_memory(QWEN2, num_images=1, **given)
    video = calculate_memory(QWEN2, video_seconds=30, **given)
    both = calculate_memory(QWEN2, num_images=1, video_seconds=30, **given)
    assert video.image_memory_bytes < both.image_memory_bytes < video.image_memory_bytes + image.image_memory_bytes
    assert (both.image_tokens, both.video_tokens) == (image.image_tokens, video.video_tokens)


def test_a_batch_is_smaller_where_each_sequence_has_a_video() -> None:
    question: dict[str, Any] = {"memory_gb": 24, "seq_length": 14_336}
    video = max_batch_size(QWEN3, video_seconds=60, **question)
    assert video.image_memory_bytes > 0
    assert video.max_batch_size < max_batch_size(QWEN3, **question).max_batch_size


@each(
    ("config", "given", "said"),
    [
        (QWEN2, {"audio_seconds": 5}, "qwen2_vl takes no sound, only text, images and video; leave it out"),
        ({"model_type": "qwen2_audio"}, {"video_seconds": 5}, "takes no video, only text and sound; leave it out"),
        ("llama2_7b", {"video_seconds": 5}, "takes no video, only text; leave it out"),
        (
            seeing("paligemma", {}, tower("siglip_vision_model", 64, 96, 2, 4, image=224, patch=14)),
            {"video_seconds": 5},
            "video is not described, only of text and images; give its frames as num_images",
        ),
        (gemma3n(8192, 30, 10), {"video_seconds": 5}, "not described, only of text, images and sound"),
        (QWEN2, {"video_fps": 1}, "video_fps is 1, and there is no video"),
        (QWEN2, {"video_seconds": 0}, "video_seconds must be a number above 0"),
        (QWEN2, {"video_seconds": "soon"}, "video_seconds must be a number above 0"),
        (
            QWEN2,
            {"num_images": 1},
            "1 image(s) of 1024 x 1024 are 1,369 tokens, and seq_length is 1,024; give a longer",
        ),
        (QWEN2, {"num_images": 1, "video_seconds": 5}, "give a longer seq_length or fewer images or less video"),
        ({"model_type": "voxtral"}, {"audio_seconds": 90}, "90 s of sound are 1,125 tokens, and seq_length is 1,024"),
    ],
)
def test_what_cannot_be_shown_or_heard_is_said_in_a_sentence(config: Any, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        calculate_memory(config, seq_length=1024, **given)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_note_says_how_many_tokens_were_counted() -> None:
    report = calculate_memory(QWEN2, seq_length=65_536, video_seconds=60, image_resolution="1080x1920")
    note = next(note for note in report.notes if note.subject == "video_seconds")
    assert "43,200 tokens of 60 s of video, 120 frames" in note.text


def test_images_stand_beside_the_text_where_no_length_was_given() -> None:
    # 1,280 x 720 pixels in patches of 14, merged two by two: 46 x 26 tokens of 28 x 28
    images: dict[str, Any] = {"num_images": 4, "image_resolution": (1280, 720)}
    found = calculate_memory("Qwen/Qwen2.5-VL-72B-Instruct", **images)
    assert found.seq_length == 2048 + 4 * 46 * 26
    assert calculate_memory("Qwen/Qwen2.5-VL-72B-Instruct", num_images=1).seq_length == 2048
    with pytest.raises(ArgumentError, match=r"4,784 tokens: count them in input_tokens"):
        estimate_performance("Qwen/Qwen2.5-VL-72B-Instruct", "8 x H100", **images)
