"""Survivors from recorded pairs instead of sets: the decisions of verification without its texts."""

from __future__ import annotations

from filters.kernels.compiled import kernel


@kernel
def anchor_by_pairs(offsets, earlier, similarity, survivor, best):
    """Decide documents in order by the pairs recorded of them.

    offsets: int64 (documents + 1,); the earlier documents that document d reaches the threshold with are
    `earlier[offsets[d]:offsets[d + 1]]`, int64, in order, with their `similarity`, float64. Written, (documents,):
    survivor: int64, the most similar survivor, the earliest where they tie, or the document itself; best: float64.
    """
    for doc in range(survivor.shape[0]):
        survivor[doc], best[doc] = doc, 1.0
        for k in range(offsets[doc], offsets[doc + 1]):
            other = earlier[k]
            if survivor[other] == other and (survivor[doc] == doc or similarity[k] > best[doc]):
                survivor[doc], best[doc] = other, similarity[k]
