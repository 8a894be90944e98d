"""White space folded, as a loop over bytes: what `b" ".join(text.split())` gives, for every text of a batch at once."""

from __future__ import annotations

from filters.kernels.compiled import kernel


@kernel
def fold_white_space(offsets, data, out_offsets, out):
    """Strip the ends of every text and make every run of ASCII white space one space.

    offsets: int64 (rows + 1,); data: uint8; out_offsets: int64 (rows + 1,), written; out: uint8, written, with room for
    as many bytes as the texts have.
    """
    end = 0
    out_offsets[0] = 0
    for row in range(offsets.shape[0] - 1):
        first = end
        pending = False
        for i in range(offsets[row], offsets[row + 1]):
            byte = data[i]
            if byte == 32 or 9 <= byte <= 13:
                pending = end > first
            else:
                if pending:
                    out[end] = 32
                    end += 1
                    pending = False
                out[end] = byte
                end += 1
        out_offsets[row + 1] = end
