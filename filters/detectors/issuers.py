"""Payment cards: which leading digits are given out to which network, and how long its numbers are.

Sources: ISO/IEC 7812-1 (structure), the networks' own merchant and processing documents, collected in Wikipedia's
"Payment card number" (issuer identification number ranges).
"""

from __future__ import annotations

from filters.detectors.checksums import luhn

# Ranges of leading digits (first, last), lengths. The first entry that fits decides.
_NETWORKS: tuple[tuple[str, tuple[tuple[str, str], ...], tuple[int, ...]], ...] = (
    ("visa", (("4", "4"),), (16, 19)),
    ("mastercard", (("51", "55"), ("2221", "2720")), (16,)),
    ("amex", (("34", "34"), ("37", "37")), (15,)),
    ("discover", (("6011", "6011"), ("644", "649"), ("65", "65")), (16, 19)),
    ("jcb", (("3528", "3589"),), (16, 19)),
    ("diners", (("300", "305"), ("3095", "3095"), ("36", "36"), ("38", "39")), (14,)),
    ("unionpay", (("62", "62"), ("81", "81")), (16, 17, 18, 19)),
    ("mir", (("2200", "2204"),), (16,)),
    ("rupay", (("60", "60"), ("82", "82"), ("508", "508"), ("353", "353"), ("356", "356")), (16,)),
    ("elo", (("4011", "4011"), ("5067", "5067"), ("6363", "6363")), (16,)),
    ("troy", (("9792", "9792"),), (16,)),
    ("dankort", (("5019", "5019"),), (16,)),
    ("maestro", (("5018", "5018"), ("5020", "5020"), ("5038", "5038"), ("5893", "5893"), ("6304", "6304")), (16, 19)),
    ("maestro", (("6759", "6759"), ("6761", "6763")), (16, 19)),
)
# Given out rarely or no longer, or domestic: such a number counts with a word like "card" near by.
_RARE: tuple[tuple[str, tuple[tuple[str, str], ...], tuple[int, ...]], ...] = (
    ("visa", (("4", "4"),), (13,)),
    ("uatp", (("1", "1"),), (15,)),
    ("maestro", (("50", "50"), ("56", "69")), (12, 13, 14, 15, 16, 17, 18, 19)),
    ("domestic", (("2", "9"),), (16, 17, 18, 19)),
)


def _lookup(digits: str, networks: tuple[tuple[str, tuple[tuple[str, str], ...], tuple[int, ...]], ...]) -> str | None:
    for name, ranges, lengths in networks:
        if len(digits) in lengths and any(first <= digits[: len(first)] <= last for first, last in ranges):
            return name
    return None


def network(digits: str) -> str | None:
    """The network that gives out numbers like `digits`, or None.

    >>> network("4012888888881881"), network("2720990000000000"), network("2721000000000000")
    ('visa', 'mastercard', None)
    """
    return _lookup(digits, _NETWORKS)


def is_card(digits: str) -> bool:
    """Whether a network gives out such numbers, the Luhn digit is right, and it is not one digit all along."""
    return luhn(digits) and network(digits) is not None and len(set(digits)) > 1


def is_rare_card(digits: str) -> bool:
    """The same, also for rare and domestic numbers, such as those of Chinese banks from before UnionPay."""
    return luhn(digits) and (network(digits) or _lookup(digits, _RARE)) is not None and len(set(digits)) > 1
