"""GPT-SW3: GPT-2 by the name of its tokenizer."""

from .gpt2 import build as build
