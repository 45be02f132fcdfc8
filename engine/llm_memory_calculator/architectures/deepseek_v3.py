"""DeepSeek-V3, R1 and V3.1: V2 with a router correction, and layers for multi-token prediction in the checkpoint."""

from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ..operators import Buffer
from ..report import Note
from ._blocks import decoder, deepseek_stack


def build(config: Config) -> Architecture:
    correction = Buffer(name="mlp.gate.e_score_correction_bias", size=config.integer("n_routed_experts"))
    stack = deepseek_stack(config, correction)
    predictors = config.integer("num_nextn_predict_layers", default=0, least=0)
    apart = Note(
        subject="num_nextn_predict_layers",
        text=f"{predictors} layer(s) for multi-token prediction stand in the checkpoint and are not counted: "
        "engines load them only for speculative decoding.",
        origin="warning",
    )
    return replace(decoder(config, stack), apart=(apart,) if predictors else ())
