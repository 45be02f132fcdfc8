"""Granite 3: a Llama with multipliers, which cost nothing."""

from .llama import build

__all__ = ["build"]
