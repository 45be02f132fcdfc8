"""Falcon-Mamba: Mamba with norms, without a scale, of the time steps, B and C."""

from ..architecture import Architecture
from ..config import Config
from .mamba import of_mamba


def build(config: Config) -> Architecture:
    return of_mamba(config, normed=True)
