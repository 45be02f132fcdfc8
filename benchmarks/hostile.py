"""A server under attack: hostile arguments, huge bodies, and long questions among many short ones, over HTTP.

    python benchmarks/hostile.py [--sets 20000] [--concurrent 500] [--long 50]

Starts a server, and says of each part how many calls were made and lost, how long they took, how long the longest reply
was, and what memory the server took at most. Exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm_memory_server.limits import MOST_BODY
from llm_memory_server.tools import TOPICS, input_schema

MOST_REPLY, MOST_ERROR, MOST_MEMORY, LIGHT_P99_S = 64_000, 2_000, 500e6, 1.0
MODELS = [
    "llama3_8b", "llama3_70b", "meta-llama/Llama-3.1-405B", "Qwen/Qwen3-8B", "qwen3_32b", "Qwen/Qwen2.5-7B",
    "deepseek_v3", "mistralai/Mixtral-8x7B-v0.1", "google/gemma-2-27b", "gpt2", "no-such/model-at-all",
]  # fmt: skip
HARDWARE = ["H100", "H200", "A100_80GB", "B200", "MI300X", "L40S", "A10G", "rtx 4090", "TPU v5e", "no such card"]
LONG: list[tuple[str, dict[str, Any]]] = [
    ("compare_hardware", {"model": "deepseek_v3", "devices": 1024, "top": 250}),
    ("compare_hardware", {"model": "deepseek_v3", "devices": 512}),
    ("best_parallelism", {"model": "meta-llama/Llama-3.1-405B", "hardware": "H100", "devices": 1024}),
    ("plan_deployment", {"model": "llama3_70b", "request_rate": 50, "ttft_target_ms": 2000}),
    ("compare_hardware", {"model": "qwen3_32b"}),
]


def light_call(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A question that is answered at once, and that hardly anybody has asked before."""
    name = chance.choice(["calculate_memory", "calculate_memory", "max_batch_size", "estimate_performance"])
    asked = {
        "model": chance.choice(MODELS),
        "hardware": chance.choice(HARDWARE),
        "devices": 2 ** chance.randrange(4),
        "precision": chance.choice(["bf16", "fp8", "int4"]),
    }
    if name == "max_batch_size":
        return name, asked | {"seq_length": chance.randrange(256, 16_384)}
    sizes = {"batch_size": chance.randrange(1, 65), "seq_length": chance.randrange(256, 8_192)}
    if name == "estimate_performance":
        return name, asked | {"batch_size": sizes["batch_size"], "input_tokens": sizes["seq_length"]}
    return name, asked | sizes


@dataclass
class Part:
    """What came of some calls."""

    name: str
    sent: int = 0
    answered: int = 0
    refused: int = 0
    broken: list[str] = field(default_factory=list)
    longest_reply: int = 0
    longest_error: int = 0
    seconds: list[float] = field(default_factory=list)
    slowest: str = ""
    """What was asked that took longest."""

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def __str__(self) -> str:
        times = " ".join(f"{name} {self.percentile(share):.3f} s" for name, share in (("p50", 0.5), ("p99", 0.99)))
        return (
            f"{self.name:10} {self.sent:6} sent, {self.answered} answered, {self.refused} refused, "
            f"{len(self.broken)} broken; {times} most {max(self.seconds, default=0):.3f} s; longest reply "
            f"{self.longest_reply / 1e3:.1f} kB, error {self.longest_error} characters"
        )


class Server:
    """A server in a process of its own."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        command = [sys.executable, "-m", "llm_memory_calculator", "serve", "--transport", "streamable-http"]
        self.process = subprocess.Popen(
            [*command, "--stateless", "--port", str(self.port)], env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )

    async def ready(self) -> None:
        for _ in range(600):
            try:
                if b" 200 " in (await self.exchange(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\n"))[:20]:
                    return
            except OSError:
                pass
            await asyncio.sleep(0.1)
        raise SystemExit("The server is not ready after 60 s.")

    async def exchange(self, head: bytes, body: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            with contextlib.suppress(ConnectionError):
                # a body that is too large is refused before it is sent
                await writer.drain()
            return await reader.read()
        finally:
            writer.close()

    async def call(self, part: Part, name: str, arguments: Any, *, limit_s: float = 600) -> None:
        """One call of a tool, counted."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
            "Accept: application/json, text/event-stream\r\n"
        )
        part.sent += 1
        begun = time.monotonic()
        body = json.dumps(asked).encode()
        try:
            reply = await asyncio.wait_for(self.exchange(head.encode(), body), limit_s)
        except (TimeoutError, OSError) as error:
            if len(body) > MOST_BODY and isinstance(error, ConnectionError):
                # refused and closed before all of it was sent
                part.refused += 1
                return
            part.broken.append(f"{name} {str(arguments)[:200]}: {error!r}")
            return
        seconds = time.monotonic() - begun
        if seconds > max(part.seconds, default=0.0):
            part.slowest = f"{name} {str(arguments)[:300]}"
        part.seconds.append(seconds)
        self._count(part, reply, f"{name} {str(arguments)[:300]}")

    @staticmethod
    def _count(part: Part, reply: bytes, asked: str) -> None:
        head, _, body = reply.partition(b"\r\n\r\n")
        part.longest_reply = max(part.longest_reply, len(body))
        if b" 413 " in head[:20]:
            part.refused += 1
            return
        told = [line[6:] for line in body.split(b"\r\n") if line.startswith(b"data: {")] or [body]
        try:
            answer = json.loads(told[-1])
            result = answer.get("result") or {"isError": True, "content": [{"text": answer["error"]["message"]}]}
            text = result["content"][0]["text"]
        except (IndexError, KeyError, ValueError) as error:
            part.broken.append(f"{asked}: {error!r} in {reply[:300]!r}")
            return
        if "structuredContent" in result:
            part.answered += 1
            return
        part.refused += 1
        part.longest_error = max(part.longest_error, len(text))
        if text.startswith("Error executing") or len(text) > MOST_ERROR:
            part.broken.append(f"{asked}: {text[:200]}")

    @property
    def processes(self) -> list[int]:
        """Its own, and those that it has started."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [self.process.pid, *(int(one) for told in children for one in told.read_text(encoding="ascii").split())]

    @property
    def memory(self) -> list[float]:
        """The most bytes that each of its processes had so far."""
        return [
            int(line.split()[1]) * 1024.0
            for one in self.processes
            for line in Path(f"/proc/{one}/status").read_text(encoding="ascii").splitlines()
            if line.startswith("VmHWM")
        ]

    @property
    def computed_s(self) -> float:
        """Seconds of computing so far."""
        told = (Path(f"/proc/{one}/stat").read_text(encoding="ascii").rpartition(")")[2] for one in self.processes)
        fields = (one.split() for one in told)
        return sum(int(one[11]) + int(one[12]) for one in fields) / os.sysconf("SC_CLK_TCK")


ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 1e308, 1e-308, 0.5, "", " ", "\0", "~\0", "../../etc/passwd",
    "/etc/passwd", "~/.ssh", "file:///etc/passwd", "http://169.254.169.254/", "'; DROP TABLE", "${HOME}", "%s%s%n",
    "\u202e\u0000\ud83d\ude00", "x" * 5_000, "A/" * 500, "é" * 300, "128k", "-0", "1e9", "NaN", "inf", "0x10", [], [[]],
    {}, {"": ""}, [None], ["H100"] * 50, {"model_type": "llama"}, {"model_type": 3}, {"model_type": "x" * 9_000},
    {"model_type": "llama", "hidden_size": 2**70}, {"model_type": "git", "architectures": 3},
    {"model_type": "llama", "hidden_size": -5, "num_hidden_layers": 10**9}, {"a": {"b": {"c": [1, 2, {"d": None}]}}},
]  # fmt: skip


def hostile_sets(count: int, seed: int) -> list[tuple[str, Any]]:
    """Calls with arguments that are wrong in kind, in size, in spelling, or all of these."""
    chance = random.Random(seed)
    schemas = {name: input_schema(topic.question)["properties"] for name, topic in TOPICS.items()}
    sane = {
        "model": ["llama3_8b", "Qwen/Qwen3-8B", "deepseek_v3", "no-such/model"],
        "hardware": ["H100", "A100_80GB", "rtx 4090", "no such"],
        "devices": [1, 2, 8, 1024],
        "precision": ["fp8", "int4", "bf16"],
        "batch_size": [1, 8, 1_000_000],
    }
    found: list[tuple[str, Any]] = []
    for _ in range(count):
        name = chance.choice([*schemas, *schemas, "no_such_tool"])
        known = list(schemas.get(name, {}))
        arguments: dict[str, Any] = {"model": chance.choice(sane["model"])}
        for key in chance.sample(known, min(len(known), chance.randint(0, 5))):
            usual = sane.get(key) or schemas[name][key].get("enum") or schemas[name][key].get("examples") or [1]
            arguments[key] = chance.choice(ODD) if chance.random() < 0.6 else chance.choice(usual)
        if chance.random() < 0.1:
            arguments[chance.choice(["", "modle", "x" * 3_000, "\0", "__class__", "self"])] = chance.choice(ODD)
        found.append((name, arguments))
    return found


async def in_turn(server: Server, part: Part, calls: Sequence[tuple[str, Any]], at_once: int) -> None:
    """The calls, so many at once."""
    left = list(reversed(calls))

    async def worker() -> None:
        while left:
            await server.call(part, *left.pop())

    await asyncio.gather(*(worker() for _ in range(at_once)))


def huge() -> list[tuple[str, Any]]:
    return [
        ("calculate_memory", {"model": "llama3_8b", **{f"unknown_key_{number}": number for number in range(49_000)}}),
        ("calculate_memory", {f"k{number}": 0 for number in range(100_000)}),
        ("calculate_memory", {"config": {f"k{number}": 0 for number in range(100_000)}}),
        ("calculate_memory", {"config": {"model_type": "llama", **{f"k{number}": 0 for number in range(90_000)}}}),
        ("calculate_memory", {"model": "llama3_8b", "precision": "x" * 1_900_000}),
        ("calculate_memory", {"model": "llama3_8b", "precision": "x" * 3_000_000}),
        ("calculate_memory", {"model": "x" * 1_900_000}),
        ("calculate_memory", {"model": "a/" * 900_000}),
        ("calculate_memory", {"config": {"model_type": "llama" * 300_000}}),
        ("estimate_performance", {"model": "llama3_8b", "hardware": "h" * 1_900_000}),
        ("compare_hardware", {"model": "llama3_8b", "hardware": ["h"] * 300_000}),
        ("compare_hardware", {"model": "llama3_8b", "hardware": ["H100"] * 200_000}),
        ("compare_hardware", {"model": "llama3_8b", "hardware": [f"h{number}" for number in range(150_000)]}),
        ("x" * 1_900_000, {}),
        ("compare_hardware", {"model": "llama3_8b", "top": 250, "detail": "full"}),
    ]


async def attack(sets: int, concurrent: int, long: int, seed: int) -> int:
    server = Server()
    parts: list[Part] = []

    def begin(name: str) -> Part:
        parts.append(Part(name))
        return parts[-1]

    try:
        await server.ready()
        chance = random.Random(seed)
        alone = begin("alone")
        for _ in range(100):
            await server.call(alone, *light_call(chance))
        print(alone, flush=True)
        bodies = begin("huge")
        await in_turn(server, bodies, huge(), 1)
        print(bodies, flush=True)
        # what as many take without long ones beside them tells what the machine is busy with
        plain = begin("without")
        await in_turn(server, plain, [light_call(chance) for _ in range(concurrent - long)], concurrent)
        print(plain, flush=True)
        light, heavy = begin("light"), begin("long")
        calls = [(heavy, *chance.choice(LONG)) for _ in range(long)]
        calls += [(light, *light_call(chance)) for _ in range(concurrent - long)]
        chance.shuffle(calls)
        asked = [asyncio.create_task(server.call(*call)) for call in calls]
        while light.sent < concurrent - long or len(light.seconds) + len(light.broken) < light.sent:
            await asyncio.sleep(0.1)
        print(light, flush=True)
        await asyncio.gather(*asked)
        print(heavy, flush=True)
        if sets:
            hostile = begin("hostile")
            await in_turn(server, hostile, hostile_sets(sets, seed), 8)
            print(hostile, flush=True)
        memory, computed = server.memory, server.computed_s
    finally:
        begun = time.monotonic()
        server.process.terminate()
        code = server.process.wait(30)
        ended = time.monotonic() - begun
    print(
        f"memory {' + '.join(f'{one / 1e6:.0f}' for one in memory)} MB at most, {computed:.0f} s computed; "
        f"ended with {code} in {ended:.2f} s"
    )
    for part in parts:
        print(f"slowest {part.name}: {part.slowest}")
        for one in part.broken[:20]:
            print(f"BROKEN {part.name}: {one}")
    bad = sum(len(part.broken) for part in parts) + (max(part.longest_reply for part in parts) > MOST_REPLY)
    return 1 if bad or sum(memory) > MOST_MEMORY or light.percentile(0.99) > LIGHT_P99_S else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=20_000)
    parser.add_argument("--concurrent", type=int, default=500)
    parser.add_argument("--long", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    sys.exit(asyncio.run(attack(told.sets, told.concurrent, told.long, told.seed)))


if __name__ == "__main__":
    main()
