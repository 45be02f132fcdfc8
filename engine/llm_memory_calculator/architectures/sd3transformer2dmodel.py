"""The transformer of Stable Diffusion 3 and 3.5: two streams that attend as one, the prompt's ending early."""

from ._sd3 import sd3 as build

__all__ = ["build"]
