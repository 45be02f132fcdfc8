"""MiniMax-Text-01 as its own repository has it, with code of its own: the family minimax by another name."""

from .minimax import build

__all__ = ["build"]
