"""Time of pipelines that make images and videos: operations against published counts, and limits that physics sets."""

from typing import Any

import pytest

from llm_memory_calculator import (
    best_parallelism,
    compare_hardware,
    estimate_end_to_end_performance,
    estimate_performance,
    estimate_serving,
    load_model,
)
from llm_memory_calculator.arguments import EstimatePerformance
from llm_memory_calculator.denoising import making_load
from llm_memory_calculator.errors import ArgumentError, CalculatorError, DoesNotFitError, LayoutError
from llm_memory_calculator.performance.making import Placed, decoding, denoising, encoding, making_of
from llm_memory_calculator.question import deployed, named
from llm_memory_calculator.ranks import holdings
from llm_memory_calculator.report import ImagesReport, PipelinePart

from ..rows import each

SD_15 = "stable-diffusion-v1-5/stable-diffusion-v1-5"
SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
FLUX = "black-forest-labs/FLUX.1-dev"
WAN = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"


def made(model: Any, hardware: str = "H200", **asked: Any) -> ImagesReport:
    report = estimate_performance(model, hardware, **asked)
    assert isinstance(report, ImagesReport)
    return report


def part(report: ImagesReport, name: str) -> PipelinePart:
    return next(one for one in report.parts if one.name == name)


def forward(model: str, side: int | str, name: str = "denoiser", **asked: Any) -> float:
    """Operations of one pass for one image."""
    report = made(model, image_resolution=side, num_inference_steps=1, guidance=False, **asked)
    return part(report, name).flops


def products(model: Any, side: int, **asked: Any) -> dict[str, float]:
    """Multiply-adds of one pass of each part for one image, attention's scores and sums left out."""
    question = EstimatePerformance(
        model=model, hardware="H200", image_resolution=side, num_inference_steps=1, guidance=False, **asked
    )
    accelerator, _ = named("H200", None)
    deployment = deployed(question, load_model(model), accelerator=accelerator)
    making = making_of(deployment, making_load(question, deployment))
    (holding,) = holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, deployment.engine)

    def counted(placed: list[Placed]) -> float:
        return sum(
            kind.count * operator.work(step).flops / 2
            for kind, step in placed
            if not kind.layer.idle
            for operator, _, _ in kind.operators
            if operator.kind == "matmul"
        )

    steps = {"encoders": encoding, "denoiser": denoising, "decoder": decoding}
    return {name: counted(list(part_of(making, holding))) for name, part_of in steps.items()}


def test_stable_diffusion_multiplies_as_often_as_published() -> None:
    """BK-SDM (arXiv 2305.15798), Stable Diffusion v1 at 512 x 512, MACs without those between activations: the U-Net
    339 G a pass, the decoder of images 1,240 G, the encoder of the prompt 7 G. Not checked against the paper's text;
    slides on Stable Diffusion with TensorRT (sgpjbg.com, 155314) count 1.68 TFLOP for the U-Net with guidance, 2.54
    TFLOP for the decoder, without saying what is counted."""
    found = products(SD_15, 512)
    assert found["denoiser"] == pytest.approx(339e9, rel=0.003)
    assert found["decoder"] == pytest.approx(1240e9, rel=0.001)
    assert found["encoders"] == pytest.approx(7e9, abs=0.5e9)
    # with attention about 0.4 tera multiply-adds, 0.8 TFLOP
    assert forward(SD_15, 512) == pytest.approx(0.8e12, rel=0.01)


def test_the_u_net_of_sdxl_multiplies_as_often_as_published() -> None:
    """2.98 tera MACs a pass at 1024 x 1024, counted likewise (about 6 TFLOP); from papers on SDXL's
    compression, not checked."""
    assert products(SDXL, 1024)["denoiser"] == pytest.approx(2.98e12, rel=0.005)


def test_a_diffusion_transformer_multiplies_as_often_as_published() -> None:
    """DiT-XL/2 at 256 x 256 (arXiv 2212.09748, table 4, not checked): 118.64 G, a multiply-add counted once.
    PixArt's layers without their attention to a prompt are these, but for the scales of each layer that DiT makes
    of the step."""
    transformer = {
        "_class_name": "PixArtTransformer2DModel", "num_layers": 28, "num_attention_heads": 16,
        "attention_head_dim": 72, "sample_size": 32, "cross_attention_dim": None, "use_additional_conditions": False,
        "caption_channels": None,
    }  # fmt: skip
    config = {"_class_name": "PixArtAlphaPipeline", "transformer": transformer}
    # without a decoder of images a latent position is a pixel
    flops = part(made(config, image_resolution=32, num_inference_steps=1, guidance=False), "denoiser").flops
    scales = 28 * 6 * 1152**2
    assert flops / 2 + scales == pytest.approx(118.64e9, rel=0.005)


def test_flux_s_layers_are_counted_over_image_and_prompt() -> None:
    """19 layers of two streams and 38 of one, each 12 x 3072^2 weights a position of image (64 x 64) or prompt (512),
    and attention of all to all; what is outside of the layers is less than half a per cent."""
    positions = 64 * 64 + 512
    each = 2 * positions * 12 * 3072**2 + 4 * positions**2 * 3072
    assert forward(FLUX, 1024) == pytest.approx(57 * each, rel=0.005)


def test_wan_s_layers_are_counted_over_all_frames() -> None:
    """30 layers of 1,536: 8 x 1536^2 + 2 x 1536 x 8960 weights a position, the keys and values of the prompt among them
    once a pass, over 21 x 30 x 52 positions (81 frames of 480 x 832)."""
    positions, hidden, prompt = 21 * 30 * 52, 1536, 512
    weights = 6 * hidden**2 + 2 * hidden * 8960
    each = 2 * positions * weights + 4 * prompt * hidden**2 + 4 * positions * (positions + prompt) * hidden
    assert forward(WAN, "480x832") == pytest.approx(30 * each, rel=0.005)


def test_one_image_of_a_decoder_of_videos_is_one_latent_frame() -> None:
    """Qwen-Image decodes one frame with Wan's decoder, which for 81 frames takes 21 latent ones: about 1/21 to 1/81 of
    the operations of a video."""
    image = forward("Qwen/Qwen-Image", "480x832", "decoder")
    video = forward(WAN, "480x832", "decoder")
    assert 21 < video / image < 81


def test_linear_attention_grows_with_the_positions_alone() -> None:
    sana = "Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers"
    assert forward(sana, 4096) / forward(sana, 2048) == pytest.approx(4, rel=0.02)
    assert forward(FLUX, 4096) / forward(FLUX, 2048) > 5


def test_sdxl_takes_as_long_as_measured() -> None:
    """On an A100 80 GB, 30 steps at 1024 x 1024 in bf16 with PyTorch's attention: 3.31 s, compiled 2.54 s (PyTorch's
    blog, Accelerating Generative AI Part III: Diffusion, Fast, January 2024, and diffusers' own documentation)."""
    report = made(SDXL, "A100_80GB", precision="bf16", num_inference_steps=30)
    interval = report.total_interval_ms
    assert interval.low < 2540
    assert interval.high > 3310
    assert report.total_ms == pytest.approx(2900, rel=0.3)


def test_flux_takes_as_long_as_measured() -> None:
    """On an H100, 28 steps at 1024 x 1024 in bf16: 6.43 and 6.7 s as it comes, 4.5 and 3.48 s compiled (Hugging Face's
    flux-fast, PyTorch's blog of May 2026)."""
    interval = made(FLUX, "H100", precision="bf16", num_inference_steps=28).total_interval_ms
    assert interval.low < 3480
    assert interval.high > 6700
    assert interval.high < 3 * interval.low


@pytest.mark.parametrize("model", [SD_15, SDXL, FLUX, WAN, "stabilityai/stable-diffusion-3.5-large"])
def test_the_parts_sum_to_the_time_and_stay_below_the_peak(model: str) -> None:
    report = made(model)
    assert sum(one.total_ms for one in report.parts) == pytest.approx(report.total_ms)
    assert all(0 < one.compute_share < 1 for one in report.parts)
    # H200's dense 16-bit peak by its datasheet
    assert report.total_interval_ms.low / 1e3 >= sum(one.flops for one in report.parts) / 989.5e12
    assert report.total_interval_ms.low < report.total_ms < report.total_interval_ms.high
    assert "not checked on other pipelines" in report.total_interval_ms.evidence
    assert "no evidence" in made(model, "MI300X").total_interval_ms.evidence
    assert sum(line.value for line in report.breakdown) == pytest.approx(report.total_ms)


def test_time_grows_with_steps_guidance_pixels_and_images() -> None:
    plain = made(SDXL, num_inference_steps=20, guidance=False)
    assert made(SDXL, num_inference_steps=40, guidance=False).step_ms == pytest.approx(plain.step_ms)
    twice, guided = (
        made(SDXL, num_inference_steps=40, guidance=False),
        made(SDXL, num_inference_steps=20, guidance=True),
    )
    assert part(twice, "denoiser").flops == pytest.approx(2 * part(plain, "denoiser").flops)
    assert part(guided, "denoiser").flops == pytest.approx(2 * part(plain, "denoiser").flops)
    assert guided.guidance_passes == 2
    assert not any("two passes" in note.text for note in plain.notes)
    # both passes at once read the weights once
    assert plain.total_ms < guided.total_ms <= twice.total_ms
    assert made(SDXL, num_inference_steps=20, image_resolution=2048).total_ms > 4 * guided.total_ms
    four = made(SDXL, num_inference_steps=20, num_images=4)
    assert guided.total_ms < four.total_ms < 4 * guided.total_ms
    assert four.seconds_per_image == pytest.approx(four.total_ms / 4e3)
    assert four.images_per_s == pytest.approx(4e3 / four.total_ms)


def test_longer_videos_take_more() -> None:
    short, long = (made(WAN, num_frames=count, num_inference_steps=2) for count in (41, 81))
    assert (short.num_frames, long.num_frames) == (41, 81)
    assert long.total_ms > 2 * short.total_ms


def test_copies_share_the_prompts() -> None:
    one, four = made(SDXL, batch_size=4), made(SDXL, "4xH200", batch_size=4)
    assert four.data_parallel == 4
    assert four.total_ms == pytest.approx(made(SDXL).total_ms)
    assert four.images_per_s > 2 * one.images_per_s


@pytest.mark.parametrize(
    ("model", "steps", "passes"),
    # num_inference_steps and guidance of __call__ in diffusers 0.36, of schnell and Turbo by their cards
    [
        (SDXL, 50, 2),
        (FLUX, 28, 1),
        ("black-forest-labs/FLUX.1-schnell", 4, 1),
        ("stabilityai/stable-diffusion-3.5-large", 28, 2),
        ("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS", 20, 2),
        ("Tongyi-MAI/Z-Image-Turbo", 9, 1),
        (WAN, 50, 2),
    ],
)
def test_a_pipeline_s_defaults_are_taken_and_said(model: str, steps: int, passes: int) -> None:
    report = made(model)
    assert (report.num_inference_steps, report.guidance_passes) == (steps, passes)
    subjects = {note.subject for note in report.notes if note.origin == "assumption"}
    assert {"num_inference_steps", "guidance", "image_resolution"} <= subjects
    told = made(model, num_inference_steps=steps, guidance=passes == 2)
    assert told.total_ms == pytest.approx(report.total_ms)
    assert "num_inference_steps" not in {note.subject for note in told.notes}


def test_a_model_is_asked_at_the_size_that_it_was_made_for() -> None:
    assert (made(SD_15).height, made(SD_15).width) == (512, 512)
    assert (made(WAN).height, made(WAN).width) == (480, 832)
    assert made(SD_15, image_resolution="768x512").height == 768


def test_one_of_two_denoisers_runs_in_a_step() -> None:
    """Wan 2.2's A14B has two of Wan 2.1's 14B, each for a part of the steps."""
    two, one = (f"Wan-AI/{name}-Diffusers" for name in ("Wan2.2-T2V-A14B", "Wan2.1-T2V-14B"))
    assert forward(two, "480x832") == pytest.approx(forward(one, "480x832"))


def test_words_say_seconds_an_image_and_the_original_s_function_answers_too() -> None:
    report = estimate_end_to_end_performance(SDXL, system_name="H100")
    assert isinstance(report, ImagesReport)
    assert report.total_ms == pytest.approx(made(SDXL, "H100").total_ms)
    assert f"{report.seconds_per_image:,.3g} s an image" in str(report)
    assert "s a video" in str(made(WAN))


@each(
    ("asked", "error", "said"),
    [
        ({"tensor_parallel": 2}, LayoutError, "whole on each device"),
        ({"concurrency": 4}, ArgumentError, "concurrency has no meaning for"),
        ({"output_tokens": 4}, ArgumentError, "output_tokens has no meaning for"),
        ({"num_frames": 4}, ArgumentError, "makes no videos"),
        ({"engine_settings": {"offload": "model"}}, ArgumentError, "leave offload out"),
        ({"num_inference_steps": 0}, ArgumentError, "num_inference_steps must be between 1 and"),
        ({"model": "stabilityai/stable-cascade"}, ArgumentError, "is not described: it is of StableDiffusionPipeline"),
        ({"model": "gpt2", "guidance": True}, ArgumentError, "guidance is of pipelines"),
        ({"model": "gpt2", "image_resolution": 512}, ArgumentError, "image_resolution is of pipelines"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        estimate_performance(**{"model": SDXL, "hardware": "H100", **asked})


def test_questions_of_tokens_refuse_a_pipeline_and_say_what_to_ask() -> None:
    for ask in (
        lambda: best_parallelism(SDXL, "H100"),
        lambda: compare_hardware(SDXL),
        lambda: estimate_serving(SDXL, "H100", concurrency=4),
    ):
        with pytest.raises(CalculatorError, match="ask estimate_performance"):
            ask()


@pytest.mark.parametrize("resolution", [8192, 65536])
def test_images_that_no_end_of_the_range_holds_are_refused(resolution: int) -> None:
    # of 65,536 x 65,536 pixels the decoder's widest layer alone is 4.3e9 x 128 values
    with pytest.raises(DoesNotFitError, match="give a smaller image_resolution"):
        estimate_performance(SDXL, "RTX 4090", image_resolution=resolution)
