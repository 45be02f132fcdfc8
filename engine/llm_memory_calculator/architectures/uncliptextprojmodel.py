"""What stands between unCLIP's prior and its decoder: projections of the embedded image and of the prompt."""

from ..architecture import Architecture, Layer
from ..config import Config
from ..operators import Learned, Norm
from ._diffusion import of_image, of_prompt
from ._encoders import encoder_model


def build(config: Config) -> Architecture:
    inputs, width = config.integer("clip_embeddings_dim", default=768), config.integer("cross_attention_dim")
    step, extra = config.integer("time_embed_dim"), config.integer("clip_extra_context_tokens", default=4)
    projections = (
        Learned(name="learned_classifier_free_guidance_embeddings", size=inputs),
        of_image("embedding_proj", step, inputs),
        of_image("clip_image_embeddings_project_to_time_embeddings", step, inputs),
        of_image("clip_extra_context_tokens_proj", extra * width, inputs),
        of_prompt("encoder_hidden_states_proj", width, inputs),
        Norm(name="text_encoder_hidden_states_norm", width=width, bias=True),
    )
    stack = (Layer(path="", operators=projections, indices=(0,)),)
    return encoder_model(config, first=(), stack=stack, hidden=width, vocabulary=0)
