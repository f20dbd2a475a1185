"""The engines of this installation, made once a process from the settings. Tests put their own in place with `use`."""

from functools import lru_cache

from studium.compute.accelerators.declared import parse_declared
from studium.compute.accelerators.simulated import parse_simulated
from studium.compute.engines.base import Engine
from studium.config.options import Options, options

Engines = dict[str, Engine]
_in_place: Engines | None = None


def engines() -> Engines:
    """The engines by name."""
    return _in_place if _in_place is not None else _from_settings()


def use(replacement: Engines | None) -> None:
    """Put other engines in place for this process; None goes back to the settings. For tests."""
    global _in_place
    _in_place = replacement


@lru_cache(maxsize=1)
def _from_settings() -> Engines:
    return {"local": local_engine(options())}


def local_engine(settings: Options) -> Engine:
    """The engine of this machine as the settings describe it. Raises ValueError for settings that make no sense."""
    from studium.compute.engines.local import LocalEngine
    from studium.lib.units import parse_size

    return LocalEngine(
        settings.home,
        hint_socket=settings.controller_hints,
        simulated=parse_simulated(settings.simulate) if settings.simulate else (),
        declared=parse_declared(settings.accelerators),
        reserve_memory=parse_size(settings.reserve_memory),
        provider_cache=parse_size(settings.provider_cache),
    )
