"""Dense peak TFLOP/s of accelerators, from their data sheets."""

from typing import Literal

from cal_jax.errors import InputError

Precision = Literal["float32", "tensorfloat32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "tensorfloat32", "bfloat16")

_A100 = {"float32": 19.5, "tensorfloat32": 156.0, "bfloat16": 312.0}
_HOPPER = {"float32": 67.0, "tensorfloat32": 494.7, "bfloat16": 989.4}

PEAKS: dict[str, dict[str, float]] = {
    "NVIDIA A100-SXM4-40GB": _A100,
    "NVIDIA A100-SXM4-80GB": _A100,
    "NVIDIA A100-PCIE-40GB": _A100,
    "NVIDIA A100 80GB PCIe": _A100,
    "NVIDIA H100 80GB HBM3": _HOPPER,
    "NVIDIA H100 PCIe": {"float32": 51.0, "tensorfloat32": 378.0, "bfloat16": 756.0},
    "NVIDIA H200": _HOPPER,
    "NVIDIA L4": {"float32": 30.3, "tensorfloat32": 60.0, "bfloat16": 121.0},
    "TPU v4": dict.fromkeys(PRECISIONS, 275.0),
    "TPU v5 lite": dict.fromkeys(PRECISIONS, 197.0),
    "TPU v5": dict.fromkeys(PRECISIONS, 459.0),
    "TPU v6 lite": dict.fromkeys(PRECISIONS, 918.0),
}
"""By ``jax.Device.device_kind``; a TPU's matrix unit has one peak, bfloat16's."""


def peak_tflops(kind: str, precision: Precision, given: float | None) -> float:
    """The peak of a device: the one given, or the table's.

    Raises:
        InputError: a kind that the table does not have, and no peak given.
    """
    if given is not None:
        return given
    if kind not in PEAKS:
        raise InputError(f"{kind}: no peak known; accepted: --peak-tflops, or {', '.join(PEAKS)}")
    return PEAKS[kind][precision]
