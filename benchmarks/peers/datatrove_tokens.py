"""Peer: datatrove's DocumentTokenizer, one task: tokenise, end-of-document token, shuffle documents, write the ids."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one core, as ours

from datatrove.data import Document
from datatrove.pipeline.tokens import DocumentTokenizer
from peer_io import measured, read_texts


def main() -> None:
    """Count the tokens that were written, two bytes each."""
    texts = read_texts(sys.argv[1])

    def work() -> list[int]:
        with tempfile.TemporaryDirectory() as folder:
            step = DocumentTokenizer(folder, sys.argv[3], eos_token=sys.argv[4], seed=1)
            for _ in step.run((Document(text=text, id=str(n)) for n, text in enumerate(texts)), 0, 1) or ():
                pass
            return [sum(path.stat().st_size for path in Path(folder).rglob("*.ds")) // 2]

    measured("datatrove", work)


if __name__ == "__main__":
    main()
