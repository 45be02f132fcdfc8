"""Kimi K2: DeepSeek-V3 with 384 experts, 64 heads and one leading dense layer."""

from .deepseek_v3 import build

__all__ = ["build"]
