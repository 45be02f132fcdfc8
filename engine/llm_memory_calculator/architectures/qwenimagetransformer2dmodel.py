"""The transformer of Qwen-Image, Qwen-Image-Edit and Qwen-Image-Layered."""

from ._qwen_image import qwen_image as build

__all__ = ["build"]
