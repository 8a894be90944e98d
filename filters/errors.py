"""Errors that a user can act on: what was given, what was expected, what to do next.

The command line prints the message alone; everything else is a defect and shows a traceback.
Messages name files, rows, columns and stages, never document text.
"""


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
