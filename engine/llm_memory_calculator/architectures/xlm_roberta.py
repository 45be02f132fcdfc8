"""XLM-R: a RoBERTa of 100 languages; also multilingual e5, bge-m3 and its rerankers."""

from .roberta import build

__all__ = ["build"]
