"""Keccak-256, the hash of Ethereum, in plain Python: addresses are rare and short, so it need not be fast.

It is SHA-3 of 256 bits but for one byte of padding (FIPS 202 came later than Ethereum), which the standard library's
`sha3_256` cannot leave out.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_RATE = 136  # bytes taken in at once: 1600 bits less twice the 256 of the digest


def _round_constants() -> list[int]:
    """Bits 2^j - 1 of each constant come from a shift register of eight bits (FIPS 202, 3.2.5)."""
    constants, state = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            constant |= (state & 1) << ((1 << j) - 1)
            state = state << 1 ^ (0x171 if state & 0x80 else 0)
        constants.append(constant)
    return constants


def _moves() -> tuple[tuple[int, int, int, int], ...]:
    """Of every lane x + 5y: its place, its column, the bits it is turned by, and the place it goes to.

    Bits are triangular numbers along a walk over the lanes (FIPS 202, 3.2.2); places, those of step pi (3.2.3).
    """
    bits, x, y = {(0, 0): 0}, 1, 0
    for t in range(24):
        bits[x, y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple((x + 5 * y, x, turn, y + 5 * ((2 * x + 3 * y) % 5)) for (x, y), turn in bits.items())


_CONSTANTS, _MOVES = _round_constants(), _moves()
_ROWS = tuple((at, at - at % 5 + (at + 1) % 5, at - at % 5 + (at + 2) % 5) for at in range(25))


def _permuted(lanes: list[int]) -> list[int]:
    """Keccak-f[1600] of 25 lanes of 64 bits, lane x, y at x + 5y."""
    for constant in _CONSTANTS:
        parity = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        doubled = [(lane << 1 | lane >> 63) & _MASK for lane in parity]
        mixed = [parity[x - 1] ^ doubled[x - 4] for x in range(5)]
        moved = [0] * 25
        for place, x, bits, to in _MOVES:
            lane = lanes[place] ^ mixed[x]
            moved[to] = (lane << bits | lane >> (64 - bits)) & _MASK
        lanes = [moved[a] ^ (~moved[b] & moved[c]) for a, b, c in _ROWS]
        lanes[0] ^= constant
    return lanes


def keccak256(data: bytes, padding: int = 0x01) -> bytes:
    """Digest of 32 bytes, in less than a millisecond for short data; with 6 for `padding` it is SHA3-256.

    >>> keccak256(b"").hex()[:16]
    'c5d2460186f7233c'
    """
    block = bytearray(data) + bytes([padding])
    block += bytes(-len(block) % _RATE)
    block[-1] |= 0x80
    lanes = [0] * 25
    for first in range(0, len(block), _RATE):
        for number in range(_RATE // 8):
            at = first + 8 * number
            lanes[number] ^= int.from_bytes(block[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def eip55(address: str) -> str:
    """Forty hexadecimal digits in the mixed case that checks them: a capital where the hash of the small ones has 8 on.

    >>> eip55("5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED")
    '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
    """
    small = address.lower()
    digest = keccak256(small.encode()).hex()
    return "".join(char.upper() if check >= "8" else char for char, check in zip(small, digest, strict=False))
