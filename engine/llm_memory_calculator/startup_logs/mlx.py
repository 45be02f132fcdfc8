"""mlx-lm's lines. It reserves nothing at the start: what it says is a warning, and the peak after an answer."""

from __future__ import annotations

from .reading import NUMBER, Reading, Rule, Said, hits, read, rule
from .text import LogText


def _peak(reading: Reading, said: Said) -> None:
    """Its GB are 10^9 bytes; it is after an answer, so the model has run."""
    reading.keep_last("peak", float(said.match[1]) * 10**9, said)
    reading.reached.add("ready")


_RULES: tuple[Rule, ...] = (
    rule(
        "with a model that requires",
        rf"a model that requires (?P<weights>{NUMBER}) MB which is close to the maximum recommended size of "
        rf"(?P<working_set>{NUMBER}) MB",
        unit="MiB",
    ),
    rule("Peak memory: ", rf"Peak memory: ({NUMBER}) GB", take=_peak),
    rule("tokens-per-sec", r"Prompt: (?P<set_prompt_tokens>\d{1,9}) tokens"),
    rule("CallbackErrorOutOfMemory", outcome="oom"),
)


def read_mlx(text: LogText) -> Reading:
    """What mlx-lm says of its last answer."""
    reading = Reading(engine="mlx")
    read(reading, hits(text, _RULES), [])
    return reading
