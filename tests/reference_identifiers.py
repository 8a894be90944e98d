"""What makes an identifier valid, written another way than in filters/: as the equation that the whole number solves.

Nothing here completes a number: check characters are found by trying all of them (`complete`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import product


def complete(body: str, valid: Callable[[str], bool], alphabet: str = "0123456789", length: int = 1) -> str | None:
    """`body` with the first ending that makes it valid, or None."""
    for ending in product(alphabet, repeat=length):
        if valid(body + "".join(ending)):
            return body + "".join(ending)
    return None


def luhn(value: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(value)):
        number = int(char) * (2 if place % 2 else 1)
        total += sum(map(int, str(number)))
    return total % 10 == 0


def mod97(text: str) -> int:
    remainder = 0
    for char in text:
        number = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(char)
        remainder = (remainder * (10 if number < 10 else 100) + number) % 97
    return remainder


def mod11_2(value: str) -> bool:
    """ISO 7064, pure system: the sum of characters times powers of two is one, modulo 11."""
    numbers = ["0123456789X".index(char) for char in value]
    return sum(number * 2**place for place, number in enumerate(reversed(numbers))) % 11 == 1


def mod11_10(value: str) -> bool:
    """ISO 7064, hybrid system: the running product ends at one."""
    product_ = 10
    for char in value[:-1]:
        total = (product_ + int(char)) % 10
        product_ = (10 if total == 0 else total) * 2 % 11
    return (product_ + int(value[-1])) % 10 == 1


# The tables as printed in Wikipedia, "Verhoeff algorithm".
_D = [  # rows 0 to 9
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
]
_P = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")


def verhoeff(value: str) -> bool:
    state = 0
    for place, char in enumerate(reversed(value)):
        state = int(_D[state][int(_P[place % 8][int(char)])])
    return state == 0


def _times_ten(digits: str, weights: range) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) * 10 % 11 % 10


def cpf(value: str) -> bool:
    return _times_ten(value[:9], range(10, 1, -1)) == int(value[9]) and _times_ten(value[:10], range(11, 1, -1)) == int(
        value[10]
    )


def cnpj(value: str) -> bool:
    """From the right, weights run 2..9 again and again."""
    for length in (12, 13):
        total = sum((ord(char) - 48) * (2 + place % 8) for place, char in enumerate(reversed(value[:length])))
        if int(value[length]) != (0 if total % 11 < 2 else 11 - total % 11):
            return False
    return True


def dni(value: str) -> bool:
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(value[:-1]) % 23] == value[-1]


def nie(value: str) -> bool:
    return dni(value.replace("X", "0").replace("Y", "1").replace("Z", "2") if value[-1] not in "XYZ" else (
        str("XYZ".index(value[0])) + value[1:]
    ))  # fmt: skip


def nir(value: str) -> bool:
    """Number and key add up to a multiple of 97; Corsica takes off one or two millions."""
    number = int(value[:13].replace("A", "0").replace("B", "0"))
    number -= 1_000_000 if "A" in value else 2_000_000 if "B" in value else 0
    return (number + int(value[13:])) % 97 == 0 and 1 <= int(value[13:]) <= 97


def weighted(value: str, weights: tuple[int, ...], modulus: int) -> bool:
    return sum(int(char) * weight for char, weight in zip(value, weights, strict=True)) % modulus == 0


def pesel(value: str) -> bool:
    return weighted(value, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10)


def nhs(value: str) -> bool:
    return weighted(value, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1), 11)


def tfn(value: str) -> bool:
    return weighted(value, (1, 4, 3, 7, 5, 8, 6, 9, 10), 11)


def medicare(value: str) -> bool:
    return weighted(value[:9], (1, 3, 7, 9, 1, 3, 7, 9, 9), 10)


def rrn(value: str) -> bool:
    total = sum(int(char) * weight for char, weight in zip(value, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), strict=False))
    return (11 - total % 11) % 10 == int(value[12])


def thai(value: str) -> bool:
    total = sum(int(char) * (13 - place) for place, char in enumerate(value[:12]))
    return (11 - total % 11) % 10 == int(value[12])


def turkish(value: str) -> bool:
    odd, even = sum(map(int, value[0:9:2])), sum(map(int, value[1:8:2]))
    return (odd * 7 - even) % 10 == int(value[9]) and sum(map(int, value[:10])) % 10 == int(value[10])


def finnish(value: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(value[:6] + value[7:10]) % 31] == value[10]


def npi(value: str) -> bool:
    return luhn("80840" + value)


def nric(value: str) -> bool:
    """Weights from the left; the letters listed by remainder, as printed for each series."""
    total = sum(int(char) * weight for char, weight in zip(value[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"S": 0, "T": 4, "F": 0, "G": 4, "M": 3}[value[0]]
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
    return letters[value[0]][total % 11] == value[8]


_FISCAL_ODD = "BAKPLCQDREVOSFTGUHMINJWZYX"  # Wikipedia: the letter worth 0, 1, 2 ... in odd places


def fiscal(value: str) -> bool:
    total = 0
    for place, char in enumerate(value[:15], 1):
        letter = chr(65 + int(char)) if char.isdigit() else char
        total += _FISCAL_ODD.index(letter) if place % 2 else ord(letter) - 65
    return chr(65 + total % 26) == value[15]


def base58check(version: int, body: bytes) -> str:
    """Encoded digit by digit, by long division of the bytes."""
    payload = bytes([version]) + body
    data = list(payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4])
    text = ""
    while any(data):
        remainder = 0
        for place, byte in enumerate(data):
            remainder, data[place] = (remainder * 256 + byte) % 58, (remainder * 256 + byte) // 58
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[remainder] + text
    zeros = len(payload) - len(payload.lstrip(b"\0"))
    return "1" * zeros + text
