"""Any number of a load, and the copies of a layout, may be an array: a sweep equals its scalars, for every family."""

import random

import numpy
import pytest

from llm_memory_calculator import load_model
from llm_memory_calculator.deployment import Deployment, Load, Pictures
from llm_memory_calculator.engines import device_of, engine_for
from llm_memory_calculator.formats.numerics import FORMATS
from llm_memory_calculator.memory import Ledger, judge, ledger
from llm_memory_calculator.memory.adapters import Adapters
from llm_memory_calculator.parallel import Parallelism, most_stages, tensor_sizes
from llm_memory_calculator.performance.phases import decode_time, prefill_time, shares
from llm_memory_hardware import get_accelerator

from .families import one_of_each_family

NAMES = one_of_each_family()
FIELDS = [
    "stage",
    "weights",
    "loaded",
    "kv_cache",
    "state",
    "paging",
    "images",
    "adapters",
    "activations",
    "overhead",
    "context",
    "buffers",
    "graphs",
    "total",
]
Numbers = dict[str, int]


def drawn(draw: random.Random) -> Numbers:
    """One load: short and long prompts, more and fewer than a step takes, and copies that share them."""
    return {
        "sequences": draw.choice([1, 2, 3, 7, 64, 500]),
        "tokens": draw.choice([1, 2, 127, 2048, 4096, 8191, 8192, 8193, 20_000, 131_072]),
        "output": draw.choice([1, 2, 3, 128, 1000]),
        "beams": draw.choice([1, 1, 2]),
        "images": draw.randint(1, 3),
        "data": draw.choice([1, 1, 2, 3]),
        "source": draw.choice([1, 500, 30_000]),
        "loras": draw.randint(1, 4),
        "rank": draw.choice([8, 16, 64]),
        "memory": draw.choice([24, 80]) * 10**9,
    }


def placed(name: str, layout: Parallelism, numbers: dict[str, object]) -> tuple[Deployment, Load]:
    model = load_model(name)
    rule = model.architecture.latents or model.architecture.images
    images = None if rule is None else Pictures(count=numbers["images"], size=rule.size(640, 480), sides=(640, 480))
    deployment = Deployment(
        model=model,
        formats=model.formats(None, None),
        engine=engine_for(device=device_of(get_accelerator("H100"))),
        accelerator=get_accelerator("H100"),
        layout=Parallelism(
            tensor=layout.tensor,
            pipeline=layout.pipeline,
            expert=layout.expert,
            data=numbers["data"],  # type: ignore[arg-type]
        ),
    )
    load = {field: numbers[field] for field in ("sequences", "tokens", "output", "beams")}
    if model.architecture.task == "encoder-decoder":
        load["source"] = numbers["source"]
    adapters = Adapters(
        count=numbers["loras"], rank=numbers["rank"], targets=(), form=FORMATS["bf16"], fully_sharded=False
    )
    return deployment, Load(images=images, adapters=adapters, **load)


def layout_for(name: str, draw: random.Random) -> Parallelism:
    architecture = load_model(name).architecture
    tensor = draw.choice(tensor_sizes(architecture, 8))
    return Parallelism(tensor=tensor, pipeline=draw.randint(1, min(4, most_stages(architecture))))


def figures(deployment: Deployment, load: Load, memory: object) -> dict[str, object]:
    """Everything between a load and a report."""
    need: Ledger = ledger(deployment, load)
    found: dict[str, object] = {field: getattr(need, field) for field in FIELDS}
    found["margin"] = judge(deployment, load, need, memory).margin_bytes
    task = deployment.architecture.task
    if task != "diffusion":
        prefill = prefill_time(deployment, load)
        found |= {f"prefill {kind}": value for kind, value in prefill.seconds.items()}
        found["prefill share"], found["prefill bandwidth"] = shares(deployment, prefill)
    if task not in ("diffusion", "encoder"):
        decode = decode_time(deployment, load)
        found |= {f"decode {kind}": value for kind, value in decode.seconds.items()}
        found["decode share"], found["decode bandwidth"] = shares(deployment, decode)
    return found


@pytest.mark.parametrize("part", range(4))
def test_a_sweep_of_loads_equals_its_scalars_for_every_family(part: int) -> None:
    draw = random.Random(part)
    for name in NAMES[part::4]:
        layout = layout_for(name, draw)
        points = [drawn(draw) for _ in range(2)]
        arrays: dict[str, object] = {
            field: numpy.array([point[field] for point in points], dtype=numpy.float64) for field in points[0]
        }
        swept = figures(*placed(name, layout, arrays), arrays["memory"])
        for place, point in enumerate(points):
            for figure, value in figures(*placed(name, layout, dict(point)), point["memory"]).items():
                of_sweep = swept[figure]
                if isinstance(of_sweep, numpy.ndarray):
                    of_sweep = of_sweep[place]
                assert of_sweep == pytest.approx(value, rel=1e-12), (name, figure, point, str(layout))


def test_bytes_of_a_sweep_are_those_of_its_scalars_to_the_last() -> None:
    draw = random.Random(501)
    for name in ("deepseek-ai/DeepSeek-V3", "google/gemma-3-27b-it", "Qwen/Qwen3-30B-A3B", "ai21labs/Jamba-v0.1"):
        layout, points = layout_for(name, draw), [drawn(draw) for _ in range(50)]
        arrays: dict[str, object] = {
            field: numpy.array([point[field] for point in points], dtype=numpy.float64) for field in points[0]
        }
        swept = ledger(*placed(name, layout, arrays)).total
        assert [int(value) for value in swept] == [ledger(*placed(name, layout, dict(one))).total for one in points]
