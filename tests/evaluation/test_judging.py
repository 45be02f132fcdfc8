"""The judge itself: what it reads of a text, and that it finds wrong what is."""

import pytest

from .judging import Asked, Measured, Wanted

TEXT = (
    "It fits on 1 x H100: bf16 weights, bf16 KV cache, needs a total of 10.3 GB on one device (8.0 GB to 11.7 GB): "
    "weights 1.2 GB, KV cache 4,697 MB; decode 141 tokens/s (126 to 160), TPOT 7.1 ms (6.3 ms to 8.0 ms); "
    "4,937 output tokens/s (3,140 to 6,944) over all; TTFT 2,049.3 ms (1,332.0 ms to 10.2 s)."
)


@pytest.mark.parametrize(
    ("after", "unit", "value"),
    [
        (", KV cache", "GiB", 4.374),  # said in MB
        (": weights", "GB", 1.2),
        ("decode", "tokens/s", 141),
        ("", "output tokens/s", 4937),
    ],
)
def test_a_number_is_read_in_the_unit_of_the_source(after: str, unit: str, value: float) -> None:
    assert Wanted(after=after, unit=unit, low=value * 0.999, high=value * 1.001).missed(TEXT) is None
    assert Wanted(after=after, unit=unit, low=value * 1.01, high=value * 1.1).missed(TEXT) is not None


@pytest.mark.parametrize(
    ("after", "unit", "inside", "outside"),
    [
        ("needs a total of", "GB", 11, 12),
        ("needs a total of", "MB", 8100, 7800),
        ("decode", "tokens/s", 127, 170),
        ("TPOT", "ms", 8, 8.2),
        ("TPOT", "output tokens/s", 6944, 7200),
    ],
)
def test_a_range_contains_what_was_measured(after: str, unit: str, inside: float, outside: float) -> None:
    assert Measured(after=after, unit=unit, measured=inside).missed(TEXT) is None
    assert Measured(after=after, unit=unit, measured=outside).missed(TEXT) is not None


def test_a_range_that_says_little_is_wrong_whatever_it_contains() -> None:
    assert Measured(after="TTFT", unit="ms", measured=2000).missed(TEXT) == "1332 to 10200 ms, which says little"


def test_what_a_text_does_not_say_is_missed() -> None:
    asked = Asked(
        asks="",
        source="",
        tool="",
        arguments={},
        says=("(?i)does not fit",),
        numbers=(Wanted(after="LoRA", unit="GB", low=0, high=1),),
        contains=(Measured(after="an image", unit="s", measured=1),),
    )
    assert len(asked.missed(TEXT)) == 3
