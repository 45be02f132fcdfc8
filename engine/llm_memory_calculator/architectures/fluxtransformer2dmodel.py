"""The transformer of Flux: layers of two streams that attend as one, then layers of one stream in parallel blocks."""

from ._flux import flux as build

__all__ = ["build"]
