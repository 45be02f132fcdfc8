"""MusicGen: a T5 that reads the prompt, a decoder of four codebooks a step that attends it, and EnCodec."""

from dataclasses import replace

from ..architecture import Architecture, Layer
from ..config import DEEPEST_STACK, Config
from ..errors import ConfigError
from ..operators import Embedding, Norm
from ._blocks import equal_heads, plain, vocabulary_head
from ._codec import encodec
from ._seq2seq import Half, decoder_layers, encoder_decoder
from .t5 import sizes_of


def build(config: Config) -> Architecture:
    text, decoder = config.section("text_encoder"), config.section("decoder", default={})
    if text.model_type != "t5":
        raise ConfigError(f"The config's text_encoder is of a {text.model_type}; described is only a t5.")
    reader = sizes_of(text)
    hidden = decoder.integer("hidden_size", default=1024)
    half = Half(
        depth=decoder.integer("num_hidden_layers", default=24, most=DEEPEST_STACK),
        width=decoder.integer("ffn_dim", default=4096),
        heads=equal_heads(hidden, decoder.integer("num_attention_heads", default=16)),
    )
    books, words = decoder.integer("num_codebooks", default=4), decoder.integer("vocab_size", default=2048)
    place = "decoder.model.decoder"
    project = () if reader.hidden == hidden else (plain("enc_to_dec_proj", hidden, reader.hidden, True),)
    model = encoder_decoder(
        config,
        hidden=hidden,
        vocabulary=words,
        # each codebook has one entry more, with which generation begins
        first=tuple(
            Embedding(name=f"{place}.embed_tokens.{index}", entries=words + 1, width=hidden) for index in range(books)
        ),
        encoder=(
            Layer(
                path="text_encoder",
                operators=(Embedding(name="shared", entries=reader.vocabulary, width=reader.hidden),),
            ),
            *(replace(layer, path=f"text_encoder.{layer.path}") for layer in reader.encoder()),
            Layer(path="text_encoder", operators=(reader.norm("encoder.final_layer_norm"),)),
            Layer(path="", operators=project),
        ),
        stack=decoder_layers(hidden, half, place, before=True, bias=False),
        last=(
            Norm(name=f"{place}.layer_norm", width=hidden, bias=True),
            *(vocabulary_head(f"decoder.lm_heads.{index}", words, hidden, tied=False) for index in range(books)),
        ),
        longest=decoder.integer("max_position_embeddings", default=2048),
    )
    return replace(model, towers=encodec(config.section("audio_encoder", default={}), "audio_encoder"))
