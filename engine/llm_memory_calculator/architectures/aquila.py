"""Aquila and Aquila2: Llamas by another name."""

from .llama import build as build
