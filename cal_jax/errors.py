"""The one exception that a user can cause and mend."""


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one line: it names what was wrong and what is accepted. The
    programs print it without a traceback and exit with code 2.
    """
