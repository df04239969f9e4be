"""What a log line tells of the steps since the last one."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from textvae.training.step import Totals
from textvae.training.trainer import Window


def test_a_phase_that_began_inside_the_window_is_not_diluted() -> None:
    window, totals = Window(Accelerator(cpu=True)), Totals(1, 1)
    assert window.means() == {}
    for step, value in enumerate((1.0, 3.0, 5.0, 7.0)):
        logs = {"train/vae/J_rec": torch.tensor(value)}
        if step >= 2:
            logs["train/vae/J_cycle"] = torch.tensor(10.0 * step)
        window.add(logs, totals, step)
    assert window.means() == {"train/vae/J_rec": 4.0, "train/vae/J_cycle": 25.0}
    window.reset()
    assert window.means() == {} and window.first_bad() is None
