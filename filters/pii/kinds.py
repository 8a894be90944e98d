"""Names of what can be found: kinds, groups of kinds, and the few words that stand for several."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from filters.detectors.catalog import DETECTORS
from filters.detectors.contract import Detector

ALL, CUSTOM = "all", "custom"
ALIASES = {"ip": ("ipv4", "ipv6")}
"""Names that stand for several kinds without being a group."""

OPTIONAL = ("geo_home", "coordinates")
"""Kinds that `all` does not stand for: weak, or no personal data by themselves. By name or group they can be had."""


def known_names(custom: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """Every name that may be said, and the kinds it stands for, in order of rank.

    Kinds that a recipe defines come first: who defines one means it.
    """
    own = tuple(custom)
    names: dict[str, tuple[str, ...]] = {
        ALL: (*own, *(kind for kind in DETECTORS if kind not in OPTIONAL)),
        CUSTOM: own,
    }
    for group in dict.fromkeys(detector.group for detector in DETECTORS.values()):
        names[group] = tuple(kind for kind, detector in DETECTORS.items() if detector.group == group)
    for alias, members in ALIASES.items():
        if kinds := tuple(kind for kind in DETECTORS if kind in members):
            names[alias] = kinds
    return {**names, **{kind: (kind,) for kind in (*DETECTORS, *own)}}


def members(name: str, custom: Iterable[str] = ()) -> tuple[str, ...]:
    """Kinds that a name stands for. Raises ValueError with the nearest known names for another one."""
    names = known_names(custom)
    if name in names:
        return names[name]
    near = difflib.get_close_matches(name.lower().replace("-", "_"), names, n=3)
    if near:
        raise ValueError(f"unknown kind {name!r}; did you mean {' or '.join(map(repr, near))}?")
    groups = [known for known, kinds in names.items() if kinds != (known,)]
    raise ValueError(f"unknown kind {name!r}. Groups: {', '.join(groups)}. Kinds: {', '.join((*custom, *DETECTORS))}")


def select(names: Iterable[str], custom: Mapping[str, Detector] | None = None) -> tuple[Detector, ...]:
    """Detectors of the names, each once, in order of rank. Raises ValueError for an unknown name."""
    own = custom or {}
    wanted = {kind for name in names for kind in members(name, own)}
    every = {**own, **DETECTORS}
    return tuple(detector for kind, detector in every.items() if kind in wanted)


def governing(kind: str, group: str, names: Sequence[str] | Mapping[str, object]) -> str | None:
    """Of the names the one that decides about a kind: the kind itself, then an alias, its group, `all`."""
    aliases = [alias for alias, kinds in ALIASES.items() if kind in kinds]
    return next((name for name in (kind, *aliases, group, ALL) if name in names), None)
