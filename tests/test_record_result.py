"""What is recorded under results/: tables that say what the files say, and nothing of the machine but what it is."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
from record_result import record, write_table  # noqa: E402

from textvae.config import load_config, save_config  # noqa: E402
from textvae.objectives.config import Weight  # noqa: E402

RESULTS = ROOT / "results"
RECORDED = sorted(RESULTS.glob("*/*/run.json"))
TABLES = ["yelp", "sample", "news", "latents"]
PRIVATE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|mnt|var|Users|private)/|" + re.escape(f"{ROOT}/"))


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_those_of_the_recorded_files(name: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(RESULTS / name, tmp_path / name))
    write_table(folder)
    assert (folder / "README.md").read_text("utf-8") == (RESULTS / name / "README.md").read_text("utf-8")


@pytest.mark.parametrize("path", RECORDED, ids=lambda p: f"{p.parents[1].name}/{p.parent.name}")
def test_every_row_says_what_made_it_and_names_no_folder_of_a_machine(path: Path) -> None:
    made = json.loads(path.read_text("utf-8"))
    assert re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", made["commit"]) and made["command"] and made["seed"] is not None
    assert (path.parent / "metrics.json").is_file()
    for file in path.parent.iterdir():
        if file.suffix in (".json", ".yaml"):
            found = PRIVATE.search(file.read_text("utf-8"))
            assert found is None, f"{file.relative_to(ROOT)}: {found and found.group()}"


def test_what_a_run_began_with_is_recorded_by_its_name_alone(trained_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained_run, tmp_path / "private" / "second"))
    config = load_config(run / "config.yaml")
    config.start, stored = str(tmp_path / "private" / "first"), str(tmp_path / "private" / "transfers.tsv")
    config.transfer = replace(config.transfer, stored=stored)
    config.objectives = replace(config.objectives, J_cycle=Weight(1.0))
    save_config(config, run / "config.yaml")
    environment = json.loads((run / "environment.json").read_text("utf-8"))
    environment["command"] = f"train.py --start {config.start} --transfer.stored {stored} --run {run}"
    (run / "environment.json").write_text(json.dumps(environment))
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    (evaluation / "metrics.json").write_text("{}")
    (evaluation / "outputs.0").write_text("the food was great .\n")
    folder = tmp_path / "results" / "second"
    record(run, folder, evaluation)
    made = json.loads((folder / "run.json").read_text("utf-8"))
    assert made["command"] == "train.py --start runs/first --transfer.stored runs/transfers.tsv --run runs/second"
    assert {file.name for file in folder.iterdir()} == {"metrics.json", "outputs.0", "config.yaml", "run.json"}
    for file in folder.iterdir():
        assert "private" not in file.read_text("utf-8"), file.name
