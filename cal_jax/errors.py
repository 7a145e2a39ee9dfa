"""The exceptions that end a program with one line and no traceback, and its exit codes."""

BAD_INPUT = 2
FAILED = 1


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one line: it names what was wrong and what is accepted. The
    programs print it and exit with code 2.
    """


class TogetherError(InputError):
    """One that every process of a program knows of: they can leave in order."""


class NotFiniteError(ArithmeticError):
    """The loss or the gradient stopped being a number; the programs exit with code 1."""


class LostProcessError(RuntimeError):
    """Another process of the program has ended; this one exits with code 1."""
