"""Questions of real people, asked of the tools, judged on the text of the answer alone.

Each is one call, with arguments as an assistant writes them who has not read how ours are called; a refusal is judged
as an answer. One that is answered wrongly today says why in `fails`, and fails here once it is answered rightly.
"""

import pytest

from llm_memory_calculator import CalculatorError
from llm_memory_server.tools import call

from .judging import Asked, questions

QUESTIONS = tuple(questions())


def _asked(asked: Asked) -> object:
    marks = [] if asked.fails is None else [pytest.mark.xfail(reason=asked.fails, raises=AssertionError, strict=True)]
    return pytest.param(asked, id=f"{asked.source.partition('://')[2]} {asked.asks[:40]}", marks=marks)


@pytest.mark.parametrize("asked", [_asked(asked) for asked in QUESTIONS])
def test_an_answer_says_what_is_right(asked: Asked) -> None:
    try:
        (content,) = call(asked.tool, asked.arguments).content
        text = content.text
    except CalculatorError as error:
        text = str(error)
    assert asked.missed(text) == [], text


def test_there_are_as_many_questions_as_are_needed_to_judge_by() -> None:
    assert len(QUESTIONS) >= 80
    assert all(asked.says or asked.numbers or asked.contains for asked in QUESTIONS)
    assert len({asked.source for asked in QUESTIONS}) >= 50
