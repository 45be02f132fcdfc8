"""A pasted log as pieces of lines: without colours, with wrapped lines put together where a pattern needs it."""

from __future__ import annotations

import re
from bisect import bisect_right

from ..errors import ArgumentError

LONGEST = 5_000_000
_PIECE, _LINE, _RECORD = 4_000, 400, 60_000
# how many lines may continue one, and how long one may be that is continued
_CONTINUED, _WRAPPED = 3, 500
_MOST_PLACES, _MOST_LINES = 5_000, 400

# colours as sent to a terminal, and as some CI pages spell the escape
_COLOUR = re.compile(r"(?:\x1b|\^\[)\[[0-9;?]{0,20}[A-Za-z]")
_LINE_BREAK = re.compile(r"\r\n?|<BR>|<br>")
# How a record of one of the engines begins. Anything else may be the rest of a line that a terminal or a page wrapped.
_BEGIN = re.compile(
    r"\s*(?:$|```|\([A-Z]\w{0,60} |\[(?:\d|rank|TensorRT|TRT|GIN|INFO|WARN|ERR)|(?:INFO|WARN|ERROR|DEBUG)|time=|level="
    r"|Loading |Capturing |Traceback|\d{4}[-/]\d\d|\d{1,3}\.\d\d\.\d{3}|[A-Za-z_]\w{0,60}: )"
)


class LogText:
    """The text of a log."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ArgumentError(f"A log of {len(text):,} characters is longer than the {LONGEST:,} that are read.")
        plain = _COLOUR.sub("", _LINE_BREAK.sub("\n", text))
        # notebooks turned into Markdown escape the underscores
        self.text = plain.replace("\\_", "_").replace("\xa0", " ")
        # a very long line becomes several pieces, so that no pattern walks far
        self._begins = begins = [0]
        for end in (*(line_break.end() for line_break in re.finditer("\n", self.text)), len(self.text)):
            if end - begins[-1] > _PIECE:
                begins.extend(range(begins[-1] + _PIECE, end, _PIECE))
            begins.append(end)

    def piece(self, index: int) -> str:
        return self.text[self._begins[index] : self._begins[index + 1]].rstrip("\n")

    def line(self, index: int) -> str:
        """A piece as a report shows it."""
        return self.piece(index).strip()[:_LINE]

    def joined(self, index: int) -> tuple[str, str]:
        """A piece with the lines that continue it, as wrapped within words and as wrapped between words."""
        parts = [self.piece(index)]
        for following in range(index + 1, min(index + 1 + _CONTINUED, len(self._begins) - 1)):
            part = self.piece(following)
            if len(parts[-1]) > _WRAPPED or _BEGIN.match(part):
                break
            parts.append(part)
        return "".join(parts), " ".join(part.strip() for part in parts)

    def positions(self, word: str) -> list[tuple[int, int]]:
        """The pieces that hold a word, with the end of its first place there: the last 5,000 of them."""
        found: list[tuple[int, int]] = []
        position = self.text.find(word)
        while position >= 0:
            index = bisect_right(self._begins, position) - 1
            found.append((index, position + len(word)))
            position = self.text.find(word, max(self._begins[index + 1], position + 1))
        return found[-_MOST_PLACES:]

    def record(self, position: int) -> str:
        """What follows a position, to the end of its record."""
        end = self.text.find("\n", position)
        end = len(self.text) if end < 0 else end
        parts = [self.text[position : min(end, position + _RECORD)]]
        following = bisect_right(self._begins, end)
        for index in range(following, min(following + _MOST_LINES, len(self._begins) - 1)):
            part = self.piece(index)
            if _BEGIN.match(part):
                break
            parts.append(part)
        return "".join(parts)[:_RECORD]
