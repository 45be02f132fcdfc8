"""The autoencoder of Wan 2.1 and 2.2: videos to latents and back, four frames to one."""

from ._wan_autoencoder import wan_autoencoder as build

__all__ = ["build"]
