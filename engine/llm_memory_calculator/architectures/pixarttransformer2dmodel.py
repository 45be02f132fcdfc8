"""PixArt-Sigma's transformer, by the class that it has now."""

from ._diffusion import pixart as build

__all__ = ["build"]
