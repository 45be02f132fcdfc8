"""Ling 2.0 by the model_type of its own class."""

from .bailing_moe import build as build
