"""The exceptions that end a program with one line and no traceback."""


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one line: it names what was wrong and what is accepted. The
    programs print it and exit with code 2.
    """


class NotFiniteError(ArithmeticError):
    """The loss or the gradient stopped being a number; the programs exit with code 1."""
