"""Whisper: an encoder of 30 seconds of sound, always 1,500 positions, and a decoder of text; keys without a bias."""

from dataclasses import dataclass, replace

from ..architecture import Architecture
from ..config import Config
from ..images import InputSize
from ..operators import Embedding, Norm
from ._blocks import vocabulary_head
from ._seq2seq import decoder_layers, encoder_decoder, is_base, read_half, sound_encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSounds:
    """One window of 30 s, filled up, which the decoder attends."""

    positions: int
    longest: float = 30.0

    alone = False

    def size(self, seconds: float) -> InputSize:
        return InputSize(self.positions, 0, self.positions)


def build(config: Config) -> Architecture:
    hidden = config.integer("d_model", "hidden_size", default=384)
    default = (4, 1536, 6)
    encoder, decoder = read_half(config, "encoder", hidden, default), read_half(config, "decoder", hidden, default)
    vocabulary = config.integer("vocab_size", default=51_865)
    source = config.integer("max_source_positions", default=1500)
    target = config.integer("max_target_positions", default=448)
    headless = is_base(config)
    base = "" if headless else "model."
    side = f"{base}decoder"
    head = vocabulary_head("proj_out", vocabulary, hidden, tied=config.boolean("tie_word_embeddings", default=True))
    model = encoder_decoder(
        config,
        hidden=hidden,
        vocabulary=vocabulary,
        first=(
            Embedding(name=f"{side}.embed_tokens", entries=vocabulary, width=hidden),
            Embedding(name=f"{side}.embed_positions", entries=target, width=hidden, part="positions"),
        ),
        encoder=sound_encoder(
            hidden,
            encoder,
            f"{base}encoder",
            mels=config.integer("num_mel_bins", default=80),
            positions=source,
        ),
        stack=decoder_layers(hidden, decoder, side, before=True, key_bias=False),
        last=(Norm(name=f"{side}.layer_norm", width=hidden, bias=True), *(() if headless else (head,))),
        longest=target,
        source_length=source,
    )
    return replace(model, sounds=EncodedSounds(positions=source))
