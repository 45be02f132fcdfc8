"""A start-up log explained: its terms beside the estimate, what to change, and what later estimates take from it."""

from .explaining import explained
from .reading import Understood, understood

__all__ = ["Understood", "explained", "understood"]
