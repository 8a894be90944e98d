"""The beamsift that runs here as a wheel, and what it needs as pins: what a cluster's workers install."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
import zipfile
from collections.abc import Iterator
from pathlib import Path

from filters.errors import RunnerError

NAME = "beamsift"
PACKAGES = ("filters", "pipeline", "transforms")

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the oldest date of a zip file: the same files give the same wheel
_WHEEL = "Wheel-Version: 1.0\nGenerator: beamsift\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_CONTAINER_HAS = "apache-beam"  # of the version that submits, with all that it needs


def write_wheel(folder: Path) -> Path:
    """Write the wheel of the code that is imported here, installed or a checkout, changes and all; returns its path.

    Needs no build tools and no network. Raises RunnerError where beamsift is not installed, not even as editable.
    """
    try:
        found = importlib.metadata.distribution(NAME)
    except importlib.metadata.PackageNotFoundError as error:
        raise RunnerError("beamsift is not installed, so there is no wheel to stage; install it first") from error
    info = f"{NAME}-{found.version}.dist-info"
    files = {name: path.read_bytes() for name, path in _sources()}
    files[f"{info}/METADATA"] = (found.read_text("METADATA") or "").encode()
    files[f"{info}/entry_points.txt"] = (found.read_text("entry_points.txt") or "").encode()
    files[f"{info}/WHEEL"] = _WHEEL.encode()
    record = [f"{name},sha256={_digest(content)},{len(content)}" for name, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{NAME}-{found.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, content)
    return path


def _sources() -> Iterator[tuple[str, Path]]:
    """(name in the wheel, file) of everything that belongs to our packages, in order."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for root in (spec and spec.submodule_search_locations) or ():
            for path in sorted(Path(root).rglob("*")):
                inner = path.relative_to(root)
                if path.is_file() and "__pycache__" not in inner.parts and not path.name.startswith("."):
                    yield f"{package}/{inner.as_posix()}", path


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def pinned_requirements() -> list[str]:
    """`name==version` of all that beamsift needs, as installed here; Beam and what only Beam needs left out.

    Parquet files have the same bytes only where pyarrow is the same.
    """
    pins: dict[str, str] = {}
    waiting = [NAME]
    while waiting:
        for name in _needed(waiting.pop()):
            if name not in pins and name != _CONTAINER_HAS:
                try:
                    pins[name] = importlib.metadata.version(name)
                except importlib.metadata.PackageNotFoundError as error:
                    raise RunnerError(f"the package {name} is needed and not installed here; install it") from error
                waiting.append(name)
    return sorted(f"{name}=={version}" for name, version in pins.items())


def _needed(name: str) -> Iterator[str]:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for line in importlib.metadata.requires(name) or ():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
