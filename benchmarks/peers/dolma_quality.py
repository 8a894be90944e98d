"""Peer: dolma's Gopher taggers over the same texts: every score they give each text, and how long taggers take.

They judge nothing themselves; the caller holds the scores against limits. `gopher_v1` splits lines at every newline,
as our flavour does; `c4_v2` is timed only.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from dolma.core.data_types import Document
from dolma.taggers.c4 import FasterC4Tagger
from dolma.taggers.gopher import GopherTagger
from peer_io import read_texts


def main() -> None:
    """Run both taggers over every text and write the scores by name."""
    documents = [Document(source="", id=str(k), text=text) for k, text in enumerate(read_texts(sys.argv[1]))]
    runs = {}
    for name, tagger in (("gopher", GopherTagger()), ("c4", FasterC4Tagger())):
        started = time.process_time()
        said = [tagger.predict(document) for document in documents]
        seconds = time.process_time() - started
        scores = [{span.type: span.score for span in result.spans} for result in said] if name == "gopher" else None
        runs[name] = {"cpu_seconds": seconds, "scores": scores}
    Path(sys.argv[2]).write_text(json.dumps({"version": version("dolma"), "runs": runs}), encoding="utf-8")


if __name__ == "__main__":
    main()
