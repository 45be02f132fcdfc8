"""How far estimates are from what was measured: a file of measured rows in, errors by metric out.

A kind of file is one `Kind`: the columns that tell it, its metrics, and how a row is answered. Nothing below imports
this room.
"""

from .factors import calibrate
from .report import BiasCell, CrossValidation, Miss, ValidationReport
from .run import KINDS, validate
from .scores import FitScore, Score

__all__ = [
    "KINDS",
    "BiasCell",
    "CrossValidation",
    "FitScore",
    "Miss",
    "Score",
    "ValidationReport",
    "calibrate",
    "validate",
]
