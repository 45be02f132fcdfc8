"""CamemBERT: a French RoBERTa."""

from .roberta import build

__all__ = ["build"]
