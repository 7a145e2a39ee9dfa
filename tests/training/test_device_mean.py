"""The mean over devices of a tree, whose small leaves travel together."""

import jax
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.training.device_mean import device_mean
from cal_jax.training.joined import MOST
from cal_jax.training.parallel import choose_devices

DEVICES = 2


def tree():
    rng = np.random.default_rng(0)
    shapes = {"scalar": (), "bias": (3,), "kernel": (2, 5), "large": (MOST + 1,)}
    return {
        name: rng.normal(size=(DEVICES, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def lowered():
    def traced_anew(given):
        return device_mean(given)

    mapped = jax.pmap(traced_anew, axis_name=DEVICE, devices=choose_devices(DEVICES))
    return mapped.lower(tree())


def test_every_leaf_is_its_mean_on_every_device():
    given = tree()
    got = lowered().compile()(given)
    assert got.keys() == given.keys()
    for name, leaf in given.items():
        want = np.broadcast_to(leaf.mean(axis=0), leaf.shape)
        np.testing.assert_allclose(got[name], want, rtol=1e-6, atol=1e-7)


def test_small_leaves_are_one_message_and_a_large_one_is_another():
    assert lowered().as_text().count("stablehlo.all_reduce") == 2
