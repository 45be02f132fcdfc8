"""Skywork 13B: a Llama by another name."""

from .llama import build as build
