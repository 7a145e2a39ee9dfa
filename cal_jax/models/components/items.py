"""Check of the shape of a model's input items."""

from jax import Array

from cal_jax.errors import InputError


def require_items(x: Array, event_shape: tuple[int, ...], *, of_set: bool = True) -> None:
    """Refuse items of another shape than the model's, which would broadcast silently.

    Args:
      x: the items of one data set, [N, *X].
      event_shape: X, of the model.
      of_set: False: x has any leading axes, or none.

    Raises:
      InputError: then.
    """
    lead = x.ndim - len(event_shape)
    if lead < 0 or (of_set and lead != 1) or x.shape[lead:] != tuple(event_shape):
        what = " of one data set" if of_set else ""
        accepted = ", ".join(["N" if of_set else "...", *map(str, event_shape)])
        raise InputError(f"x: shape {list(x.shape)}{what}; accepted: [{accepted}]")
