"""Lists as data: a file by path and checksum, read whole, gzip or not, with errors that say what to do."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from filters.errors import RecipeError
from filters.remote_files import read_file

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
"""A SHA-256 sum as `sha256sum` prints it."""

_GZIP_MAGIC = b"\x1f\x8b"


class ListFile(BaseModel):
    """path: the file, or its `gs://` or `s3://` URI. sha256: of the file as it lies there (compressed, if it is);
    another sum is an error.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    sha256: Sha256 | None = None


def read_list_bytes(file: ListFile, what: str) -> bytes:
    """The file's content, unpacked if it is gzip. `what` names it in errors, as in "blocklist".

    Raises RecipeError for a file that cannot be read, has another checksum than given, or is damaged.
    """
    path = file.path
    try:
        content = read_file(path, what)
    except OSError as error:
        raise RecipeError(f"{what} {path} cannot be read ({error.strerror}); name a file") from error
    check_sum(content, file, what)
    if not content.startswith(_GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise RecipeError(f"{what} {path} is damaged: not a whole gzip file ({error}); fetch it again") from error


def check_sum(content: bytes, file: ListFile, what: str) -> None:
    """Raise RecipeError, with both sums, unless the content has the checksum that was given, if one was."""
    if file.sha256 is None:
        return
    compare_sums(hashlib.sha256(content).hexdigest(), file.sha256, file.path, what)


def compare_sums(found: str, expected: str, path: str, what: str) -> None:
    """Raise RecipeError, with both sums, unless they are the same."""
    if found != expected.lower():
        raise RecipeError(
            f"{what} {path} is not the file that was meant: its SHA-256 is {found}, the recipe says "
            f"{expected.lower()}; take the right file, or put the new sum into the recipe"
        )


def check_file_sum(path: Path, expected: str, what: str) -> None:
    """As `check_sum`, of a file too large to be held. Raises RecipeError, also where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise RecipeError(f"{what} {path} cannot be read ({error.strerror}); name a file") from error
    compare_sums(digest.hexdigest(), expected, str(path), what)


def decode_lines(content: bytes, path: str, what: str) -> list[str]:
    """Lines of a UTF-8 text, without a byte order mark. Raises RecipeError, with the place, if it is not UTF-8."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{what} {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
