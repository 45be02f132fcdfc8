"""A copy whose steps can be counted by hand."""


class Steps:
    """Every step takes a second, and a second more for each 100 tokens of prompts."""

    def decode(self, sequences: int, context: float) -> float:
        return 1.0

    def mixed(
        self,
        sequences: int,
        context: float,
        pieces: list[tuple[float, float]],
        ending: int,
        shared: float | None = None,
    ) -> float:
        return 1.0 + sum(tokens for tokens, _ in pieces) / 100
