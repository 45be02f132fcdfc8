"""A question as it is said in a tool and on a command line, and what Python is asked for it.

Both say every argument of its declaration but those that make no sense there, and a model's config by a word of its
own, so that a name and an object are never taken for each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from importlib import import_module
from typing import Any

from llm_memory_calculator.arguments import Argument, Asked, declarations, is_setting
from llm_memory_calculator.checks import argument_meant, meant_by
from llm_memory_calculator.errors import ArgumentError, UnknownArgumentError
from llm_memory_calculator.written_numbers import number_of
from llm_memory_hardware.wording import Wording, worded

CONFIG = Argument(
    kind="object",
    meaning="The content of the model's config.json, in place of model; one of the two is needed",
    brief="Its config.json",
)


_BY_WHO_RUNS_IT = "have whoever runs this server start it with a token of the hub"
TOOL = Wording(
    list_hardware="search_hardware finds them by name, maker, memory and price.",
    custom_hardware="an object with Flops (TFLOPS), Memory_size (GB) and Memory_BW (GB/s)",
    own_hardware="add its interconnect there (ICN, GB/s)",
    config="the content of the config.json as config",
    given_config="given as config",
    or_config="or give the content of the model's config.json as config",
    hub_on="Have whoever runs this server let it ask the hub",
    network="Try again later",
    endpoint="The address of the hub that this server was started with",
    trusted_host="Have whoever runs this server name the host if it is to be trusted",
    token="The hub's token of this server",
    set_token=f"{_BY_WHO_RUNS_IT} of that account",
    valid_token=_BY_WHO_RUNS_IT.capitalize(),
    any_token=_BY_WHO_RUNS_IT,
    adapter="an object",
    calibration="the path of a file that holds one",
    flag="true or false",
    formats="describe_tool lists all of them",
)
"""What a tool has: arguments of JSON values, and no call, no variable, no shell."""
COMMAND = Wording(
    list_hardware="Run `llm-memory-calculator hardware` for the list.",
    custom_hardware="JSON with Flops, Memory_size and Memory_BW, or a .json file of it",
    config="its content by --config",
    given_config="given by --config",
    adapter="an object or the path of its file",
    flag="true or false",
    formats="--help lists all of them",
)
"""What a command line has: options, files and the variables of its shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An argument by the name that it is said by."""

    name: str
    field: str
    """Its name in Python."""
    argument: Argument
    default: Any

    @property
    def required(self) -> bool:
        """Whether it must be given: a model need not, since its config may be."""
        return self.default is MISSING and self.argument.kind != "model"

    @property
    def description(self) -> str:
        """Its meaning, and what is taken where it is left out."""
        return self.argument.described(self.default)


def spoken(question: type[Asked]) -> tuple[Spoken, ...]:
    """Every argument of a question that is said in words."""
    said = []
    # to mypy the class of a dataclass is not hashable
    declared: Any = question
    for field, default, argument in declarations(declared):
        if argument.spoken:
            said.append(Spoken(name=argument.spoken_as or field, field=field, argument=argument, default=default))
        if argument.kind == "model":
            said.append(Spoken(name="config", field=field, argument=CONFIG, default=None))
    return tuple(said)


def _in_our_words(name: str, given: Mapping[str, Any], known: Mapping[str, Spoken]) -> dict[str, Any]:
    """The same with what engines and people call an argument by its name here; a prompt and its output where one length
    is asked are that length, and so is what an engine is told.

    Raises ArgumentError for what is said twice.
    """
    said: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for word, value in given.items():
        meant = word if word in known else argument_meant(word, value) or word
        if meant in given and meant != word and is_setting(word):
            # engine: llama.cpp, backend: vulkan
            meant = word
        if meant == "devices" and _names_hardware(value) and not any(map(_means_hardware, given)):
            # gpus: ["L4"] names them, gpus: 4 counts them
            meant = "hardware"
        if meant in _SIDES and meant not in known and "seq_length" in known:
            parts[meant] = value
            continue
        ours = meant if meant in known else word
        if ours == "precision" and _is_of_activations(word, value) and len(_formats_in(given)) > 1:
            # vLLM's --dtype beside its --quantization
            continue
        if ours in said:
            raise ArgumentError(f"{name} was given {ours} twice, by two names for it; give it once.")
        said[ours] = value
    if parts and "seq_length" not in said and all(type(value) is int for value in parts.values()):
        return said | {"seq_length": sum(parts.values())}
    if "seq_length" in known and "seq_length" not in said:
        # who tells an engine how long a request may be asks of that length
        length = _tokens(said.get(_LONGEST))
        return said | parts | ({} if length is None else {"seq_length": length})
    return said | parts


def _formats_in(given: Mapping[str, Any]) -> list[str]:
    """The words by which a format of the weights is said."""
    return [word for word in given if "precision" in (word, argument_meant(word))]


def _is_of_activations(word: str, value: Any) -> bool:
    """Whether an engine's word says in which 16 bits it computes, which changes no size."""
    return word in ("dtype", "torch_dtype") and isinstance(value, str) and value.strip().lower() in _SIXTEEN_BITS


_SIXTEEN_BITS = ("auto", "half", "float16", "fp16", "bfloat16", "bf16")


def _names_hardware(value: Any) -> bool:
    """Whether what is said of devices are names and no count."""
    named = value if isinstance(value, list) else [value]
    return bool(named) and all(isinstance(one, str) and number_of(one, "") is None for one in named)


def _means_hardware(word: str) -> bool:
    return "hardware" in (word, argument_meant(word))


def _tokens(value: Any) -> Any:
    """A length as an engine reads it ("16K")."""
    return number_of(value, "setting") if isinstance(value, str) else value


# What an engine calls the length of one request, which it does not allocate.
_LONGEST = "max_model_len"
# Of these a sequence is made.
_SIDES = ("input_tokens", "output_tokens")


def ask(
    wording: Wording, name: str, question: type[Asked], given: Mapping[str, Any], *, function: str = "", **unspoken: Any
) -> Any:
    """The report of a function (package:function), or of the public one of this name, asked with arguments as they were
    said; unspoken: what no one can say.

    wording: what the interface calls what it has. Raises CalculatorError, in these words, for all that can be mended.
    """
    known = {entry.name: entry for entry in spoken(question)}
    given = _in_our_words(name, given, known)
    # settings of engines are taken beside the arguments, as Python takes them
    settings = {word: value for word, value in given.items() if word not in known and is_setting(word)}
    given = {word: value for word, value in given.items() if word not in settings or "engine_settings" not in known}
    for word in given:
        if word not in known:
            near = meant_by(word, tuple(known))
            raise UnknownArgumentError(f"{name} has no argument {word!r}.{near} Accepted: {', '.join(known)}.")
    said = {word: _from_json(known[word], value) for word, value in given.items()}
    told = {word: value for word, value in said.items() if value is not known[word].default}
    for entry in known.values():
        if entry.required and entry.name not in told:
            raise ArgumentError(f"{entry.name} is needed by {name}. {entry.description}")
    if "config" in told:
        with worded(wording):
            CONFIG.check("config", told["config"])
    models = [word for word in told if known[word].argument.kind == "model" or known[word].argument is CONFIG]
    needed = any(entry.argument.kind == "model" and entry.default is MISSING for entry in known.values())
    if len(models) > 1 or (needed and not models):
        raise ArgumentError(
            f"{name} needs one model: its name as model, or the content of its config.json as config, and not both."
        )
    # loaded at the first question: a server can say what it does without it
    answer = answering(function or f"llm_memory_calculator:{name}")
    given = {known[word].field: value for word, value in told.items()}
    with worded(wording):
        return answer(**given, **settings, **unspoken)


_OBJECTS = ("object", "hardware", "hardware list", "adapters", "calibration", "speculation")


def _from_json(entry: Spoken, value: Any) -> Any:
    """What JSON text says where an object goes, as an agent may send it; anything else as it is."""
    return read(entry.name, value) if entry.argument.kind in _OBJECTS else value


def read(name: str, value: Any) -> Any:
    """What JSON text says; anything else as it is. Raises ArgumentError for what begins as JSON and is none."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        begins = value.strip()[:60]
        raise ArgumentError(f"{name} is no JSON that can be read, and begins {begins!r}.") from None


def answering(function: str) -> Callable[..., Any]:
    """The function of this name (package:function)."""
    package, _, name = function.partition(":")
    found: Callable[..., Any] = getattr(import_module(package), name)
    return found
