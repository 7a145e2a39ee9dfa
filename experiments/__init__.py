"""The thesis's experiments, one program each."""
