"""Row-wise stages and the arithmetic of deduplication, on Arrow columns. No Beam here: use them from a notebook."""
