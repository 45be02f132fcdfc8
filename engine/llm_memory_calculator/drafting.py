"""From what was asked of drafted tokens to what is loaded for them beside the model."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .architecture import Architecture, Layer
from .architectures._eagle import eagle_head, eagle_of
from .config import Config
from .deployment import Speculation
from .errors import ArgumentError
from .facts import table
from .models import Model
from .report import Note

if TYPE_CHECKING:
    from .engines import Engine
    from .formats.scheme import Formats
    from .operators import Operator
    from .sources import Origin
    from .speculation import Speculative


def eagle_model(origin: Origin, method: str | None, target: Architecture) -> Model | None:
    """The EAGLE head that a config is of, for the model that it drafts for; None where it is of a model of its own."""
    config = Config(origin.config)
    found = eagle_of(config, origin.model) or (method if method in ("eagle", "eagle3") else "")
    if not found:
        return None
    return Model(
        name=origin.model,
        source=origin.where,
        config=config,
        architecture=eagle_head(config, found, target),
        repository=origin.model if origin.kind == "hub" else "",
        read_notes=origin.notes,
        drafts_as=found,
    )


def speculation_of(asked: Speculative, model: Model, formats: Formats, engine: Engine) -> Speculation:
    """What drafts for a model under an engine. Raises ArgumentError where the engine or the model has no such thing."""
    drafter = model.drafter
    method = asked.method or "draft_model"
    if drafter is not None:
        method = drafter.drafts_as or method
    rule = _rule(engine, method)
    if model.architecture.task != "decoder":
        raise ArgumentError(
            f"speculative needs a model that generates token by token, and {model.architecture.model_type} is a model "
            f"of the kind {model.architecture.task!r}; leave it out."
        )
    if drafter is not None and method != drafter.drafts_as and method != "draft_model":
        raise ArgumentError(
            f"speculative's method is {method!r}, and {drafter.name} is a model of its own; give 'draft_model', or "
            "leave method out."
        )
    if drafter is not None and not drafter.drafts_as:
        _require_vocabulary(drafter, model)
    tokens = asked.tokens or rule["drafted"].get(method, rule["drafted"]["any"])
    usual: float = table("timing")["acceptance"][method]
    common: dict[str, Any] = {
        "method": method,
        "tokens": tokens,
        "acceptance": usual if asked.acceptance is None else asked.acceptance,
        "over_stages": rule.get("over_stages", True),
    }
    if drafter is not None:
        own = drafter.formats(None, None)
        # an engine keeps the draft's cache in the model's format
        common |= {
            "name": drafter.repository or drafter.name,
            "architecture": drafter.architecture,
            "formats": replace(own, kv_cache=formats.kv_cache, uniform=formats.uniform),
        }
    else:
        common["formats"] = formats
        if method == "mtp":
            common["architecture"] = predictors_of(_with_predictors(model))
    return Speculation(**common, notes=tuple(_notes(asked, model, common)))


# Entries by which vocabularies of one tokenizer differ in how they are padded: llama.cpp takes so many
# (SPEC_VOCAB_MAX_SIZE_DIFFERENCE).
_PADDING = 128


def _require_vocabulary(drafter: Model, model: Model) -> None:
    """Raise ArgumentError where a draft cannot have the tokens of the model."""
    own, other = drafter.architecture.vocab_size, model.architecture.vocab_size
    if abs(own - other) > _PADDING:
        raise ArgumentError(
            f"speculative names {drafter.repository or drafter.name}, whose vocabulary has {own:,} tokens, and "
            f"{model.name}'s has {other:,}: a draft must have the model's; give a smaller model of its family, or "
            "'ngram'."
        )


def _rule(engine: Engine, method: str) -> Any:
    """What the engine's table says of drafting."""
    rule = engine.facts.get("speculation")
    if rule is None:
        raise ArgumentError(
            f"speculative is not described of {engine.name} {engine.version}; leave it out, or name engine 'vllm', "
            "'sglang' or 'llama_cpp' in its newest release."
        )
    if method not in rule["methods"]:
        accepted = ", ".join(rule["methods"])
        raise ArgumentError(
            f"speculative's method {method!r} is not one of {engine.name} {engine.version}; accepted: {accepted}."
        )
    return rule


def _with_predictors(model: Model) -> Architecture:
    """The model's architecture, where its layers for multi-token prediction are described. Raises ArgumentError."""
    architecture = model.architecture
    if architecture.predictors:
        return architecture
    why = "has no layers for multi-token prediction"
    if architecture.unloaded is None:
        why = "has layers for multi-token prediction whose sizes are not described"
    raise ArgumentError(
        f"speculative is 'mtp', and {model.name} {why}; give speculative the name of a draft model, or 'ngram'."
    )


@lru_cache(maxsize=128)
def predictors_of(architecture: Architecture) -> Architecture:
    """A model's layers for multi-token prediction as what is loaded beside it: table and head are the model's."""
    stack: list[Layer] = []
    for layer in architecture.predictors:
        own = tuple(operator for operator in layer.operators if not _shared(operator))
        stack += [
            # numbered for themselves, at the paths that they have in the checkpoint
            replace(layer, path=layer.path.format(index=index), operators=own, indices=(position,))
            for position, index in enumerate(layer.indices or (), start=len(stack))
        ]
    nothing = Layer(path="", operators=())
    return replace(
        architecture,
        first=nothing,
        stack=tuple(stack),
        last=nothing,
        towers=(),
        encoder=(),
        images=None,
        videos=None,
        sounds=None,
        tower_type="",
        rotary_values=0,
        notes=(),
        apart=(),
        unloaded=(),
    )


def _shared(operator: Operator) -> bool:
    """Whether it is a table or a head, which engines take from the model (vLLM's v1/spec_decode/eagle.py)."""
    return any(weight.role in ("table", "head") for weight in operator.weights())


def _notes(asked: Speculative, model: Model, common: dict[str, Any]) -> list[Note]:
    tokens, name = common["tokens"], common.get("name", "")
    by = name or {"mtp": "layers for multi-token prediction"}.get(common["method"], "n-grams of the prompt")
    taken = "" if asked.tokens else f" num_speculative_tokens was not given: {tokens} was taken."
    assumed = "" if asked.acceptance is not None else ", which was assumed and hangs on the text: give acceptance_rate"
    text = (
        f"{tokens} token(s) are drafted at once by {by}. Memory counts what is loaded and kept for them; times count "
        f"the drafting, and that {common['acceptance']:.0%} of the drafted tokens are taken, each where those before "
        f"it were{assumed}.{taken}"
    )
    notes = [Note(subject="speculative", text=text, origin="assumption")]
    drafter = model.drafter
    if drafter is None or drafter.drafts_as:
        return notes
    own, other = drafter.architecture.vocab_size, model.architecture.vocab_size
    if own != other:
        text = f"{by} has a vocabulary of {own:,} and the model one of {other:,}: engines refuse one that differs."
        notes.append(Note(subject="speculative", text=text, origin="warning"))
    return notes
