"""Sources of a result: what its documents are counted by when one asks where they came from."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from pipeline.result import Keys, Result
from transforms.layout import ROW_BITS


@dataclass(frozen=True)
class Sources:
    """names: of the sources, sorted. code: of every input file, by ordinal, the number of its source, int64."""

    names: tuple[str, ...]
    code: NDArray[np.int64]

    def of(self, keys: Keys) -> NDArray[np.int64]:
        """Number of the source of every document key."""
        return self.code[keys >> ROW_BITS]

    def matching(self, pattern: str) -> NDArray[np.int64]:
        """Numbers of the sources with this name, or that a pattern such as `*wiki*` fits."""
        return np.array([i for i, name in enumerate(self.names) if name == pattern or fnmatchcase(name, pattern)], int)


def sources_of(result: Result) -> Sources:
    """Folders of the input files below what all have in common; where all lie in one folder, the files themselves."""
    paths = [source.path for source in result.inputs]
    folders = [path.rpartition("/")[0] for path in paths]
    named = folders if len(set(folders)) > 1 else paths
    parts = [name.split("/") for name in named]
    common = 0
    if named is paths:
        common = len(parts[0]) - 1 if parts else 0
    else:
        while len({tuple(part[: common + 1]) for part in parts}) == 1:
            common += 1
    short = ["/".join(part[common:]) or "." for part in parts]
    number = {name: i for i, name in enumerate(sorted(set(short)))}
    return Sources(tuple(number), np.array([number[name] for name in short], np.int64))
