"""The secret of pseudonyms: read where the recipe says, used for keyed hashes, shown nowhere."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from filters.errors import RecipeError
from filters.pii.params import KeySource
from filters.remote_files import read_file

LEAST_BYTES = 16
"""A shorter key can be found by trying."""

_HASH_BYTES = 16


class Key:
    """Keyed hashes (BLAKE2b) of values; each use of the key and each salt has hashes of its own."""

    def __init__(self, secret: bytes, salt: str) -> None:
        # BLAKE2b takes keys of up to 64 bytes.
        self._secret = hashlib.blake2b(salt.encode(), key=hashlib.blake2b(secret).digest()).digest()

    def __repr__(self) -> str:
        return "Key(...)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a key is read where it is needed, and never sent")

    def noise(self, kind: str, value: str) -> Iterator[int]:
        """Bytes without end, the same for the same key, salt, kind and value."""
        block = 0
        while True:
            yield from self._hash("noise", kind, value, str(block), size=64)
            block += 1

    def mark(self, kind: str, value: str) -> str:
        """Hexadecimal hash of a value, for audit rows: 128 bits."""
        return self._hash("audit", kind, value, size=_HASH_BYTES).hex()

    def _hash(self, *parts: str, size: int) -> bytes:
        message = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
        return hashlib.blake2b(message, key=self._secret, digest_size=size).digest()


def load_key(source: KeySource, salt: str) -> Key:
    """Read a key. Raises RecipeError, which never holds it, if it is not there or too short."""
    if source.env is not None:
        secret, place = os.environb.get(source.env.encode()), f"environment variable {source.env}"
        if secret is None:
            raise RecipeError(f"{place} is not set; it should hold the key, in every process that runs the stage")
    else:
        place = f"key file {source.file}"
        try:
            secret = read_file(source.file or "", "key file")
        except OSError as error:
            raise RecipeError(f"{place} cannot be read ({error.strerror}); write a random secret to it") from error
    secret = secret.strip()
    if len(secret) < LEAST_BYTES:
        raise RecipeError(f"the {place} holds {len(secret)} bytes; a key needs {LEAST_BYTES} or more, made at random")
    return Key(secret, salt)
