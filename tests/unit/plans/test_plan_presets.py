"""The shipped sets, held against the table they were made from."""

import json
from pathlib import Path
from typing import Any

import pytest

from studium.errors import BadInput, NotFound
from studium.lib.units import GIB
from studium.plans.machine_types import MachineTypeSpec, find_type, types_for_found
from studium.plans.presets import PlanSet, load_file, load_shipped, parse_set, shipped_names
from studium.plans.rules import PlanRules, PlanSpec, Window

HOUR = 3600


def plan(name: str) -> PlanSpec:
    return next(p for s in shipped_names() for p in load_shipped(s).plans if p.slug == name)


def machine(word: str) -> MachineTypeSpec:
    found = next((t for s in shipped_names() if (t := find_type(load_shipped(s).machine_types, word))), None)
    assert found is not None, word
    return found


def test_the_sets_that_ship() -> None:
    assert shipped_names() == ("gradient", "kaggle", "open")
    plans = [p.slug for s in shipped_names() for p in load_shipped(s).plans]
    assert sorted(plans) == ["gradient-free", "gradient-growth", "gradient-pro", "kaggle", "open"]


def test_no_slug_is_used_by_two_sets() -> None:
    slugs = [t.slug for s in shipped_names() for t in load_shipped(s).machine_types]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize("name", ["gradient", "kaggle", "open"])
def test_every_pattern_of_a_plan_names_something(name: str) -> None:
    loaded = load_shipped(name)
    for each in loaded.plans:
        for pattern in each.rules.machine_types:
            alone = PlanRules(machine_types=(pattern,))
            assert any(alone.allows_machine(t.slug) for t in loaded.machine_types), pattern


PLANS: list[tuple[str, dict[str, Any]]] = [
    ("open", {"idle_seconds": 3600, "windows": (), "terminal": True, "internet": True, "extend": True, "projects": None,
              "running_notebooks": None, "storage_bytes_team": None, "storage_bytes_notebook": None,
              "visibilities": {"private", "team", "public"}, "price_micros_month": 0}),
    ("kaggle", {"idle_seconds": 1200, "storage_bytes_notebook": 20 * GIB, "visibilities": {"private", "public"},
                "price_micros_month": 0}),
    ("gradient-free", {"idle_seconds": None, "windows": (), "storage_bytes_team": 5 * GIB, "terminal": False,
                       "storage_overage_micros_per_gib_month": 290_000, "visibilities": {"public"}, "projects": 5,
                       "running_notebooks": 1, "extend": False, "price_micros_month": 0}),
    ("gradient-pro", {"idle_seconds": None, "storage_bytes_team": 15 * GIB, "terminal": True,
                      "storage_overage_micros_per_gib_month": 290_000, "visibilities": {"private", "team", "public"},
                      "price_micros_month": 8_000_000}),
    ("gradient-growth", {"idle_seconds": None, "storage_bytes_team": 50 * GIB, "terminal": True,
                         "storage_overage_micros_per_gib_month": 290_000,
                         "visibilities": {"private", "team", "public"}, "price_micros_month": 39_000_000}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "wanted"), PLANS)
def test_limits_and_prices_of_each_plan(name: str, wanted: dict[str, Any]) -> None:
    rules = plan(name).rules
    assert {key: getattr(rules, key) for key in wanted} == wanted


def test_kaggle_gives_thirty_hours_a_week_of_each_class_from_saturday() -> None:
    week = {"seconds": 30 * HOUR, "kind": "weekly", "weekday": "saturday", "time": "00:00"}
    assert plan("kaggle").rules.windows == (Window(resource="gpu", **week), Window(resource="tpu", **week))


SESSIONS = [
    ("open", "cpu-small", 12), ("kaggle", "p100", 9), ("kaggle", "tpu-v3-8", 9), ("kaggle", "kaggle-cpu", 9),
    ("gradient-free", "Free-CPU", 6), ("gradient-free", "Free-GPU", 6), ("gradient-pro", "Free-P5000", 6),
    ("gradient-pro", "P5000", 7 * 24), ("gradient-growth", "Free-A6000", 6), ("gradient-growth", "A100-80G", 7 * 24),
]  # fmt: skip


@pytest.mark.parametrize(("name", "word", "hours"), SESSIONS)
def test_session_length(name: str, word: str, hours: int) -> None:
    assert plan(name).rules.session_seconds.limit_for(machine(word)) == hours * HOUR


ALLOWED = [
    ("gradient-free", {"Free-CPU", "Free-GPU"}, {"P4000", "Free-P4000", "C4", "GPU+", "A100"}),
    ("gradient-pro", {"Free-CPU", "Free-GPU", "Free-P4000", "Free-P5000", "Free-RTX4000", "P4000", "P5000", "P6000",
                      "RTX4000", "C4", "C7", "GPU+", "P4000x4"},
     {"Free-A4000", "A4000", "A5000", "A6000", "V100", "A100", "A100-80G", "H100", "Free-A100-80G"}),
    ("gradient-growth", {"Free-A4000", "Free-A5000", "Free-A6000", "Free-A100-80G", "A4000x2", "A100x8", "V100-32G"},
     {"H100", "H100x8"}),
    ("kaggle", {"p100", "tpu-v3-8", "kaggle-cpu"}, {"Free-GPU", "cpu-small"}),
    ("open", {"cpu-small", "p100", "A100x8"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "yes", "no"), ALLOWED)
def test_machines_of_each_plan(name: str, yes: set[str], no: set[str]) -> None:
    rules = plan(name).rules
    assert [word for word in sorted(yes) if not rules.allows_machine(machine(word).slug)] == []
    assert [word for word in sorted(no) if rules.allows_machine(machine(word).slug)] == []


MACHINES = [
    # label, kind, cards, GiB on a card, vCPU, GiB, micros an hour
    ("P100", "P100", 1, 16, 2, 13, 0), ("TPU v3-8", "tpu-v3-8", 1, 128, 4, 16, 0),
    ("C4", None, 0, 0, 2, 4, 40_000), ("C5", None, 0, 0, 4, 8, 80_000), ("C7", None, 0, 0, 12, 30, 300_000),
    ("GPU+", "M4000", 1, 8, 8, 30, 450_000), ("P4000", "P4000", 1, 8, 8, 30, 510_000),
    ("P5000", "P5000", 1, 16, 8, 30, 780_000), ("P6000", "P6000", 1, 24, 8, 30, 1_100_000),
    ("RTX4000", "RTX4000", 1, 8, 8, 30, 560_000), ("RTX5000", "RTX5000", 1, 16, 8, 30, 820_000),
    ("A4000", "A4000", 1, 16, 8, 45, 760_000), ("A5000", "A5000", 1, 24, 8, 45, 1_380_000),
    ("A6000", "A6000", 1, 48, 8, 45, 1_890_000), ("A6000x4", "A6000", 4, 48, 32, 180, 7_560_000),
    ("V100", "V100", 1, 16, 8, 30, 2_300_000), ("V100-32G", "V100-32G", 1, 32, 8, 30, 2_300_000),
    ("A100", "A100", 1, 40, 12, 90, 3_090_000), ("A100x8", "A100", 8, 40, 96, 720, 24_720_000),
    ("A100-80G", "A100-80G", 1, 80, 12, 90, 3_180_000), ("H100", "H100", 1, 80, 16, 250, 5_950_000),
    ("H100x8", "H100", 8, 80, 128, 1638, 47_600_000),
    ("Free-CPU", None, 0, 0, 2, 4, 0), ("Free-GPU", "M4000", 1, 8, 8, 30, 0), ("Free-P4000", "P4000", 1, 8, 8, 30, 0),
    ("Free-P5000", "P5000", 1, 16, 8, 30, 0), ("Free-RTX4000", "RTX4000", 1, 8, 8, 30, 0),
    ("Free-A4000", "A4000", 1, 16, 8, 45, 0), ("Free-A100-80G", "A100-80G", 1, 80, 12, 90, 0),
    ("cpu-small", None, 0, 0, 1, 2, 0), ("cpu-medium", None, 0, 0, 2, 4, 0),
]  # fmt: skip


@pytest.mark.parametrize(("label", "kind", "cards", "card", "vcpu", "gib", "price"), MACHINES)
def test_the_machine_and_price_table(
    label: str, kind: str | None, cards: int, card: int, vcpu: float, gib: int, price: int
) -> None:
    found = machine(label)
    assert (found.accelerator_kind, found.accelerator_count, found.accelerator_memory_bytes) == (
        kind,
        cards,
        card * GIB,
    )
    assert (found.vcpu, found.memory_bytes, found.price_micros_hour) == (vcpu, gib * GIB, price)


@pytest.mark.parametrize(
    ("label", "price"),
    [("C1", 4500), ("C3", 18000), ("C6", 160_000), ("C8", 600_000), ("C9", 900_000), ("C10", 1_600_000)],
)
def test_prices_of_machines_whose_size_is_ours_say_so(label: str, price: int) -> None:
    assert machine(label).price_micros_hour == price
    assert "size chosen by this preset" in machine(label).source


def test_machine_types_are_found_by_slug_or_label_in_any_case() -> None:
    types = load_shipped("gradient").machine_types
    assert {find_type(types, word).slug for word in ("GPU+", "gpu+", "gpu-plus", " GPU-Plus ")} == {"gpu-plus"}  # type: ignore[union-attr]
    assert find_type(types, "GPU++") is None


def test_types_for_found_devices_share_three_quarters_of_the_machine_evenly() -> None:
    made = types_for_found("NVIDIA H200", 141 * GIB, 4, machine_vcpu=18, machine_memory_bytes=128 * GIB)
    assert [(t.slug, t.vcpu, t.accelerator_count) for t in made] == [
        ("nvidia-h200", 3.0, 1), ("nvidia-h200x2", 6.0, 2), ("nvidia-h200x4", 12.0, 4),
    ]  # fmt: skip
    assert made[-1].memory_bytes == 84 * GIB
    assert made[0].accelerator_memory_bytes == 141 * GIB
    assert [t.accelerator_count for t in types_for_found("X", 0, 3)] == [1, 2, 3]
    assert types_for_found("X", 0, 0) == []
    simulated = types_for_found("P100", 16 * GIB, [1], simulated=True, machine_vcpu=8)[0]
    assert simulated.vcpu == 8.0
    assert "Simulated" in simulated.description


def test_plans_survive_the_way_through_the_database() -> None:
    for name in shipped_names():
        for each in load_shipped(name).plans:
            assert PlanSpec.model_validate(json.loads(each.model_dump_json())) == each


BAD = [
    ("{", "plan.file_not_json"), ("[]", "plan.file_invalid"), ('{"set": "x", "extra": 1}', "plan.file_invalid"),
    ('{"set": "x", "plans": [{"slug": "a", "name": "A", "rules": {"idle": 3}}]}', "plan.file_invalid"),
    ('{"set": "x", "plans": [{"slug": "a", "name": "A", "rules": {"visibilities": []}}]}', "plan.file_invalid"),
    ('{"set": "x", "plans": [{"slug": "a", "name": "A", "rules": {}}, {"slug": "a", "name": "B", "rules": {}}]}',
     "plan.file_invalid"),
    ('{"set": "x", "machine_types": [{"slug": "a", "label": "A", "vcpu": 0, "memory_bytes": 1}]}', "plan.file_invalid"),
    ('{"set": "x", "machine_types": [{"slug": "a", "label": "A", "vcpu": 1, "memory_bytes": "much"}]}',
     "plan.file_invalid"),
    (('{"set": "x", "machine_types": [{"slug": "a", "label": "A", "vcpu": 1, "memory_bytes": 1,'
     ' "accelerator_kind": "P"}]}'), "plan.file_invalid"),
    ("[" * 100_000, "plan.file_not_json"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code"), BAD)
def test_a_bad_file_is_refused_with_its_mistake(text: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_set(text, "mine.json")
    assert caught.value.code == code
    assert "mine.json" in caught.value.message


def test_an_own_file_is_read_and_a_missing_one_is_said(tmp_path: Path) -> None:
    file = tmp_path / "lab.json"
    file.write_text('{"set": "lab", "plans": [{"slug": "lab", "name": "Lab", "rules": {"session_seconds": "2h"}}]}')
    assert isinstance(load_file(file), PlanSet)
    assert load_file(file).plans[0].rules.session_seconds.default == 7200
    with pytest.raises(NotFound, match="cannot be read"):
        load_file(tmp_path / "none.json")
    (tmp_path / "big.json").write_bytes(b" " * (1024 * 1024 + 1))
    with pytest.raises(BadInput, match="larger than 1 MiB"):
        load_file(tmp_path / "big.json")
    with pytest.raises(NotFound) as caught:
        load_shipped("nope")
    assert caught.value.facts["known"] == ["gradient", "kaggle", "open"]
