"""GTE as its checkpoints call it (gte-large-en-v1.5, gte-multilingual-base)."""

from .gte import build

__all__ = ["build"]
