"""Two real processes over Gloo: what they exchange, and that neither waits for a lost one."""

import jax
import numpy as np
import pytest

from cal_jax.errors import InputError
from cal_jax.training.multihost import arrays_of_first, largest, of_first, on_first, together
from tests.processes import free_address, run_together

PROGRAM = """
import os, sys
import numpy as np
from cal_jax.cli.program import exit_code
from cal_jax.cli.processes import Distributed, connected, is_first
from cal_jax.errors import InputError, TogetherError
from cal_jax.training.multihost import (
    arrays_of_first, largest, of_first, on_first, require_same, together
)

coordinator, rank = sys.argv[1], int(sys.argv[2])

def work():
    with connected(Distributed("manual", coordinator, 2, rank, 60)):
        exchange()
        assert refusal(lambda: together(refuse_on_1)) == [2, "only process 1 minds"][rank]
        differing = "the processes differ in seed: start all of them alike"
        assert refusal(lambda: require_same(f"seed {rank}", "seed")) == [differing, 2][rank]
        print("exchanged", flush=True)
        while rank == 0:
            largest(0)
        os._exit(9)

def exchange():
    assert largest([143, 0][rank]) == 143
    assert of_first({"step": [3 + rank, None, "a"]}) == {"step": [3, None, "a"]}
    mine = [
        np.array([-0.0, np.nan, 1.5], np.float32) if is_first() else np.ones(3, np.float32),
        np.full((2, 0), rank),
        np.array(7 - rank),
        np.array([is_first()]),
    ]
    a, empty, number, flag = arrays_of_first(mine)
    assert a.tobytes() == np.array([-0.0, np.nan, 1.5], np.float32).tobytes()
    assert empty.shape == (2, 0)
    assert (int(number), number.dtype, bool(flag[0])) == (7, np.int64, True)
    assert on_first(lambda: "here") == ("here" if is_first() else None)
    assert together(lambda: rank) == rank
    require_same("alike", "config")

def refuse_on_1():
    if rank == 1:
        raise InputError("only process 1 minds")

def refusal(action):
    try:
        action()
    except TogetherError as error:
        return str(error)
    except SystemExit as error:
        return error.code

sys.exit(exit_code(work))
"""


def test_two_processes_exchange_bit_for_bit_and_one_that_is_lost_ends_the_other():
    coordinator = free_address()
    ends = run_together(PROGRAM, [coordinator, 0], [coordinator, 1])
    assert [end.code for end in ends] == [1, 9], ends
    assert all(end.out.endswith("exchanged\n") for end in ends)
    lines = [line for line in ends[0].error.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "another process has ended" in lines[0]
    assert "Traceback" not in ends[0].error


def test_a_process_alone_agrees_with_itself():
    def refuse():
        raise InputError("no")

    assert jax.process_count() == 1
    assert largest(3) == 3
    assert of_first((1, 2)) == (1, 2)
    assert on_first(lambda: 4) == 4
    x = np.zeros(2)
    assert arrays_of_first(x) is x
    with pytest.raises(InputError, match="no"):
        together(refuse)
