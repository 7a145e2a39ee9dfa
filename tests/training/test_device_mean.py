"""The mean over devices of a tree, whose small leaves travel together."""

import jax
import numpy as np

from cal_jax.axes import DEVICE
from cal_jax.fast.joined import MOST
from cal_jax.training.device_mean import device_mean
from cal_jax.training.parallel import choose_devices

DEVICES = 2


def tree(devices=DEVICES):
    rng = np.random.default_rng(0)
    shapes = {"scalar": (), "bias": (3,), "kernel": (2, 5), "large": (MOST + 1,)}
    return {
        name: rng.normal(size=(devices, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def lowered(devices=DEVICES):
    def traced_anew(given):
        return device_mean(given)

    mapped = jax.pmap(traced_anew, axis_name=DEVICE, devices=choose_devices(devices))
    return mapped.lower(tree(devices))


def test_every_leaf_is_its_mean_on_every_device():
    given = tree()
    got = lowered().compile()(given)
    assert got.keys() == given.keys()
    for name, leaf in given.items():
        want = np.broadcast_to(leaf.mean(axis=0), leaf.shape)
        np.testing.assert_allclose(got[name], want, rtol=1e-6, atol=1e-7)


def test_small_leaves_are_one_message_and_a_large_one_is_another():
    assert lowered().as_text().count("stablehlo.all_reduce") == 2


def test_a_single_device_sends_nothing_and_has_its_own():
    program = lowered(devices=1)
    assert "all_reduce" not in program.as_text()
    given = tree(devices=1)
    jax.tree.map(np.testing.assert_array_equal, program.compile()(given), given)
