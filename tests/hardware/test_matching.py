"""Devices as machines and clusters report them, matched to the catalogue; and what a device costs."""

from __future__ import annotations

from typing import Any

import pytest

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    InvalidHardwareError,
    Price,
    all_accelerators,
    get_accelerator,
    get_best_rate,
    match_device,
)

from ..rows import each


@each(
    ("reported", "name", "confidence"),
    [
        # the PCI id before anything else
        ({"name": "NVIDIA H100 80GB HBM3", "memory_mb": 81559, "pci_id": "10de:2330"}, "H100_SXM", "certain"),
        ({"pci_id": "10DE:2330"}, "H100_SXM", "certain"),
        ({"pci_id": "0x233010DE"}, "H100_SXM", "certain"),  # as nvidia-smi prints it
        ({"pci_vendor": "10de", "pci_device": "2330"}, "H100_SXM", "certain"),
        ({"pci_vendor_id": "0x10de", "pci_device_id": "0x2330"}, "H100_SXM", "certain"),
        ({"pci_vendor": 0x10DE, "pci_device": 0x2330}, "H100_SXM", "certain"),
        ({"pci_device": "2330"}, "H100_SXM", "certain"),
        ({"pci_id": "10de:2330", "name": "something else"}, "H100_SXM", "certain"),
        ({"pci_id": "10de:2330", "name": "NVIDIA L4"}, "H100_SXM", "likely"),
        ({"pci_id": "1002:744c", "name": "Radeon RX 7900 XTX"}, "RX_7900_XTX", "certain"),  # an id of several cards
        # the name, and the memory with it
        ({"name": "NVIDIA H100 NVL", "memory_mb": 95830}, "H100_NVL", "certain"),
        ({"name": "Tesla T4", "memory": "15360 MiB"}, "T4", "certain"),
        ({"name": "Tesla T4", "memory": 15360}, "T4", "certain"),
        ({"name": "AMD Instinct MI300X OAM", "memory": "196592 MB"}, "MI300X", "certain"),
        ({"name": "NVIDIA L40S"}, "L40S", "likely"),
        ({"product_name": "NVIDIA-A100-SXM4-80GB"}, "A100_80GB", "likely"),
        ({"pci_id": "dead:beef", "name": "NVIDIA L4"}, "L4", "likely"),
        # the memory tells which
        ({"name": "A100", "memory_gb": 80}, "A100_80GB", "likely"),
        ({"name": "A100", "memory_mb": 40960}, "A100_40GB", "likely"),
        ({"name": "A100", "memory_bytes": 85_094_039_552}, "A100_80GB", "likely"),
        ({"name": "NVIDIA GeForce RTX 4060 Ti", "memory_mib": 16380}, "RTX_4060_Ti_16GB", "likely"),
        ({"name": "NVIDIA GeForce RTX 4060 Ti", "memory_mib": 8188}, "RTX_4060_Ti_8GB", "likely"),
        ({"name": "H100", "memory_gb": 94}, "H100_NVL", "likely"),
        # processors and unified memory: their size says nothing
        ({"cpu_model": "Intel(R) Xeon(R) Platinum 8480+", "memory_gb": 512}, "Xeon_Platinum_8480Plus", "likely"),
        ({"cpu_model": "AMD EPYC 9654 96-Core Processor"}, "EPYC_9654", "likely"),
        ({"name": "Apple M2 Ultra", "memory_gb": 64}, "Apple_M2_Ultra", "likely"),
    ],
)
def test_a_reported_device_is_found(reported: dict[str, Any], name: str, confidence: str) -> None:
    found = match_device(reported)
    assert found
    assert found.accelerator is get_accelerator(name)
    assert found.confidence == confidence
    assert name in found.reason


@each(
    ("reported", "nearest", "why"),
    [
        ({"name": "A100"}, "A100_40GB", "a PCI id or the memory would tell which"),
        ({"name": "NVIDIA H100 80GB HBM3", "memory_mb": 40_000}, "H100_SXM", "a slice of it, or another variant"),
        ({"pci_id": "10de:2330", "memory_gb": 10}, "H100_SXM", "a slice of it, or another variant"),
        ({"name": "NVIDIA GeForce RTX 4O90"}, "RTX_4090", "is not in the catalogue"),
        ({"pci_id": "1002:744c"}, "RX_7900_XTX", "is shared by"),
        ({"cpu_model": "Intel(R) Xeon(R) CPU @ 2.00GHz"}, None, "is not in the catalogue"),
        ({"pci_id": "dead:beef"}, None, "No entry of the catalogue has the PCI id dead:beef"),
        ({"name": "NVIDIA A100-SXM4-80GB MIG 1g.10gb", "pci_id": "10de:20b2"}, None, "is a MIG slice"),
    ],
)
def test_what_cannot_be_told_says_why_and_what_is_near(reported: dict[str, Any], nearest: str | None, why: str) -> None:
    found = match_device(reported)
    assert not found
    assert (found.accelerator, found.confidence) == (None, "none")
    assert why in found.reason
    assert nearest is None or nearest in found.nearest


@each(
    ("reported", "message"),
    [
        ({}, "must have a name .* or a pci_id"),
        ({"memory_gb": 80}, "it has memory_gb"),
        ({"name": ""}, "must have a name"),
        ({"name": 3}, "'name' is 3"),
        ({"name": "H100", "memory_gb": "much"}, "'memory_gb' is 'much'"),
        ({"name": "H100", "memory_gb": -1}, "'memory_gb' is -1"),
        ({"name": "H100", "memory": "80 apples"}, "'memory' is '80 apples'"),
        ({"pci_id": "2330"}, "'pci_id' is '2330'; accepted is vendor:device"),
        ({"pci_vendor": "NVIDIA", "pci_device": "2330"}, "'pci_vendor' is 'NVIDIA'"),
        ("H100", "must be a mapping"),
    ],
)
def test_what_cannot_be_read_is_refused(reported: Any, message: str) -> None:
    with pytest.raises(InvalidHardwareError, match=message):
        match_device(reported)


def test_a_match_among_other_descriptions() -> None:
    card = {"Flops": 100, "Memory_size": 32, "Memory_BW": 1000, "aliases": ["Acme Card"]}
    found = match_device({"name": "acme-card", "memory_gb": 32}, {"Card": card, "Other": {**card, "aliases": []}})
    assert found.accelerator is not None
    assert found.accelerator.name == "Card"
    assert not match_device({"name": "H100"}, {"Card": card})
    assert match_device({"name": "h100"}, HARDWARE_CONFIGS).accelerator is get_accelerator("H100")
    assert match_device({"pci_id": "10de:2330"}, [get_accelerator("H100")]).accelerator is get_accelerator("H100")
    assert not match_device({"pci_id": "10de:2330", "name": "L4"}, [])


def test_every_pci_id_leads_back_to_its_accelerator() -> None:
    for accelerator in all_accelerators():
        for pci_id in accelerator.pci_ids:
            found = match_device({"pci_id": pci_id, "name": accelerator.name, "memory_bytes": accelerator.memory_bytes})
            assert found.accelerator is accelerator, found.reason


# --- prices ---------------------------------------------------------------------------------------------------------


def price(provider: str, usd_per_hour: float, tier: Any = "on_demand", devices: int = 1) -> Price:
    return Price(
        provider=provider,
        tier=tier,
        usd_per_hour=usd_per_hour,
        devices=devices,
        date="2025",
        url="https://acme.example/prices",
    )


PRICES = (price("A", 24, devices=8), price("A", 8, "spot", devices=8), price("B", 2), price("C", 4))


def test_the_lowest_rate_of_one_device_is_found() -> None:
    assert get_best_rate(PRICES) == (1.0, "A", "spot")
    assert get_best_rate(PRICES, allow_spot=False) == (2.0, "B", "on_demand")
    assert get_best_rate(PRICES, preferred_provider="a", allow_spot=False) == (3.0, "A", "on_demand")
    assert get_best_rate(PRICES, preferred_provider="Vultr") == (1.0, "A", "spot")  # which has no price here
    assert get_best_rate(PRICES[1:2], allow_spot=False) is None
    assert get_best_rate(()) is None


def test_the_original_s_dict_of_costs_is_taken() -> None:
    cost = {"AWS": {"on_demand": 4.0, "spot": 1.5}, "Lambda": 2.5}
    assert get_best_rate(cost) == (1.5, "AWS", "spot")
    assert get_best_rate(cost, False) == (2.5, "Lambda", "on_demand")
    with pytest.raises(InvalidHardwareError, match=r"cost of 'AWS' .on_demand. is 'cheap'"):
        get_best_rate({"AWS": "cheap"})
    with pytest.raises(InvalidHardwareError, match="must be an accelerator"):
        get_best_rate([3])  # type: ignore[list-item]
    with pytest.raises(InvalidHardwareError, match="preferred_provider is 3"):
        get_best_rate(cost, preferred_provider=3)  # type: ignore[arg-type]


def test_the_catalogue_s_prices_are_asked_by_name() -> None:
    for accelerator in all_accelerators():
        rate = get_best_rate(accelerator)
        assert (rate is None) == (not accelerator.prices)
        whole = [entry for entry in accelerator.prices if not entry.without_host]
        assert rate is None or rate[0] == min(entry.usd_per_device_hour for entry in whole)
    assert get_best_rate("h100") == get_best_rate(get_accelerator("H100_SXM"))


@pytest.mark.parametrize("name", ["Google Cloud", "GCP", "google", "Google Cloud Platform"])
def test_a_provider_is_found_by_the_names_that_people_use(name: str) -> None:
    rate = get_best_rate("A100_80GB", preferred_provider=name)
    assert rate is not None
    assert rate[1] == "Google Cloud"
    assert get_best_rate({"GCP": 3.0, "AWS": 1.0}, preferred_provider=name) == (3.0, "GCP", "on_demand")


def test_an_unknown_provider_is_an_error_with_the_nearest() -> None:
    with pytest.raises(InvalidHardwareError, match=r"preferred_provider is 'Gogle Cloud'.*Did you mean 'Google Cloud'"):
        get_best_rate("H100", preferred_provider="Gogle Cloud")


def test_an_instance_type_has_its_own_price() -> None:
    own = [price for price in get_accelerator("H100").prices if price.instance == "Standard_ND96isr_H100_v5"]
    rate = get_best_rate("ND96isr_H100_v5", allow_spot=False)
    assert rate == (min(price.usd_per_device_hour for price in own if price.tier == "on_demand"), "Azure", "on_demand")


def test_a_price_without_the_machine_counts_only_where_there_is_no_other() -> None:
    alone = Price(
        provider="A",
        tier="on_demand",
        usd_per_hour=0.1,
        devices=1,
        date="2025",
        url="https://a.example",
        without_host=True,
    )
    assert get_best_rate([alone, *PRICES]) == get_best_rate(PRICES)
    assert get_best_rate([alone]) == (0.1, "A", "on_demand")
    t4 = get_best_rate("T4", allow_spot=False)
    assert t4 is not None
    assert t4[0] == 0.526  # g4dn.xlarge whole, where a T4 alone is 0.35


@pytest.mark.parametrize("cost", [None, 3, [None], [10**400]])
def test_a_cost_that_is_none_is_refused_plainly(cost: Any) -> None:
    with pytest.raises(InvalidHardwareError, match="A cost must be an accelerator"):
        get_best_rate(cost)


def test_one_die_of_a_card_is_found_by_the_card_s_name_and_its_own_memory() -> None:
    # as rocm-smi reports each of the two
    found = match_device({"name": "AMD Instinct MI250X", "memory_mb": 65520})
    assert (found.accelerator, found.confidence) == (get_accelerator("MI250X_GCD"), "certain")
