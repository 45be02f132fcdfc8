"""The operators that layers are made of: the only place where formulas of size and work live."""

from .attention import Attention, BidirectionalAttention, Indexer, LatentAttention
from .base import Operator, Role, Step, Weight, Work, WorkKind
from .experts import Experts
from .linear import Activation, Buffer, Embedding, Linear, Norm, Output

__all__ = [
    "Activation",
    "Attention",
    "BidirectionalAttention",
    "Buffer",
    "Embedding",
    "Experts",
    "Indexer",
    "LatentAttention",
    "Linear",
    "Norm",
    "Operator",
    "Output",
    "Role",
    "Step",
    "Weight",
    "Work",
    "WorkKind",
]
