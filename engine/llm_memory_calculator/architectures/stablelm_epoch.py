"""StableLM 3B and 2 by the name that they had before they came into transformers."""

from .stablelm import build as build
