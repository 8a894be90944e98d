"""Which texts hold something that normalisation may change: one pass over the bytes, a table lookup a character."""

from __future__ import annotations

from filters.kernels.compiled import kernel
from filters.kernels.tokens import decode

CHARACTER = 0x3F
"""Mask of the bits of `table` that make a character odd by itself."""
LEAD, TRAIL = 0x40, 0x80
"""What bytes of a UTF-8 sequence look like in some old encoding: the first, another one."""
PAIR, DISORDER, SPACES, BLANK = 0x40, 0x80, 0x100, 0x200
"""What else is found: TRAIL behind LEAD; marks out of order; spaces to fold; too many blank lines."""


@kernel
def find_oddities(offsets, data, table, order, fold, most_blank, out):
    """Bits of what is odd in every text; none is missed, and some may turn out to be in order.

    offsets: int64 (rows + 1,); data: uint8. table: uint8 (0x110000,), bits of each code point; order: uint8
    (0x110000,), combining classes, which do not descend within a run of marks that is in order. fold: look for runs
    of spaces, and spaces and tabs at the end of lines. most_blank: more blank lines in a row are odd, -1 for any
    number. out: int64 (rows,), written.
    """
    for row in range(offsets.shape[0] - 1):
        found = 0
        i, end = offsets[row], offsets[row + 1]
        lead, rank = False, 0
        spaces, word, blank = 0, False, 0  # spaces up to here, any other character in this line; blank lines before it
        while i < end:
            before = rank
            code, i = decode(data, i, end)
            if code == 10:
                if fold and spaces:
                    found |= SPACES
                blank = 0 if word else blank + 1
                if 0 <= most_blank < blank:
                    found |= BLANK
                spaces, word, rank = 0, False, 0
            elif code == 32 or code == 9:
                spaces += 1
                if fold and word and spaces > 1:
                    found |= SPACES
                rank = 0
            else:
                spaces, word = 0, True
                rank = order[code] if code >= 0x300 else 0
                if rank and rank < before:
                    found |= DISORDER
            bits = table[code]
            found |= bits & CHARACTER
            if lead and bits & TRAIL:
                found |= PAIR
            lead = bits & LEAD != 0
        if fold and spaces:
            found |= SPACES
        if not word and 0 <= most_blank <= blank and end > offsets[row]:
            found |= BLANK
        out[row] = found
