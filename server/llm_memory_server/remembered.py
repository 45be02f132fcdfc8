"""Answers that were given lately, for who asks the same again: a question that rests on bundled data has one answer, as
long as nothing on the disk has a name that it says.
"""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")
MOST = 256
"""Answers that are kept; one is 64 kB at most and a few as a rule."""
MOST_ASKED = 4_000
"""Characters of a question that is kept; a longer one holds a config, and is asked once."""


def asked_by(name: str, arguments: Mapping[str, Any]) -> str | None:
    """What tells the call of a tool from all others; None where it is too long to be kept."""
    try:
        said = json.dumps([name, arguments], sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        # only what is JSON comes over the protocol; whatever else is refused where it is answered
        return None
    return said if len(said) <= MOST_ASKED else None


class Remembered(Generic[Answer]):
    """The answers that were asked for last, by question."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[Answer, Collection[str]]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, asked: str | None) -> Answer | None:
        """The answer that was given to this question, if it is kept."""
        with self._lock:
            if asked is None or asked not in self._answers:
                return None
            answer, absent = self._answers[asked]
            if any(map(os.path.lexists, absent)):
                del self._answers[asked]
                return None
            self._answers.move_to_end(asked)
            return answer

    def keep(self, asked: str | None, answer: Answer, absent: Collection[str] = ()) -> None:
        """Keep an answer, and let go of the one that was not asked for longest; absent: paths that nothing has as long
        as the answer stands."""
        with self._lock:
            if asked is not None:
                self._answers[asked] = answer, absent
                if len(self._answers) > MOST:
                    self._answers.popitem(last=False)
