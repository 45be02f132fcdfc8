"""Headers of GGUF files: exact bytes, the config that their metadata amounts to, and what is refused."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from llm_memory_calculator import calculate_memory, load_model
from llm_memory_calculator.architectures import build, families
from llm_memory_calculator.config import Config
from llm_memory_calculator.errors import ConfigError, InvalidFileError, UnsupportedModelError
from llm_memory_calculator.sources import catalogue_entries, gguf_config, gguf_file, resolve

from ..rows import each
from .files import LLAMA_METADATA, Shapes, llama_gguf_tensors, write_gguf

BYTES = 6_389_760


@pytest.fixture
def file() -> Path:
    path = Path("model.gguf").absolute()
    write_gguf(path, LLAMA_METADATA, llama_gguf_tensors())
    return path


def test_a_file_gives_the_bytes_of_its_header(file: Path) -> None:
    for path in (file, str(file), "model.gguf", file.parent):
        report = calculate_memory(path)
        assert report.weight_memory_bytes == BYTES
        assert (report.precision, report.kv_precision, report.model_type) == ("q4_k_m", "fp16", "llama")
        assert report.parameter_count == 10_490_368
        assert not [note for note in report.notes if note.origin == "warning"]


def test_only_the_header_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    true_read = gguf_file._Reader.need

    def counted(self: Any, count: int) -> None:
        nonlocal read
        true_read(self, count)
        read = max(read, self.read_bytes)

    monkeypatch.setattr(gguf_file._Reader, "need", counted)
    gguf_file.read(str(file))
    assert read < 2**19


def test_the_gguf_package_reads_the_same(file: Path) -> None:
    reader = pytest.importorskip("gguf").GGUFReader(file)
    stored = gguf_file.read(str(file)).weights
    assert {tensor.name: tensor.n_bytes for tensor in reader.tensors} == {
        name: tensor.bytes for name, tensor in stored.tensors.items()
    }
    assert stored.mix == "q4_k_m"


def test_a_file_of_the_gguf_package_is_read(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    numpy = pytest.importorskip("numpy")
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "llama")
    writer.add_block_count(1)
    writer.add_name("a name")
    writer.add_token_list([f"token {number}" for number in range(64)])
    writer.add_array("x.list", [1.0, 2.0])
    writer.add_bool("x.flag", True)
    writer.add_tensor("token_embd.weight", numpy.zeros((64, 32), dtype=numpy.float16))
    writer.add_tensor("output_norm.weight", numpy.zeros((32,), dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = gguf_file.read(str(tmp_path / "x.gguf"))
    assert found.metadata["llama.block_count"] == 1
    assert found.metadata["general.name"] == "a name"
    assert found.metadata["tokenizer.ggml.tokens"] == gguf_file.Strings(64)
    assert found.metadata["x.list"] == [1.0, 2.0]
    assert found.metadata["x.flag"] is True
    assert found.weights.tensors["token_embd.weight"].shape == (32, 64)
    assert found.weights.bytes == 64 * 32 * 2 + 32 * 4


def test_shards_are_added_up() -> None:
    tensors = list(llama_gguf_tensors().items())
    shards = [Path(f"split-{number:05}-of-00002.gguf") for number in (1, 2)]
    write_gguf(shards[0], LLAMA_METADATA | {"split.count": 2}, dict(tensors[:10]))
    write_gguf(shards[1], {"split.no": 1}, dict(tensors[10:]))
    assert calculate_memory(shards[0]).weight_memory_bytes == BYTES
    assert calculate_memory(shards[1]).weight_memory_bytes == BYTES
    shards[1].unlink()
    with pytest.raises(InvalidFileError, match=r"1 of the 2 shards.*split-00002-of-00002"):
        load_model(shards[0])


def test_a_folder_of_several_models_asks_which(file: Path) -> None:
    write_gguf(file.parent / "other.gguf", LLAMA_METADATA, llama_gguf_tensors())
    write_gguf(file.parent / "mmproj-model.gguf", LLAMA_METADATA, llama_gguf_tensors())
    with pytest.raises(InvalidFileError, match=r"2 GGUF models: model\.gguf, other\.gguf\. Give one"):
        load_model(file.parent)


def test_ranks_share_each_matrix_in_its_own_format(file: Path) -> None:
    norms = 9 * 512 * 4
    assert 2 * calculate_memory(file, tensor_parallel=2).weight_memory_bytes == BYTES + norms


def test_a_mix_of_its_maker_s_own_is_counted_by_tensor(file: Path) -> None:
    tensors = llama_gguf_tensors()
    tensors["blk.0.ffn_down.weight"] = ("Q8_0", [1024, 512])
    write_gguf(file, LLAMA_METADATA, tensors)
    report = calculate_memory(file)
    assert report.weight_memory_bytes == BYTES + 1024 * 512 * (8.5 - 4.5) / 8
    (note,) = (note for note in report.notes if note.origin == "warning")
    assert "usual recipe of its mix" in note.text
    assert "+262,144 bytes" in note.text
    unnamed = {key: value for key, value in LLAMA_METADATA.items() if key != "general.file_type"}
    write_gguf(file, unnamed, tensors)
    report = calculate_memory(file)
    assert (report.weight_memory_bytes, report.precision) == (BYTES + 262_144, "q4_k")


def test_tensors_beside_the_model_s_own_are_named(file: Path) -> None:
    tensors: Shapes = llama_gguf_tensors() | {
        "rope_freqs.weight": ("F32", [32]),
        "blk.4.nextn.eh_proj.weight": ("Q8_0", [1024, 2048]),
    }
    write_gguf(file, LLAMA_METADATA, tensors)
    report = calculate_memory(file)
    assert report.weight_memory_bytes == BYTES + 128
    assert any("blk.4.nextn.eh_proj.weight" in note.text and "not counted" in note.text for note in report.notes)


def test_experts_that_stand_one_by_one_are_those_of_their_layer() -> None:
    entries = LLAMA_METADATA | {"llama.expert_count": 4, "llama.expert_used_count": 2}
    together = {name: entry for name, entry in llama_gguf_tensors().items() if ".ffn_" not in name or "norm" in name}
    together |= {f"blk.{layer}.ffn_gate_inp.weight": ("F32", [512, 4]) for layer in range(4)}
    apart = dict(together)
    for layer in range(4):
        for kind, shape in {"ffn_gate": [512, 1024], "ffn_up": [512, 1024], "ffn_down": [1024, 512]}.items():
            together[f"blk.{layer}.{kind}_exps.weight"] = ("Q8_0", [*shape, 4])
            apart |= {f"blk.{layer}.{kind}.{expert}.weight": ("Q8_0", shape) for expert in range(4)}
    reports = []
    for tensors in (together, apart):
        write_gguf(Path("x.gguf"), entries, tensors)
        report = calculate_memory("x.gguf", tensor_parallel=2)
        assert report.model_type == "mixtral"
        reports.append(report.weight_memory_bytes)
        stored = resolve("x.gguf").weights
        assert stored is not None
        assert calculate_memory("x.gguf").weight_memory_bytes == stored.bytes
    assert reports[0] == reports[1]


def test_an_unknown_architecture_names_the_nearest_one(file: Path) -> None:
    write_gguf(file, LLAMA_METADATA | {"general.architecture": "lama"}, llama_gguf_tensors())
    with pytest.raises(
        UnsupportedModelError, match=r"'lama'.*39 tensors.*Did you mean 'llama'.*Give the model's config.json"
    ):
        load_model(file)


@pytest.mark.parametrize("key", ["llama.block_count", "llama.embedding_length", "llama.attention.head_count"])
def test_a_missing_key_is_an_error_that_names_the_field(key: str, file: Path) -> None:
    write_gguf(file, {name: value for name, value in LLAMA_METADATA.items() if name != key}, llama_gguf_tensors())
    with pytest.raises(ConfigError, match=r"num_hidden_layers|hidden_size|num_attention_heads"):
        load_model(file)


def test_layers_of_unlike_shape_are_refused(file: Path) -> None:
    write_gguf(file, LLAMA_METADATA | {"llama.attention.head_count_kv": [4, 4, 2, 4]}, llama_gguf_tensors())
    with pytest.raises(ConfigError, match=r"unlike llama\.attention\.head_count_kv"):
        load_model(file)
    write_gguf(file, LLAMA_METADATA | {"llama.attention.head_count_kv": [4, 4, 4, 4]}, llama_gguf_tensors())
    assert calculate_memory(file).weight_memory_bytes == BYTES


def test_a_file_without_a_table_is_no_whole_model(file: Path) -> None:
    write_gguf(file, LLAMA_METADATA, {"blk.0.attn_q.weight": ("Q4_K", [512, 512])})
    with pytest.raises(ConfigError, match=r"no token_embd\.weight"):
        load_model(file)


# --- the config that metadata amounts to, against the parameters that models publish --------------------------------


def metadata(architecture: str, **values: Any) -> dict[str, Any]:
    named = {f"{architecture}.{key.replace('__', '.')}": value for key, value in values.items()}
    return {"general.architecture": architecture, "general.file_type": 7, **named}


def present(hidden: int, vocabulary: int, *names: str, head: bool = True) -> Shapes:
    """A table, a head and tensors whose presence says something; their own shapes do not count here."""
    tables = {"token_embd.weight": ("F16", [hidden, vocabulary])} | (
        {"output.weight": ("F16", [hidden, vocabulary])} if head else {}
    )
    return tables | {f"blk.0.{name}": ("F32", [8]) for name in names}


MODELS: list[tuple[str, dict[str, Any], Shapes]] = [
    (
        "meta-llama/Llama-3.1-8B",
        metadata(
            "llama",
            block_count=32,
            embedding_length=4096,
            feed_forward_length=14336,
            attention__head_count=32,
            attention__head_count_kv=8,
        ),
        present(4096, 128256),
    ),
    (
        "mistralai/Mixtral-8x7B-v0.1",
        metadata(
            "llama",
            block_count=32,
            embedding_length=4096,
            feed_forward_length=14336,
            attention__head_count=32,
            attention__head_count_kv=8,
            expert_count=8,
            expert_used_count=2,
        ),
        present(4096, 32000),
    ),
    (
        "Qwen/Qwen2.5-7B-Instruct",
        metadata(
            "qwen2",
            block_count=28,
            embedding_length=3584,
            feed_forward_length=18944,
            attention__head_count=28,
            attention__head_count_kv=4,
        ),
        present(3584, 152064, "attn_q.bias"),
    ),
    (
        "Qwen/Qwen3-0.6B",
        metadata(
            "qwen3",
            block_count=28,
            embedding_length=1024,
            feed_forward_length=3072,
            attention__head_count=16,
            attention__head_count_kv=8,
            attention__key_length=128,
            attention__value_length=128,
        ),
        present(1024, 151936, "attn_q_norm.weight", head=False),
    ),
    (
        "Qwen/Qwen3-30B-A3B",
        metadata(
            "qwen3moe",
            block_count=48,
            embedding_length=2048,
            feed_forward_length=6144,
            attention__head_count=32,
            attention__head_count_kv=4,
            attention__key_length=128,
            expert_count=128,
            expert_used_count=8,
            expert_feed_forward_length=768,
        ),
        present(2048, 151936, "attn_q_norm.weight"),
    ),
    (
        "Qwen/Qwen1.5-MoE-A2.7B",
        metadata(
            "qwen2moe",
            block_count=24,
            embedding_length=2048,
            feed_forward_length=5632,
            attention__head_count=16,
            attention__head_count_kv=16,
            expert_count=60,
            expert_used_count=4,
            expert_feed_forward_length=1408,
            expert_shared_feed_forward_length=5632,
        ),
        present(2048, 151936, "attn_q.bias"),
    ),
    (
        "google/gemma-2-9b",
        metadata(
            "gemma2",
            block_count=42,
            embedding_length=3584,
            feed_forward_length=14336,
            attention__head_count=16,
            attention__head_count_kv=8,
            attention__key_length=256,
            attention__sliding_window=4096,
        ),
        present(3584, 256000, head=False),
    ),
    (
        "google/gemma-3-1b-pt",
        metadata(
            "gemma3",
            block_count=26,
            embedding_length=1152,
            feed_forward_length=6912,
            attention__head_count=4,
            attention__head_count_kv=1,
            attention__key_length=256,
            attention__sliding_window=512,
        ),
        present(1152, 262144, head=False),
    ),
    (
        "microsoft/Phi-3-mini-4k-instruct",
        metadata(
            "phi3",
            block_count=32,
            embedding_length=3072,
            feed_forward_length=8192,
            attention__head_count=32,
            attention__head_count_kv=32,
            attention__sliding_window=2047,
        ),
        present(3072, 32064),
    ),
    (
        "openai/gpt-oss-20b",
        metadata(
            "gpt-oss",
            block_count=24,
            embedding_length=2880,
            feed_forward_length=2880,
            attention__head_count=64,
            attention__head_count_kv=8,
            attention__key_length=64,
            attention__sliding_window=128,
            expert_count=32,
            expert_used_count=4,
            expert_feed_forward_length=2880,
        ),
        present(2880, 201088),
    ),
    (
        "deepseek-ai/DeepSeek-V2-Lite",
        metadata(
            "deepseek2",
            block_count=27,
            embedding_length=2048,
            feed_forward_length=10944,
            attention__head_count=16,
            attention__head_count_kv=16,
            attention__kv_lora_rank=512,
            attention__key_length=192,
            attention__value_length=128,
            rope__dimension_count=64,
            expert_count=64,
            expert_used_count=6,
            expert_shared_count=2,
            expert_feed_forward_length=1408,
            leading_dense_block_count=1,
        ),
        present(2048, 102400),
    ),
    (
        "deepseek-ai/DeepSeek-V3",
        metadata(
            "deepseek2",
            block_count=61,
            embedding_length=7168,
            feed_forward_length=18432,
            attention__head_count=128,
            attention__head_count_kv=1,
            attention__q_lora_rank=1536,
            attention__kv_lora_rank=512,
            attention__key_length=576,
            attention__value_length=512,
            attention__key_length_mla=192,
            attention__value_length_mla=128,
            rope__dimension_count=64,
            expert_count=256,
            expert_used_count=8,
            expert_shared_count=1,
            expert_feed_forward_length=2048,
            leading_dense_block_count=3,
        ),
        present(7168, 129280, "exp_probs_b.bias"),
    ),
    (
        "tiiuae/falcon-40b",
        metadata(
            "falcon",
            block_count=60,
            embedding_length=8192,
            feed_forward_length=32768,
            attention__head_count=128,
            attention__head_count_kv=8,
        ),
        present(8192, 65024, "attn_norm_2.weight", head=False),
    ),
    (
        "state-spaces/mamba-1.4b-hf",
        metadata(
            "mamba",
            block_count=48,
            context_length=1048576,
            embedding_length=2048,
            feed_forward_length=0,
            attention__head_count=0,
            ssm__conv_kernel=4,
            ssm__inner_size=4096,
            ssm__state_size=16,
            ssm__time_step_rank=128,
        ),
        present(2048, 50280, head=False),
    ),
    (
        "openai-community/gpt2",
        metadata(
            "gpt2",
            block_count=12,
            context_length=1024,
            embedding_length=768,
            feed_forward_length=3072,
            attention__head_count=12,
        ),
        present(768, 50257, head=False),
    ),
]


@pytest.mark.parametrize(("model", "entries", "tensors"), MODELS, ids=[model for model, _, _ in MODELS])
def test_metadata_describe_the_published_model(model: str, entries: dict[str, Any], tensors: Shapes) -> None:
    write_gguf(Path("x.gguf"), entries, tensors)
    config = resolve("x.gguf").config
    assert build(Config(config)).parameter_count == catalogue_entries()[model]["parameters"]


@each("architecture", gguf_config.FAMILIES)
def test_every_row_names_a_family_that_is_described(architecture: str) -> None:
    assert gguf_config.FAMILIES[architecture].model_type in families()


# --- files that are not to be trusted -------------------------------------------------------------------------------


def start(tensors: int, entries: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries) + rest


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


SOUND = text(b"a") + struct.pack("<II", 4, 1)
TENSOR = text(b"t") + struct.pack("<IQQIQ", 2, 256, 2, 12, 0)


@each(
    ("body", "says"),
    [
        (b"", "no GGUF file"),
        (b"GGUF", "no GGUF file"),
        (b"GGML" + b"\0" * 100, "does not begin with"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (start(0, 0, version=1) + b"\0" * 9, "version 1; versions 2 and 3"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + b"\0" * 9, "big-endian"),
        (start(2**63, 0), "number of tensors as 9,223,372,036,854,775,808"),
        (start(0, 2**40), "number of metadata entries"),
        (start(0, 1), "within its header"),
        (start(0, 1, text(b"a")), "within its header"),
        (start(0, 1, struct.pack("<Q", 2**60)), "length of a key"),
        (start(0, 2, SOUND + SOUND), "'a' stands in it twice"),
        (start(0, 1, text(b"a") + struct.pack("<I", 77)), "kind 77"),
        (start(0, 1, text(b"a") + struct.pack("<IQ", 8, 2**50)), "the length of the value of 'a'"),
        (start(0, 1, text(b"a") + struct.pack("<IIQ", 9, 4, 2**50)), "the length of the value of 'a'"),
        (start(0, 1, text(b"a") + struct.pack("<IIQ", 9, 9, 1)), "a list of kind 9"),
        (start(0, 1, text(b"a") + struct.pack("<IIQQ", 9, 8, 1, 2**50)), "a string of the value of 'a'"),
        (start(0, 1, text(b"a") + struct.pack("<IIQ", 9, 4, 1000)), "within its header"),
        (start(0, 1, text(b"general.alignment") + struct.pack("<II", 4, 3)), "no power of two"),
        (start(0, 1, text(b"general.alignment") + struct.pack("<II", 4, 0)), "no power of two"),
        (start(1, 0, text(b"t") + struct.pack("<I", 9)), "the dimensions of 't'"),
        (start(1, 0, text(b"t") + struct.pack("<IQIQ", 1, 2**60, 0, 0)), "a dimension of 't'"),
        (start(1, 0, text(b"t") + struct.pack("<IQIQ", 1, 32, 99, 0)), "ggml type 99"),
        (start(1, 0, text(b"t") + struct.pack("<IQIQ", 1, 100, 12, 0)), "rows of 100 values, and q4_k stores 256"),
        (start(2, 0, TENSOR + TENSOR) + b"\0" * 1000, "the tensor 't' stands twice"),
        (start(1, 0, TENSOR) + b"\0" * 100, "is cut short: its header lists tensors up to byte"),
        (start(1, 0, text(b"t") + struct.pack("<IQQIQ", 2, 256, 2, 12, 2**62)) + b"\0" * 500, "cut short"),
    ],
)
def test_what_is_no_sound_file_is_refused(body: bytes, says: str) -> None:
    Path("x.gguf").write_bytes(body)
    with pytest.raises(InvalidFileError, match=says) as raised:
        gguf_file.read("x.gguf")
    assert len(str(raised.value)) < 900


def test_a_header_without_end_is_left_at_the_limit() -> None:
    with open("x.gguf", "wb") as stream:
        stream.write(start(0, 1, text(b"a") + struct.pack("<IIQ", 9, 8, 1)) + struct.pack("<Q", 2**26))
        stream.truncate(2**27)
    with pytest.raises(InvalidFileError, match="header of more than 64 MiB"):
        gguf_file.read("x.gguf")


def test_names_that_are_no_text_do_no_harm() -> None:
    Path("x.gguf").write_bytes(start(1, 1, text(b"\xff\xfe") + struct.pack("<II", 4, 1) + TENSOR) + b"\0" * 1000)
    assert gguf_file.read("x.gguf").weights.bytes == 288


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_header_is_read_or_refused_and_never_a_crash(data: st.DataObject, file: Path) -> None:
    whole = bytearray(file.read_bytes()[:20_000])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 8))
        whole[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    damaged = file.parent / "damaged.gguf"
    damaged.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(InvalidFileError, ConfigError):
        load_model(damaged)
