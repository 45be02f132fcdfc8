"""Ministral 8B: Mistral's layers, of which layer_types tells the windowed ones."""

from .mistral import build as build
