"""Prompts: the questions that people begin with, each as the calls that answer it."""

from __future__ import annotations

from mcp.server import MCPServer


def add_prompts(server: MCPServer) -> None:
    """Add the prompts."""

    @server.prompt(
        title="Size a deployment",
        description="How many of which devices serve a model to so many users, and in which layout.",
    )
    def size_deployment(model: str, hardware: str = "", users: str = "", context: str = "") -> str:
        load = _said(" to {} users at once", users) + _said(" on {}", hardware)
        memory = _said(" with hardware {} and find=devices", hardware)
        times = "plan_deployment" if users else "best_parallelism"
        if hardware and users:
            times = "estimate_performance with concurrency"
        return (
            f"Size a deployment that serves {model}{load}{_said(', with sequences of {} tokens', context)}. "
            f"Call calculate_memory{memory} for what it needs and where it fits, then {times} for the layout and its "
            "times. Answer with the devices, the layout, TTFT, TPOT and their ranges, the spare memory, and every "
            "assumption that the notes name. Ask me for what is missing before you assume it."
        )

    @server.prompt(
        title="Choose hardware",
        description="Which accelerator serves a model best, or cheapest, with ranges and prices.",
    )
    def choose_hardware(model: str, request_rate: str = "", budget_usd_per_hour: str = "", precision: str = "") -> str:
        load = _said(" in {}", precision) + _said(" for {} requests a second", request_rate)
        budget = _said(" within {} US dollars an hour", budget_usd_per_hour)
        return (
            f"Choose the hardware to serve {model}{load}{budget}. "
            f"Call {'plan_deployment' if request_rate else 'compare_hardware'} once without naming hardware, and "
            "search_hardware for prices that it does not say. Name the best two or three with devices, layout, speed, "
            "range and price an hour; call those equal whose ranges overlap, and say what would tip the choice."
        )

    @server.prompt(
        title="Explain an out-of-memory",
        description="Why a serving engine ran out of memory at its start, and the smallest changes that mend it.",
    )
    def explain_out_of_memory(log: str, model: str = "", hardware: str = "") -> str:
        return (
            f"A serving engine ran out of memory{_said(' with {}', model)}{_said(' on {}', hardware)}. Call "
            "explain_startup_log with this log as text; say what took the memory, by how much it is short, and the "
            "smallest change that mends it with the flag that makes it. Check that change by calculate_memory with "
            f"engine_settings.\n\n{log}"
        )

    @server.prompt(
        title="Compare two models",
        description="Two models side by side: memory, speed and the context that fits on the same hardware.",
    )
    def compare_models(first: str, second: str, hardware: str = "H100", precision: str = "") -> str:
        return (
            f"Compare {first} with {second} on {hardware}{_said(', both in {}', precision)}. Call describe_model, "
            "calculate_memory and estimate_performance of both with the same hardware, precision and lengths, and "
            "max_batch_size with find=context. Answer in one table, in the same units, with ranges; say where the two "
            "are equal within them."
        )


def _said(words: str, value: str) -> str:
    """The words with the value in them; nothing where there is none."""
    return words.format(value) if value else ""
