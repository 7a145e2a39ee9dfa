"""Configs of published presets with small networks: what they optimise stays."""

from dataclasses import fields, is_dataclass, replace

SIZES = {
    "width": 8,
    "pre_width": 8,
    "post_width": 8,
    "dense_width": 8,
    "statistic_width": 8,
    "inference_width": 8,
    "encoder_widths": (8,),
    "decoder_widths": (8,),
    "components": 3,
    "depth": 1,
    "dim": 2,
    "latent_dim": 2,
    "context_dim": 5,
    "image_size": 8,
    "norm": "none",
}
"""Of every component of a model that has a field of that name."""


def shrunk(config, **sizes):
    """A model's config, and those inside it, with the values of ``SIZES`` and these."""
    sizes = {**SIZES, **sizes}
    changed = {}
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name in sizes:
            changed[field.name] = sizes[field.name]
        elif isinstance(value, tuple):
            changed[field.name] = tuple(_inside(one, sizes) for one in value)
        else:
            changed[field.name] = _inside(value, sizes)
    return replace(config, **changed)


def _inside(value, sizes):
    return shrunk(value, **sizes) if is_dataclass(value) else value
