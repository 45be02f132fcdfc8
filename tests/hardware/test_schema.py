"""The schema of a file: what it refuses, and with which words; the object it makes."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import tomllib

import pytest

from llm_memory_hardware import InvalidHardwareError, Link, Price, all_accelerators, get_accelerator
from llm_memory_hardware.schema import accelerator_from_table, read_toml

from ..rows import each

FILE = "Card.toml"
CARD = """
name = "Card"
aliases = ["The Card"]
manufacturer = "Acme"
type = "gpu"
architecture = "Anvil"
released = "2024-05"
compute_capability = "9.0"
memory_type = "HBM3"
memory_bus_bits = 5120
memory_bytes = 80_000_000_000
usable_memory_bytes = 79_000_000_000
memory_bandwidth = 3.35e12
cache_bytes = 52_428_800
devices_per_node = 8
tdp_w = 700
pci_ids = ["10de:2330"]

[peak_flops]
fp32 = 6.69e13
bf16 = 9.894e14

[link]
name = "NVLink 4"
bandwidth = 4.5e11
max_devices = 72

[host_link]
name = "PCIe 5.0 x16"
bandwidth = 6.3e10

[network]
name = "InfiniBand NDR"
bandwidth = 5.0e10

[instances]
"acme.8xlarge" = 8

[[prices]]
provider = "Acme"
instance = "acme.8xlarge"
tier = "spot"
usd_per_hour = 16.0
region = "moon-1"
date = "2025-01"
url = "https://acme.example/prices"

[[sources]]
title = "Card"
url = "https://acme.example/card"
date = "2024-05-06"
facts = ["memory_bytes"]
"""


def test_every_key_of_the_schema_becomes_a_field() -> None:
    card = read_toml(FILE, CARD)
    assert (card.released, card.compute_capability, card.memory_bus_bits) == ("2024-05", "9.0", 5120)
    assert (card.cache_bytes, card.pci_ids, dict(card.instances)) == (52_428_800, ("10de:2330",), {"acme.8xlarge": 8})
    assert card.network == Link(name="InfiniBand NDR", bandwidth=5e10)
    assert card.link_domain == 72
    assert card.link_between(16) == card.link
    assert card.prices == (
        Price(
            provider="Acme",
            tier="spot",
            usd_per_hour=16.0,
            devices=8,
            instance="acme.8xlarge",
            region="moon-1",
            date="2025-01",
            url="https://acme.example/prices",
        ),
    )
    assert card.prices[0].usd_per_device_hour == 2.0
    assert [source.title for source in card.sources] == ["Card"]


def test_what_is_optional_may_be_absent() -> None:
    short = CARD
    for line in ("released", "compute_capability", "memory_type", "memory_bus_bits", "cache_bytes", "tdp_w", "pci_ids"):
        short = "\n".join(row for row in short.splitlines() if not row.startswith(f"{line} = "))
    start, end = short.index("[link]"), short.index("[[sources]]")
    card = read_toml(FILE, short[:start] + short[end:])
    assert (card.released, card.tdp_w, card.link, card.network, card.prices) == (None, None, None, None, ())
    assert card.link_domain == 8
    assert card.link_between(2) is None


def test_one_format_is_enough_and_none_where_no_rate_is_public() -> None:
    assert dict(read_toml(FILE, CARD.replace("bf16 = 9.894e14\n", "")).peak_flops) == {"fp32": 6.69e13}
    rates = "[peak_flops]\nfp32 = 6.69e13\nbf16 = 9.894e14\n"
    for left in ("[peak_flops]\n", ""):
        card = read_toml(FILE, CARD.replace(rates, left))
        assert dict(card.peak_flops) == {}
        assert card.to_config()["peak_tflops"] == {}
        assert "Flops" not in card.to_config()
    with pytest.raises(InvalidHardwareError, match=r"key 'peak_flops' is 312; accepted is a table.*leave it out"):
        accelerator_from_table(FILE, tomllib.loads(CARD) | {"peak_flops": 312})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "memory_bytes = 80_000_000_000\nusable_memory_bytes = 79_000_000_000",
            "memory_bytes = 230_000_000\nusable_memory_bytes = 230_000_000",
        ),
        ("memory_bandwidth = 3.35e12", "memory_bandwidth = 2.1e16"),
        ("bf16 = 9.894e14", "bf16 = 5.0e16"),
        ("tdp_w = 700", "tdp_w = 23000"),
    ],
)
def test_the_ranges_hold_what_is_on_the_market(old: str, new: str) -> None:
    # 230 MB and 80 TB/s on one chip, 21 PB/s and 23 kW on a wafer
    assert read_toml(FILE, CARD.replace(old, new)).name == "Card"


@each(
    ("old", "new", "message"),
    [
        ("tdp_w = 700", 'usable_rule = "half"', "key 'usable_rule' is 'half'; accepted are metal"),
        ("[peak_flops]", '[disputed]\nlinks = "x"\n[peak_flops]', "key 'disputed' names 'links', which is not given"),
        ("[peak_flops]", '[disputed]\n"link.name" = ""\n[peak_flops]', "key 'disputed.link.name' is ''"),
        ("[peak_flops]", "disputed = 4\n[peak_flops]", "key 'disputed' must be a table"),
        ("tdp_w = 700", "tdp_watts = 700", "key 'tdp_watts' is not known.*Did you mean 'tdp_w'"),
        ("memory_bytes = 80_000_000_000", "memory_bytes = 80", "key 'memory_bytes' is 80; accepted is a whole"),
        ("memory_bytes = 80_000_000_000", "memory_bytes = 8e10", "key 'memory_bytes' is 80000000000.0"),
        ("memory_bandwidth = 3.35e12", "memory_bandwidth = 3350", "key 'memory_bandwidth' is 3,350"),
        ("memory_bandwidth = 3.35e12", "", "key 'memory_bandwidth' is missing"),
        ("memory_bandwidth = 3.35e12", "memory_bandwidth = 3.35e10", "29,534 operations for each byte.*check"),
        ("= 79_000_000_000", "= 790_000_000_000", "key 'usable_memory_bytes' is 790,000,000,000, more than 1.1 times"),
        ("tdp_w = 700", "tdp_w = 700\nmemory_is_maximum = 1", "key 'memory_is_maximum' is 1; accepted are"),
        ("tdp_w = 700", "tdp_w = 700\nruntime_devices = 0", "key 'runtime_devices' is 0"),
        ("[instances]", '[boards]\n"The Board" = 0\n[instances]', "key 'boards.The Board' is 0"),
        ("memory_bus_bits = 5120", "memory_bus_bits = 5120.5", "key 'memory_bus_bits' is 5120.5; accepted is a whole"),
        ("cache_bytes = 52_428_800", "cache_bytes = 50", "key 'cache_bytes' is 50;"),
        ('released = "2024-05"', 'released = "May 2024"', "key 'released' is 'May 2024'; accepted is YYYY or YYYY-MM"),
        ('released = "2024-05"', 'released = "2024-13"', "key 'released' is '2024-13'"),
        ('["10de:2330"]', '["10DE:2330"]', "key 'pci_ids' is '10DE:2330'; accepted is vendor:device in lower case"),
        ('["10de:2330"]', '"10de:2330"', "key 'pci_ids' is '10de:2330'; accepted is a list"),
        ("bf16 = 9.894e14", "bf16 = 989.4", "key 'peak_flops.bf16' is 989.4"),
        ("bf16 = 9.894e14", "bf15 = 9.894e14", "key 'peak_flops.bf15' is not known.*Did you mean 'bf16'"),
        ("bandwidth = 4.5e11", "bandwidth = true", "key 'link.bandwidth' is True"),
        ("bandwidth = 4.5e11", "", "key 'link.bandwidth' is missing"),
        ("bandwidth = 5.0e10", "bandwidth = 50", "key 'network.bandwidth' is 50;"),
        ("[network]\n", "[net]\n", "key 'net' is not known.*Did you mean 'network'"),
        ('"acme.8xlarge" = 8', '"acme.8xlarge" = 0', "key 'instances.acme.8xlarge' is 0"),
        ('instance = "acme.8xlarge"', 'instance = "acme.1"', "key 'prices.0..instance' is 'acme.1'; accepted are"),
        ('instance = "acme.8xlarge"\n', "", "'prices.0..instance' or 'prices.0..devices' must say"),
        ('instance = "acme.8xlarge"', 'instance = "acme.8xlarge"\ndevices = 8', "and not both"),
        ('tier = "spot"', 'tier = "cheap"', "key 'prices.0..tier' is 'cheap'; accepted are on_demand, spot"),
        ("usd_per_hour = 16.0", 'usd_per_hour = "16"', "key 'prices.0..usd_per_hour' is '16'"),
        ('date = "2025-01"', 'date = "last year"', "key 'prices.0..date' is 'last year'"),
        ('url = "https://acme.example/prices"', 'url = "acme"', "key 'prices.0..url' is 'acme'; accepted is"),
        ('type = "gpu"', 'type = "npu"', "key 'type' is 'npu'; accepted are gpu, tpu, asic, cpu"),
        ('manufacturer = "Acme"', 'manufacturer = ""', "key 'manufacturer' is ''"),
        ('aliases = ["The Card"]', "aliases = [3]", "key 'aliases' is 3"),
        ("[[sources]]", "[[source]]", "key 'source' is not known"),
        ('date = "2024-05-06"', 'date = "2024-05-32"', "key 'sources.0..date' is '2024-05-32'"),
        ('url = "https://acme.example/card"', 'url = "http://acme"', "key 'sources.0..url' is 'http://acme'"),
        ('facts = ["memory_bytes"]', "", "key 'sources.0..facts' is missing"),
        ('title = "Card"', "title = 3", "key 'sources.0..title' is 3"),
        ('name = "Card"', "name = Card", "not valid TOML"),
        ('name = "Card"', 'name = "Card"\nname = "Card"', "not valid TOML"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_with_its_name_and_key(old: str, new: str, message: str) -> None:
    assert old in CARD
    with pytest.raises(InvalidHardwareError, match=f"^{FILE}: .*{message}"):
        read_toml(FILE, CARD.replace(old, new, 1))


def test_sources_may_stand_anywhere() -> None:
    head, link, rest = CARD.partition("[link]")
    facts, marker, sources = rest.partition("[[sources]]")
    moved = head + marker + sources + link + facts
    assert read_toml(FILE, moved) == read_toml(FILE, CARD)
    with pytest.raises(InvalidHardwareError, match="key 'sources' is missing"):
        read_toml(FILE, head + link + facts)


# --- the object -----------------------------------------------------------------------------------------------------


def test_accelerators_can_be_pickled_copied_and_hashed() -> None:
    for accelerator in all_accelerators():
        for twin in (pickle.loads(pickle.dumps(accelerator)), copy.deepcopy(accelerator), copy.copy(accelerator)):
            assert twin == accelerator
            assert hash(twin) == hash(accelerator)
            assert {twin: 1}[accelerator] == 1
            assert repr(twin.sources) == repr(accelerator.sources)


def test_an_accelerator_is_a_dict_and_json_by_the_standard_library() -> None:
    for accelerator in all_accelerators():
        table = json.loads(json.dumps(dataclasses.asdict(accelerator)))
        assert table["peak_flops"] == accelerator.peak_flops
        assert [source["url"] for source in table["sources"]] == [source.url for source in accelerator.sources]
        assert dataclasses.replace(accelerator, name="other").instances == accelerator.instances


def test_an_accelerator_cannot_be_changed() -> None:
    accelerator = get_accelerator("h100")
    for change in (dict.clear, dict.popitem):
        with pytest.raises(TypeError, match="cannot be changed"):
            getattr(accelerator.peak_flops, change.__name__)()
    with pytest.raises(AttributeError):
        accelerator.memory_bytes = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        accelerator.peak_flops["bf16"] = 1.0  # type: ignore[index]
    with pytest.raises(TypeError):
        accelerator.instances["p5.48xlarge"] = 1  # type: ignore[index]
