"""One name for a language: BCP-47, whatever a model or a recipe calls it.

`en`, `eng`, `en-Latn` and a model's `eng_Latn` are one language, and are written `en`: the shortest BCP-47 tag, as CLDR
canonicalises it (`arb`, Standard Arabic, is `ar`; `cmn` is `zh`), with a script only where it is not the language's
usual one (`sr-Latn`, but `sr` for Cyrillic; `zh-Hant`). BCP-47, not ISO 639-3 with a script, because it is what HTTP,
HTML, Unicode and most corpora write, and because two letters are known by heart.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Collection, Sequence

import langcodes
from langcodes.tag_parser import LanguageTagError

from filters.errors import RecipeError

UNDETERMINED = "und"
"""BCP-47's code for a text whose language cannot be told."""

_WIKIPEDIA = {"als": "gsw"}
"""fastText's lid models use Wikipedia's codes: its als is Alemannic, ISO's (and a label `als_Latn`) Tosk Albanian."""

_OWN = {
    "sh": "sh",  # Serbo-Croatian; CLDR would have it sr-Latn, which says more than the model does
    "hbs": "sh",
    "hbs_Latn": "sh",
    "eml": "eml",  # Emilian-Romagnol, since split in two: no longer a code, but a label of lid.176
}
_GENERAL_SCRIPTS = {"Hani": {"Hans", "Hant", "Jpan", "Kore"}, "Hang": {"Kore"}}
"""Scripts that models write where CLDR has a narrower or wider one: they say nothing beyond the language."""


@functools.cache
def canonical_code(label: str) -> str:
    """What is written for a model's label (without `__label__`); a label that is no language stays as it is.

    >>> [canonical_code(label) for label in ("eng_Latn", "arb_Arab", "srp_Cyrl", "srp_Latn", "zho_Hant", "cmn_Hani")]
    ['en', 'ar', 'sr', 'sr-Latn', 'zh-Hant', 'zh']
    >>> canonical_code("als"), canonical_code("als_Latn"), canonical_code("high quality")
    ('gsw', 'sq', 'high quality')
    """
    own = _WIKIPEDIA.get(label) or _OWN.get(label)
    if own:
        return own
    tag = _parsed(label)
    return label if tag is None else _shortest(tag)


def _parsed(code: str) -> langcodes.Language | None:
    """The canonical form of a code as a record, or None for what BCP-47 does not know."""
    try:
        tag = langcodes.standardize_tag(code, macro=True)
    except LanguageTagError:
        return None
    if not langcodes.tag_is_valid(tag) or tag.startswith("x-"):
        return None
    return langcodes.Language.get(tag, normalize=False)


def _shortest(tag: langcodes.Language) -> str:
    if tag.script and tag.language:  # und-Latn, no language but a script, is kept: the script is all it says
        usual = langcodes.Language.make(language=tag.language, territory=tag.territory).maximize().script
        if tag.script == usual or usual in _GENERAL_SCRIPTS.get(tag.script, ()):
            tag = langcodes.Language.make(tag.language, tag.extlangs, None, tag.territory, tag.variants)
    return str(tag.to_tag())


def resolve_code(code: str, labels: Collection[str], model: str) -> frozenset[str]:
    """Canonical codes that a code of a recipe stands for, among the labels of a model.

    The model's own label means itself; a code with a script means that one; a code without means the language in every
    script that the model knows. `und` is what every model can answer. Raises RecipeError, with near ones named, for a
    code that BCP-47 does not know and for a language that the model cannot answer.

    >>> sorted(resolve_code("srp", ["srp_Cyrl", "srp_Latn", "eng_Latn"], "m.bin"))
    ['sr', 'sr-Latn']
    >>> sorted(resolve_code("sr-Cyrl", ["srp_Cyrl", "srp_Latn", "eng_Latn"], "m.bin"))
    ['sr']
    """
    if code in labels:
        return frozenset({canonical_code(code)})
    if code == UNDETERMINED:
        return frozenset({UNDETERMINED})
    known = {canonical_code(label) for label in labels}
    tag = _parsed(code)
    if tag is None:
        raise _no_code(code, known, labels)
    wanted = _OWN.get(code) or _shortest(tag)
    if tag.script or tag.territory:
        found = {label for label in known if label == wanted}
    else:
        found = {label for label in known if label.split("-")[0] == wanted}
    if not found:
        sample = ", ".join(sorted(known)[:8])
        raise RecipeError(
            f"language {code!r}{_hint(_near(wanted, known) or _alike(code, known, labels))} is not among the "
            f"{len(labels)} labels of {model}, so nothing would pass; its languages are {sample}, ..."
        )
    return frozenset(found)


def check_code(code: str, near: Collection[str]) -> str:
    """The canonical form of a code that somebody wrote, where no model is at hand. near: codes to suggest.

    Raises RecipeError, with near ones named, for a code that BCP-47 does not know.

    >>> check_code("deu_Latn", []), check_code("srp_Latn", [])
    ('de', 'sr-Latn')
    """
    found = canonical_code(code)
    if _parsed(found) is None and found not in _OWN:
        raise _no_code(code, near, near)
    return found


def _no_code(code: str, known: Collection[str], labels: Collection[str]) -> RecipeError:
    return RecipeError(
        f"{code!r} is no language code{_hint(_alike(code, known, labels))}; write BCP-47, as in en, zh-Hant, sr-Latn"
    )


def resolve_codes(codes: Sequence[str], labels: Collection[str], model: str) -> frozenset[str]:
    """All that several codes stand for. Raises RecipeError as `resolve_code` does."""
    return frozenset().union(*(resolve_code(code, labels, model) for code in codes))


def _near(wanted: str, known: Collection[str]) -> list[str]:
    """A language of the model whose readers CLDR says understand the wanted one, such as `no` for `nb`."""
    supported = [label for label in sorted(known) if _parsed(label) is not None]
    best, _ = langcodes.closest_match(wanted, supported, max_distance=10)
    return [] if best == UNDETERMINED else [best]


def _alike(code: str, known: Collection[str], labels: Collection[str]) -> list[str]:
    """Codes that are spelled alike: the same two letters first, else a near miss."""
    start = [label for label in sorted(known) if label[:2] == code[:2].lower()][:3]
    if start:
        return start
    near = difflib.get_close_matches(code.lower(), sorted({*known, *labels}), n=3, cutoff=0.6)
    return list(dict.fromkeys(canonical_code(label) for label in near))


def _hint(names: Sequence[str]) -> str:
    return f" (did you mean {' or '.join(names)}?)" if names else ""
