"""The autoencoder of Qwen-Image: Wan 2.1's, for single frames."""

from ._wan_autoencoder import wan_autoencoder as build

__all__ = ["build"]
