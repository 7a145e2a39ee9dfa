"""What programs say on stderr."""


def said(capsys):
    """All of it so far, but for the line that says where compiled programs are kept."""
    lines = capsys.readouterr().err.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("compiled programs are kept in"))
