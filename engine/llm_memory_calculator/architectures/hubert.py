"""HuBERT: Wav2Vec 2.0 by another way of training."""

from .wav2vec2 import build

__all__ = ["build"]
