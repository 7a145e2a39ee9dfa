"""Reads a picture back."""


def read(path):
    from matplotlib.image import imread

    assert path.read_bytes().startswith(b"\x89PNG")
    return imread(path)[..., :3]
