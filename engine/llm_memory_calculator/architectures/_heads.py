"""The class that a decoder's config names: with its head over the vocabulary, without one, or with a classifier's."""

from __future__ import annotations

import re
from dataclasses import replace

from ..architecture import Architecture
from ..config import Config
from ..errors import UnsupportedModelError, shown
from ._encoders import class_of, classifier, label_count

_OVER_THE_VOCABULARY = re.compile(
    r"(ForCausalLM(?!Eagle)|ForConditionalGeneration|ForVisionText2Text|LMHeadModel|(?<!Nano)ChatModel|GLMModel|BarkModel)\w*$"
)
_OF_ANOTHER_SHAPE = re.compile(r"Eagle|Medusa|MTP|Draft|DFlash")
_LABELLED = {"SequenceClassification": False, "TokenClassification": True, "QuestionAnswering": True}
_KNOWN = ("...ForCausalLM", "...Model", *(f"...For{task}" for task in _LABELLED))


def of_class(architecture: Architecture, config: Config) -> Architecture:
    """The decoder as the class that its config names has it.

    Raises UnsupportedModelError for a class with another head, and for drafts of speculative decoding.
    """
    name = class_of(config)
    if architecture.task != "decoder" or not name:
        return architecture
    if _OF_ANOTHER_SHAPE.search(name) or config.has("draft_vocab_size"):
        raise UnsupportedModelError(
            f"The config's architectures names {shown(name)}, a draft for speculative decoding, whose layers "
            f"are not those of a {architecture.model_type}; give the config of the model that it drafts for."
        )
    if _OVER_THE_VOCABULARY.search(name):
        return architecture
    task = name.rpartition("For")[2]
    if task not in _LABELLED and ("For" in name or not name.endswith("Model")):
        raise UnsupportedModelError(
            f"The config's architectures names {shown(name)}, whose head is not described; known are "
            f"{', '.join(_KNOWN)}. Give the config with the class of its base model to count it without the head."
        )
    kept = tuple(operator for operator in architecture.last.operators if not operator.gives_logits)
    if task in _LABELLED:
        labels = 2 if task == "QuestionAnswering" else label_count(config)
        per = "sequence" if task == "SequenceClassification" else "token"
        score = classifier("score", labels, architecture.hidden_size, per=per, bias=_LABELLED[task])  # type: ignore[arg-type]
        kept = (*kept, score)
    text = f"{name} has no head over the vocabulary, and none was counted: it generates no tokens."
    config.note("architectures", text, "assumption")
    last = replace(architecture.last, operators=kept)
    return replace(architecture, last=last, notes=tuple(config.notes))
