"""What a caller may give as a model, which source answers, and what is refused before anything is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import timeit
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from llm_memory_calculator import api, load_model, sources
from llm_memory_calculator.errors import ArgumentError, ConfigError, UnknownModelError
from llm_memory_calculator.sources import catalogue_entries, catalogue_names, resolve
from llm_memory_calculator.sources.catalogue import find

CONFIG = {"model_type": "llama", "hidden_size": 64}


def test_every_name_of_the_catalogue_finds_its_own_entry_in_every_letter_case() -> None:
    for id, entry in catalogue_entries().items():
        for name in (id, *entry["names"]):
            for spelling in (name, name.upper(), name.lower(), name.swapcase(), f"  {name} "):
                origin = resolve(spelling)
                assert (origin.model, origin.kind) == (id, "catalogue"), spelling
                assert origin.config == entry["config"], spelling
                assert origin.where == f"bundled catalogue ({entry['source']})", spelling


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("llama 3_1 8b", "meta-llama/Llama-3.1-8B"),
        ("qwen2_5-7b-instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("QWEN/QWEN2.5 7B INSTRUCT", "Qwen/Qwen2.5-7B-Instruct"),
        ("LLAMA3-70B", "meta-llama/Meta-Llama-3-70B"),
        ("deepseekr1", "deepseek-ai/DeepSeek-V3"),
    ],
)
def test_separators_and_the_organisation_may_be_spelled_otherwise_or_left_out(name: str, id: str) -> None:
    assert resolve(name).model == id


@pytest.mark.parametrize("name", ["Qwen2-58B", "llama-31-8b", "qwen257b"])
def test_a_size_and_a_version_do_not_run_together(name: str) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean"):
        resolve(name)


def test_the_catalogue_answers_without_a_request(hub: Any) -> None:
    resolve("Qwen/Qwen2.5-7B")
    assert hub.requests == []


def test_the_catalogue_lists_its_canonical_ids() -> None:
    assert catalogue_names() == list(catalogue_entries())
    assert "Qwen/Qwen2.5-7B" in catalogue_names()


def test_a_changed_config_does_not_change_the_catalogue() -> None:
    config: Any = resolve("openai/gpt-oss-20b").config
    config["hidden_size"] = 1
    for value in config.values():
        if isinstance(value, dict | list):
            value.clear()
    assert resolve("openai/gpt-oss-20b").config != config


def test_a_lookup_takes_microseconds() -> None:
    find("llama3_70b")
    assert min(timeit.repeat(lambda: find("meta-llama/Meta-Llama-3-70B"), number=1000, repeat=20)) < 1000 * 5e-6


def test_a_path_has_precedence_over_the_catalogue(hub: Any) -> None:
    Path("Qwen", "Qwen2.5-7B").mkdir(parents=True)
    Path("Qwen", "Qwen2.5-7B", "config.json").write_text(json.dumps(CONFIG))
    origin = resolve("Qwen/Qwen2.5-7B")
    assert (origin.kind, origin.config, origin.model) == ("file", CONFIG, "Qwen/Qwen2.5-7B")
    assert resolve("Qwen/Qwen2.5-7B", refresh=True).kind == "file"
    assert hub.requests == []


@pytest.mark.usefixtures("hub")
def test_a_folder_without_a_config_does_not_hide_the_catalogue_or_the_hub() -> None:
    Path("gpt2").mkdir()
    Path("some", "model").mkdir(parents=True)
    assert resolve("gpt2").kind == "catalogue"
    assert resolve("some/model").kind == "hub"


@pytest.mark.parametrize(
    "given", [None, 7, 1.5, True, [], b"org/name", object(), ("a",), PurePosixPath], ids=lambda given: repr(given)[:20]
)
def test_other_types_are_refused_with_what_is_accepted(given: Any) -> None:
    with pytest.raises(ArgumentError, match=r"model must be one name, and is .*Accepted: a hub id"):
        resolve(given)


def test_a_path_of_bytes_is_refused() -> None:
    class BytesPath:
        def __fspath__(self) -> bytes:
            return b"config.json"

    with pytest.raises(ArgumentError, match="BytesPath"):
        resolve(BytesPath())  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["", "  ", "\n\t"])
def test_an_empty_name_is_refused(given: str) -> None:
    with pytest.raises(ArgumentError, match="model is empty"):
        resolve(given)


def test_a_mapping_is_taken_as_it_is() -> None:
    origin = resolve(CONFIG)
    assert origin.config == CONFIG
    assert (origin.model, origin.kind, origin.where) == ("custom config", "dict", "given as a dict")


@pytest.mark.parametrize(("given", "says"), [({}, "is empty"), ({1: 2}, "not a string"), ({"a": 1, None: 2}, "None")])
def test_a_mapping_that_cannot_be_a_config_is_refused(given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"{says}.*config\.json"):
        resolve(given)


@pytest.mark.parametrize(
    "address",
    [
        "https://huggingface.co/acme/model",
        "http://huggingface.co/acme/model/blob/main/config.json",
        "https://huggingface.co/acme/model/tree/main",
        "https://HF.co/acme/model?x=1",
        "huggingface.co/acme/model",
    ],
)
def test_an_address_of_the_hub_is_asked_of_as_its_id(address: str, hub: Any) -> None:
    hub.answer = hub.answering(404)
    with pytest.raises(UnknownModelError):
        resolve(address)
    assert hub.requests
    assert all("/acme/model" in path for path, _ in hub.requests)


@pytest.mark.parametrize("page", ["discussions/3", "commits/main"])
def test_another_page_of_a_model_is_answered_with_the_id(page: str) -> None:
    with pytest.raises(UnknownModelError, match="Did you mean 'acme/model'"):
        resolve(f"https://huggingface.co/acme/model/{page}")


def test_an_address_of_a_revision_is_refused_as_the_revision_is() -> None:
    with pytest.raises(UnknownModelError, match="names a revision"):
        resolve("https://huggingface.co/acme/model/tree/v2")


@pytest.mark.parametrize("address", ["https://huggingface.co/datasets/acme", "https://huggingface.co/spaces/acme"])
def test_an_address_of_what_is_no_model_is_not_fetched(address: str) -> None:
    with pytest.raises(UnknownModelError):
        resolve(address)


@pytest.mark.parametrize("address", ["https://example.com/config.json", "file:///etc/passwd", "s3://bucket/model"])
def test_other_addresses_are_not_fetched(address: str) -> None:
    with pytest.raises(UnknownModelError, match="not fetched"):
        resolve(address)


@pytest.mark.parametrize("name", ["llama99b", "misttrall_7b"])
def test_an_unknown_name_without_organisation_is_not_sent_and_near_ones_are_offered(name: str, hub: Any) -> None:
    with pytest.raises(UnknownModelError, match=r"looks like org/name\. Did you mean '.*'"):
        resolve(name)
    assert hub.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "a/b/c",
        "a/../b",
        "a--b/c",
        "a/b..c",
        "-a/b",
        "a/b\nc",
        "a/",
        "a/b?x",
        "a/b#c",
        "a b/c",
        "ä/b",
        "a/-b",
        "a-/b",
        "a/b.git",
        "a/" + "b" * 95,
        "x" * 100_000,
        "a/b\0",
    ],
    ids=lambda name: repr(name[:12]),
)
@pytest.mark.parametrize("refresh", [False, True])
def test_what_the_hub_cannot_have_is_not_sent(name: str, refresh: bool, hub: Any) -> None:
    with pytest.raises(UnknownModelError) as raised:
        resolve(name, refresh=refresh)
    assert hub.requests == []
    assert len(str(raised.value)) < 1000


def test_a_revision_is_refused_clearly(hub: Any) -> None:
    with pytest.raises(UnknownModelError, match="'acme/model@main' names a revision, which is not supported"):
        resolve("acme/model@main")
    assert hub.requests == []


@pytest.mark.parametrize("name", ["./model", "../model", "/no/such/model", "~/model", "~nobody/x", "m.json", "a\\b"])
def test_what_looks_like_a_path_is_never_sent_to_the_hub(name: str, hub: Any) -> None:
    for refresh in (False, True):
        with pytest.raises(UnknownModelError, match="no such file or folder"):
            resolve(name, refresh=refresh)
    assert hub.requests == []


def test_a_path_object_is_only_ever_a_path(hub: Any) -> None:
    with pytest.raises(UnknownModelError, match="no such file or folder"):
        resolve(Path("Qwen/Qwen2.5-7B"))
    assert hub.requests == []


def test_the_import_brings_no_transport_and_no_tables() -> None:
    script = (
        "import sys, llm_memory_calculator.sources as sources; sources.resolve('llama3_70b');"
        "print([name for name in ('huggingface_hub', 'httpx', 'httpx2', 'pandas', 'numpy', 'pydantic')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "name", ["Qwen/Qwen3-8B-AWQ", "llama3.1:8b", "TheBloke/Llama-2-7B-Chat-GGUF:Q4_K_M", "gpt2", "LLAMA3.1-8b"]
)
def test_a_name_is_resolved_once_a_question(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    for function in (sources.locate, sources.read, sources.names.derive):
        counted = function.__name__

        def count(*args: Any, function: Any = function, **kwargs: Any) -> Any:
            calls.append(function.__name__)
            return function(*args, **kwargs)

        monkeypatch.setattr(sources.names if counted == "derive" else sources, counted, count)
    api._bundled.cache_clear()
    api._called.cache_clear()
    first = load_model(name)
    assert max(calls.count(call) for call in calls) == 1
    del calls[:]
    assert load_model(name) is first
    assert "read" not in calls
    assert calls.count("locate") == 1


def test_models_are_kept_up_to_a_bound() -> None:
    assert None not in (api._bundled.cache_info().maxsize, api._called.cache_info().maxsize)


def test_names_of_a_model_share_its_description_when_others_were_asked_for_in_between() -> None:
    load_model("llama3_70b")
    for name in catalogue_names():
        if name != "meta-llama/Meta-Llama-3-70B":
            load_model(name)
    assert load_model("meta-llama/Meta-Llama-3-70B").architecture is load_model("llama3_70b").architecture
