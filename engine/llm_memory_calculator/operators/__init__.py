"""The operators that layers are made of: the only place where formulas of size and work live."""

from .attention import Attention, BidirectionalAttention, CrossAttention, Indexer, LatentAttention
from .base import Operator, Role, State, Step, Weight, Work, WorkKind
from .convolution import Convolution
from .experts import Experts
from .linear import Activation, Buffer, Embedding, Linear, Norm, Output
from .recurrence import CausalConvolution, Recurrence, Vector

__all__ = [
    "Activation",
    "Attention",
    "BidirectionalAttention",
    "Buffer",
    "CausalConvolution",
    "Convolution",
    "CrossAttention",
    "Embedding",
    "Experts",
    "Indexer",
    "LatentAttention",
    "Linear",
    "Norm",
    "Operator",
    "Output",
    "Recurrence",
    "Role",
    "State",
    "Step",
    "Vector",
    "Weight",
    "Work",
    "WorkKind",
]
