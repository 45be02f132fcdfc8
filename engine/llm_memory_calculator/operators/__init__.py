"""The operators that layers are made of: the only place where formulas of size and work live."""

from .attention import (
    Attention,
    BidirectionalAttention,
    CompressedAttention,
    CrossAttention,
    Indexer,
    LatentAttention,
)
from .base import (
    ATTENTION_PARTS,
    FEED_FORWARD_PARTS,
    REPLICATED,
    STATE_GROUPS,
    CacheLaw,
    Operator,
    Part,
    Role,
    State,
    Step,
    Weight,
    Work,
    WorkKind,
)
from .convolution import Convolution
from .experts import Experts
from .linear import Activation, BlockDiagonal, Buffer, Embedding, Learned, Linear, Norm, Output
from .recurrence import CausalConvolution, Recurrence, TokenShift, Vector

__all__ = [
    "ATTENTION_PARTS",
    "FEED_FORWARD_PARTS",
    "REPLICATED",
    "STATE_GROUPS",
    "Activation",
    "Attention",
    "BidirectionalAttention",
    "BlockDiagonal",
    "Buffer",
    "CacheLaw",
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
    "Part",
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
