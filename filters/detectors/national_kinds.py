"""How a detector of a national number is put together: of digits only, or of letters and digits."""

from __future__ import annotations

from collections.abc import Callable, Collection

from filters.detectors.codes import LETTERED, LETTERED_HINT, prove_code
from filters.detectors.contract import Detector
from filters.detectors.cues import Cues
from filters.detectors.digit_runs import HINT, SHAPE, Number, prove_numbers
from filters.detectors.number_fakes import Make, fake_number

Check = Callable[[str], bool]


def number_detector(
    kind: str,
    summary: str,
    check: Check,
    make: Make,
    *,
    proof: str,
    forms: Collection[str] = (),
    cued: Collection[str] = (),
    cues: Cues | None = None,
    weak: Check | None = None,
    alone: Callable[[Number], bool] | None = None,
) -> Detector:
    """A number of digits (see `digit_runs`): in `forms` by itself, in `cued` with a cue word near by.

    alone: judges a number that is the whole text, as far as `check` lets it be one; left out, `check` does.
    """

    def stands_for_itself(number: Number) -> bool:
        return check(number.digits) and (alone is None or alone(number))

    return Detector(
        kind=kind,
        group="national",
        summary=summary,
        pattern=SHAPE,
        hint=HINT,
        prove=prove_numbers(check, forms, cued, cues, weak, stands_for_itself),
        proof=proof,
        placeholder=f"<{kind.upper()}>",
        fake=fake_number(make, check),
    )


def code_detector(
    kind: str,
    summary: str,
    check: Check,
    make: Make,
    *,
    proof: str,
    pattern: str = LETTERED,
    hint: str = LETTERED_HINT,
    written: Check | None = None,
    cues: Cues | None = None,
    alone: bool = True,
) -> Detector:
    """Letters and digits that pass `check` (in capitals, without separators).

    Written as `written` says they count by themselves; any other way, or if `written` is None, with a cue near by.
    alone: whether it needs no cue where it is the whole text.
    """

    def compact_check(text: str) -> bool:
        return check(text.replace(" ", "").replace("-", "").replace(".", "").replace("/", "").upper())

    def strong(text: str) -> bool:
        return written is not None and written(text) and compact_check(text)

    return Detector(
        kind=kind,
        group="national",
        summary=summary,
        pattern=pattern,
        hint=hint,
        prove=prove_code(strong, compact_check, cues, alone),
        proof=proof,
        placeholder=f"<{kind.upper()}>",
        fake=fake_number(make, check),
    )
