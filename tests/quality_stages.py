"""Quality stages to test with: one rule alone, and what becomes of texts."""

import pyarrow as pa

from filters.catalog import FILTERS
from filters.chain import KEY, Stage, run_stages
from filters.quality import gopher_repetition

QUALITY = ("gopher_quality", "gopher_repetition", "fineweb_quality", "c4", "refinedweb_lines")
OFF = {
    "gopher_quality": (
        "min_words",
        "max_words",
        "min_word_length",
        "max_word_length",
        "max_symbols",
        "max_bullet_lines",
        "max_ellipsis_lines",
        "min_letter_words",
        "min_stop_words",
    ),
    "gopher_repetition": tuple(bound.param for bound in gopher_repetition.BOUNDS["datatrove"]),
    "fineweb_quality": ("min_terminal_lines", "max_short_lines", "max_duplicate_chars", "max_newlines"),
    "c4": ("max_chars", "max_word_chars", "end_marks", "min_words", "min_sentences"),
    "refinedweb_lines": ("max_uppercase", "max_digits", "min_words", "max_phrase_words", "max_removed_words"),
}


def stage(name, id=None, **params):
    return Stage(id or name, name, FILTERS[name].Params(**params))


def run(text_list, *stages, languages=None):
    columns = {KEY: pa.array(range(len(text_list)), pa.int64()), "text": pa.array(text_list, pa.large_string())}
    if languages:
        columns["language"] = pa.array(languages, pa.string())
    return run_stages(pa.record_batch(columns), stages, "text")


def reasons(text_list, *stages, languages=None):
    """First failing rule of every text, None for those that stay."""
    found = dict.fromkeys(range(len(text_list)))
    found |= {row[KEY]: row["reason"] for row in run(text_list, *stages, languages=languages).rejects.to_pylist()}
    return list(found.values())


def rules_of(name, **params):
    return FILTERS[name].rules(FILTERS[name].Params(**params))


def only(name, param, **more):
    """A stage with one rule of its filter, the published limit, and all others off."""
    return stage(name, **{**{p: None for p in OFF[name] if p != param}, **more})
