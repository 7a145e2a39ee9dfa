"""The mean over devices of a tree, whose small leaves travel together."""

import jax
import numpy as np
import pytest

from cal_jax.axes import DEVICE
from cal_jax.training.device_mean import SMALL, device_mean
from cal_jax.training.parallel import choose_devices


def tree(devices):
    rng = np.random.default_rng(0)
    shapes = {"scalar": (), "bias": (3,), "kernel": (2, 5), "large": (SMALL // 4, 5)}
    return {
        name: rng.normal(size=(devices, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize("devices", [1, 2])
def test_every_leaf_is_its_mean_on_every_device(devices):
    given = tree(devices)
    got = jax.pmap(device_mean, axis_name=DEVICE, devices=choose_devices(devices))(given)
    assert got.keys() == given.keys()
    for name, leaf in given.items():
        want = np.broadcast_to(leaf.mean(axis=0), leaf.shape)
        np.testing.assert_allclose(got[name], want, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("devices", "messages"), [(1, 0), (2, 2)])
def test_small_leaves_are_one_message_and_a_large_one_its_own(devices, messages):
    mapped = jax.pmap(device_mean, axis_name=DEVICE, devices=choose_devices(devices))
    assert mapped.lower(tree(devices)).as_text().count("stablehlo.all_reduce") == messages
