"""Errors that a user can act on: what was given, what was expected, what to do next.

The command line prints the message alone; everything else is a defect and shows a traceback.
Messages name files, rows, columns and stages, never document text.
"""

import difflib
from collections.abc import Iterable


class BeamsiftError(Exception):
    """Root of every error that beamsift raises on purpose."""


class InputError(BeamsiftError, ValueError):
    """The input corpus cannot be read as asked: path, format, schema or content."""


class RecipeError(BeamsiftError, ValueError):
    """The recipe or an option is not valid."""


class OutputError(BeamsiftError, OSError):
    """The output cannot be written, or the folder given is not a result."""


class RunnerError(BeamsiftError, RuntimeError):
    """The engine that was asked for cannot start, or lacks something: what is missing and how to get it."""


class ConservationError(BeamsiftError, RuntimeError):
    """Kept + dropped is not read: the run cannot prove that nothing was lost."""


class BudgetError(BeamsiftError, RuntimeError):
    """A stage removed more of some source, language or domain than the recipe allows."""


class ConvergenceError(BeamsiftError):
    """An iteration did not come to its end in the rounds it was given."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence about a name that there is not, with the nearest that there is.

    >>> unknown_name("limit", "min_wrods", ["max_words", "min_words"])
    "unknown limit 'min_wrods'; did you mean 'min_words'? Known: max_words, min_words"
    """
    names = list(known)
    near = difflib.get_close_matches(name[:60], names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown {what} {name[:60]!r}; {hint}Known: {', '.join(names)}"
