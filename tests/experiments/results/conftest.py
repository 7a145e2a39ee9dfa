"""Folders of made-up runs."""

import json

import pytest

from experiments.results.record import write_run


@pytest.fixture
def directory(tmp_path):
    def make(*runs):
        paths = [tmp_path / f"run{index}" for index in range(len(runs))]
        for path, fields in zip(paths, runs, strict=True):
            fields = dict(fields)
            config = fields.pop("config", {"model.norm": "batch"})
            write_run(path, fields)
            (path / "config.json").write_text(json.dumps({**config, "seed": fields["seed"]}))
        return paths

    return make
