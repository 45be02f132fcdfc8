"""Random questions, answered: what a change of the code changes in the answers.

`python benchmarks/random_questions.py ask OUT.jsonl [--count 5000] [--seed 9]` with one commit installed, the same with
another (`--like OUT.jsonl` where that has another catalogue: the same questions), then
`python benchmarks/random_questions.py compare A.jsonl B.jsonl`. Only public functions are asked.
"""

import argparse
import dataclasses
import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

FORMATS = [None] * 6 + ["bf16", "fp8", "int8", "int4", "awq", "gptq", "nf4", "mxfp4", "q4_k_m", "q8_0", "q2_k", "fp32"]
CACHES = [None] * 5 + ["fp8", "bf16", "int8", "fp32", "q8_0"]
HARDWARE = [
    "H100",
    "A100_80GB",
    "A100_40GB",
    "H200",
    "B200",
    "L4",
    "L40S",
    "RTX_4090",
    "RTX_3090",
    "MI300X",
    "MI250X",
    "T4",
    "TPU_v5e",
    "GB200",
    "M2_Ultra",
    "8xH100",
    "p5.48xlarge",
    "V100_32GB",
    "Gaudi3",
    "A10G",
]
ROUNDING = 1e-12


def power(draw: random.Random, most: int) -> int:
    """A whole number up to `most`, as often small as large."""
    return max(1, int(math.exp(draw.uniform(0, math.log(most)))))


def layout(draw: random.Random) -> dict[str, Any]:
    """No layout, devices alone, or a layout of which some cannot be."""
    kind = draw.randrange(4)
    if kind == 0:
        return {}
    if kind == 1:
        return {"devices": draw.choice([1, 2, 3, 4, 6, 8, 12, 16, 32])}
    found = {"tensor_parallel": draw.choice([1, 1, 2, 4, 8, 16])}
    if draw.random() < 0.5:
        found["pipeline_parallel"] = draw.choice([1, 2, 3, 4, 8, 16])
    if draw.random() < 0.3:
        found["data_parallel"] = draw.choice([1, 2, 4])
    if draw.random() < 0.2:
        found["expert_parallel"] = draw.choice([1, 2, 4, 8])
    return found


def beside(draw: random.Random) -> dict[str, Any]:
    """Images, a source, adapters."""
    found: dict[str, Any] = {}
    if draw.random() < 0.15:
        found |= {"num_images": draw.randint(1, 4), "image_resolution": draw.choice([224, 512, 1024])}
    if draw.random() < 0.1:
        found["encoder_seq_length"] = power(draw, 4096)
    if draw.random() < 0.15:
        adapters = {"max_loras": draw.randint(1, 8), "max_lora_rank": draw.choice([8, 16, 64])}
        if draw.random() < 0.5:
            adapters["target_modules"] = draw.choice([["q_proj", "v_proj"], ["attn"], ["ffn"]])
        found["lora_config"] = adapters
    return found


def questions(count: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    from llm_memory_calculator import catalogue_names

    draw, models = random.Random(seed), sorted(catalogue_names())
    for _ in range(count):
        function = draw.choices(
            ["calculate_memory", "max_batch_size", "estimate_performance", "best_parallelism", "compare_hardware"],
            [40, 20, 25, 12, 3],
        )[0]
        asked: dict[str, Any] = {"precision": draw.choice(FORMATS), "kv_precision": draw.choice(CACHES)}
        model = draw.choice(models)
        if function in ("calculate_memory", "max_batch_size"):
            asked |= {"seq_length": power(draw, 200_000)} | layout(draw) | beside(draw)
            if draw.random() < 0.5 or function == "max_batch_size":
                asked |= {"hardware": draw.choice(HARDWARE)} if draw.random() < 0.8 else {"memory_gb": power(draw, 500)}
        else:
            asked |= {"input_tokens": power(draw, 60_000), "output_tokens": power(draw, 4_000)}
            asked["hardware"] = draw.choice(HARDWARE)
        if function != "max_batch_size":
            asked["batch_size"] = power(draw, 512)
        if function == "calculate_memory":
            asked["model_id_or_config"] = model
            if draw.random() < 0.05:
                asked |= draw.choice([{"framework_overhead": 1.2}, {"include_gradients": True}])
        else:
            asked["model"] = model
        if function == "estimate_performance":
            asked |= layout(draw)
        if function == "best_parallelism":
            asked |= {"devices": draw.choice([None, 2, 8, 16]), "goal": draw.choice(["throughput", "latency"])}
        if function == "compare_hardware":
            asked["hardware"] = draw.sample(HARDWARE, 4)
        yield function, {name: value for name, value in asked.items() if value is not None}


def plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [plain(entry) for entry in value]
    return value


def asked_before(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    with open(path, encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            yield entry["function"], entry["asked"]


def ask(path: str, asking: Iterator[tuple[str, dict[str, Any]]]) -> None:
    import llm_memory_calculator as calculator

    with open(path, "w", encoding="utf-8") as file:
        for function, asked in asking:
            try:
                answer = plain(getattr(calculator, function)(**asked))
            except calculator.CalculatorError as error:
                answer = {"error": type(error).__name__, "text": str(error)}
            file.write(json.dumps({"function": function, "asked": asked, "answer": answer}) + "\n")


def differences(before: Any, after: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(field, before, after): fields that both have, numbers to rounding, notes in any order."""
    if isinstance(before, dict) and isinstance(after, dict):
        if ("error" in before) != ("error" in after):
            yield f"{where}refused", before.get("text"), after.get("text")
            return
        for key in before.keys() & after.keys():
            yield from differences(before[key], after[key], f"{where}{key}.")
    elif isinstance(before, list) and isinstance(after, list):
        if where.endswith("notes."):
            before, after = ([json.dumps(note, sort_keys=True) for note in notes] for notes in (before, after))
            before, after = sorted(before), sorted(after)
        if len(before) != len(after):
            yield where, before, after
            return
        for one, other in zip(before, after, strict=True):
            yield from differences(one, other, where)
    elif isinstance(before, float) and isinstance(after, float):
        if not math.isclose(before, after, rel_tol=ROUNDING):
            yield where, before, after
    elif before != after:
        yield where, before, after


def compare(one: str, other: str, shown: int) -> None:
    fields, unlike, count, rounded = Counter[str](), 0, 0, 0
    with open(one, encoding="utf-8") as first, open(other, encoding="utf-8") as second:
        for before, after in zip(map(json.loads, first), map(json.loads, second), strict=True):
            assert before["asked"] == after["asked"]
            count += 1
            rounded += before["answer"] != after["answer"]
            found = list(differences(before["answer"], after["answer"]))
            fields.update({where for where, _, _ in found})
            unlike += bool(found)
            if found and unlike <= shown:
                print(before["function"], before["asked"])
                for where, was, now in found[:6]:
                    print(f"    {where} {str(was)[:300]}\n      -> {str(now)[:300]}")
    print(f"{unlike} of {count} differ; {rounded} counting the last digit, new fields and the order of notes.")
    for where, times in fields.most_common():
        print(f"{times:>6} {where}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    asking = commands.add_parser("ask")
    asking.add_argument("path")
    asking.add_argument("--count", type=int, default=5000)
    asking.add_argument("--seed", type=int, default=9)
    asking.add_argument("--like")
    comparing = commands.add_parser("compare")
    comparing.add_argument("one")
    comparing.add_argument("other")
    comparing.add_argument("--shown", type=int, default=20)
    given = parser.parse_args()
    if given.command == "ask":
        ask(given.path, asked_before(given.like) if given.like else questions(given.count, given.seed))
    else:
        compare(given.one, given.other, given.shown)


if __name__ == "__main__":
    main()
