"""Floors of inferred masks as their users run them."""

import numpy as np

from experiments import mask_floors
from experiments.mask_floors import FLOORS, SCORED, main
from experiments.results.record import read_run


def test_floors_of_every_task_are_fitted_on_training_images_alone(tmp_path, monkeypatch):
    fitted, own = [], mask_floors.mixture_masks

    def watched(train, x, *rest):
        fitted.append((train.shape[0], x.shape[0]))
        assert not {one.tobytes() for one in train.reshape(-1, 196)} >= {
            one.tobytes() for one in x.reshape(-1, 196)
        }
        return own(train, x, *rest)

    monkeypatch.setattr(mask_floors, "mixture_masks", watched)
    folder = tmp_path / "run"
    assert main(["--preset", "smoke", "--run-dir", str(folder), "--devices", "1"]) == 0
    scores = read_run(folder)["scores"]
    assert set(scores) == {f"{task}_{floor}" for task in SCORED for floor in (*FLOORS, "chance")}
    assert set(fitted) == {(60, 40)} and len(fitted) == len(SCORED) * len(FLOORS)
    values = {name: score["value"] for name, score in scores.items()}
    assert values["bw01_spread"] > 0.9 > values["rotated_spread"]
    assert np.isclose(values["bw_subsets_chance"], 0.25)
