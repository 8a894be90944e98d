"""Filter `blocklist`: count listed phrases and drop documents with more than a few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from ahocorasick_rs import AhoCorasick, MatchKind
from pydantic import Field

from filters.contract import Columns, Filter, Rule, StageParams
from filters.errors import RecipeError
from filters.kernels.unicode_table import LONE, WORD, load_table


class BlocklistParams(StageParams):
    """path: UTF-8 file, one phrase a line, `#` begins a comment line. max_hits: a document with more is dropped."""

    path: str
    max_hits: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True)
class PhraseList:
    """Case-folded phrases ready to be searched."""

    automaton: AhoCorasick

    def count(self, text: str) -> int:
        """Occurrences of phrases that stand as words, the longest at each place, none overlapping.

        A phrase must not continue a word on either side. In scripts written without spaces every character is a
        word, so a phrase is found anywhere.
        """
        folded = text.casefold()
        found = self.automaton.find_matches_as_indexes(folded, overlapping=True)
        stands = [(start, -end) for _, start, end in found if _at_edge(folded, start) and _at_edge(folded, end)]
        count = last = 0
        for start, negative_end in sorted(stands):
            if start >= last:
                count += 1
                last = -negative_end
        return count


def _at_edge(text: str, index: int) -> bool:
    """Whether no word runs across the place between `text[index - 1]` and `text[index]`."""
    if index == 0 or index == len(text):
        return True
    table = load_table()
    return not (table[ord(text[index - 1])] >> 24 == WORD and table[ord(text[index])] >> 24 == WORD)


def prepare(params: BlocklistParams) -> PhraseList:
    """Read the list. Raises RecipeError if it is missing, not UTF-8, empty, or has a phrase without a word in it."""
    path = Path(params.path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        why = error.strerror
        raise RecipeError(f"blocklist {path} cannot be read ({why}); name a text file of phrases") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"blocklist {path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    phrases: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        phrase = line.strip().casefold()
        if not phrase or phrase.startswith("#"):
            continue
        if not any(load_table()[ord(char)] >> 24 in (WORD, LONE) for char in phrase):
            raise RecipeError(f"{path}:{number}: a phrase needs a letter or a number, this one has neither")
        phrases[phrase] = None
    if not phrases:
        raise RecipeError(f"blocklist {path} holds no phrase; an empty list would drop nothing")
    return PhraseList(AhoCorasick(list(phrases), matchkind=MatchKind.Standard))


def measure(texts: pa.LargeStringArray, batch: pa.RecordBatch, phrases: PhraseList) -> Columns:
    """Hits of every text, int64."""
    return {"hits": pa.array([phrases.count(text) for text in texts.to_pylist()], pa.int64())}


def rules(params: BlocklistParams) -> Sequence[Rule]:
    """One bound."""
    return [Rule("too_many_blocklist_hits", "hits", "<=", params.max_hits)]


BLOCKLIST = Filter(
    name="blocklist",
    summary="phrases of a list, as whole words",
    Params=BlocklistParams,
    columns=lambda params: {"hits": pa.int64()},
    prepare=prepare,
    measure=measure,
    rules=rules,
)
