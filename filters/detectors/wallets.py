"""Checks of wallet addresses: Base58Check, and Bech32/Bech32m with the rules of a segregated witness program."""

from __future__ import annotations

import hashlib

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32_CONST = 1  # BIP 173: witness version 0
BECH32M_CONST = 0x2BC830A3  # BIP 350: versions 1 to 16
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
# Version bytes of Bitcoin's main network: pay to public key hash, pay to script hash
# (Bitcoin wiki, "List of address prefixes").
BITCOIN_VERSIONS = (0x00, 0x05)


def _double_sha256(data: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def base58check_encode(payload: bytes) -> str:
    """`payload` (a version byte and a hash) and four bytes of its double SHA-256, in base 58."""
    data = payload + _double_sha256(payload)[:4]
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def base58check_decode(text: str) -> bytes | None:
    """The payload of `text`, or None if a character or the check bytes are wrong.

    >>> base58check_decode("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa").hex()
    '0062e907b15cbf27d5425399ebf6f0fb50ebb88f18'
    """
    number = 0
    for char in text:
        digit = BASE58.find(char)
        if digit < 0:
            return None
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    data = b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(data) < 5 or _double_sha256(data[:-4])[:4] != data[-4:]:
        return None
    return data[:-4]


def is_bitcoin_base58(text: str) -> bool:
    """Whether `text` is a Base58Check address of Bitcoin's main network: a version byte and 20 bytes.

    >>> is_bitcoin_base58("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"), is_bitcoin_base58("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz")
    (True, False)
    """
    payload = base58check_decode(text) if 26 <= len(text) <= 35 else None
    return payload is not None and len(payload) == 21 and payload[0] in BITCOIN_VERSIONS


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def _expanded(prefix: str) -> list[int]:
    return [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]


def bech32_encode(prefix: str, values: list[int]) -> str:
    """`prefix`, `1`, and `values` (0-31, the first the witness version) with their six check characters."""
    const = BECH32M_CONST if values[0] else BECH32_CONST
    check = _polymod(_expanded(prefix) + values + [0] * 6) ^ const
    return f"{prefix}1" + "".join(BECH32[value] for value in values + [check >> 5 * (5 - i) & 31 for i in range(6)])


def is_bech32(text: str) -> bool:
    """Whether `text` is any human-readable part, `1`, and data with the check of Bech32 or of Bech32m, in one case.

    >>> is_bech32("A12UEL5L"), is_bech32("a1lqfn3a"), is_bech32("a12uel5m"), is_bech32("A12uel5l")
    (True, True, False, False)
    """
    prefix, one, data = text.lower().rpartition("1")
    if not one or not prefix or len(text) > 90 or text not in (text.lower(), text.upper()):
        return False
    values = [BECH32.find(char) for char in data]
    return (
        len(values) >= 6
        and min(values) >= 0
        and prefix.isascii()
        and prefix.isprintable()
        and _polymod(_expanded(prefix) + values) in (BECH32_CONST, BECH32M_CONST)
    )


def is_segwit(text: str, prefix: str = "bc") -> bool:
    """Whether `text` is an address of a witness program: BIP 173 for version 0, BIP 350 for later ones.

    >>> is_segwit("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"), is_segwit("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5")
    (True, False)
    """
    if text not in (text.lower(), text.upper()) or not text.lower().startswith(prefix + "1") or len(text) > 90:
        return False
    values = [BECH32.find(char) for char in text.lower()[len(prefix) + 1 :]]
    if len(values) < 8 or min(values) < 0 or values[0] > 16:
        return False
    if _polymod(_expanded(prefix) + values) != (BECH32M_CONST if values[0] else BECH32_CONST):
        return False
    length, rest = divmod(5 * (len(values) - 7), 8)
    padding = values[-7] & (1 << rest) - 1
    return rest < 5 and padding == 0 and 2 <= length <= 40 and (values[0] > 0 or length in (20, 32))
