"""The operators that layers are made of: the only place where formulas of size and work live."""

from .attention import (
    Attention,
    BidirectionalAttention,
    CompressedAttention,
    CrossAttention,
    Indexer,
    LatentAttention,
)
from .base import REPLICATED, STATE_GROUPS, Operator, Role, State, Step, Weight, Work, WorkKind
from .convolution import Convolution
from .experts import Experts
from .linear import Activation, BlockDiagonal, Buffer, Embedding, Learned, Linear, Norm, Output
from .recurrence import CausalConvolution, Recurrence, TokenShift, Vector

__all__ = [
    "REPLICATED",
    "STATE_GROUPS",
    "Activation",
    "Attention",
    "BidirectionalAttention",
    "BlockDiagonal",
    "Buffer",
    "CausalConvolution",
    "CompressedAttention",
    "Convolution",
    "CrossAttention",
    "Embedding",
    "Experts",
    "Indexer",
    "LatentAttention",
    "Learned",
    "Linear",
    "Norm",
    "Operator",
    "Output",
    "Recurrence",
    "Role",
    "State",
    "Step",
    "TokenShift",
    "Vector",
    "Weight",
    "Work",
    "WorkKind",
]
