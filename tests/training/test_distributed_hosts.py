"""Two hosts, played by network namespaces: one loses a process, then the other one's sight."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from graft.compute import Compute
from graft.images.augmentation import Policy
from graft.models.classifier import build_classifier
from graft.training.distributed.meeting import Processes
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

RECIPE = TrainingRecipe(epochs=40, batch_size=24, checkpoint_seconds=0.2)
STATISTICS = {"dataset_mean": (0.4, 0.4, 0.4), "dataset_std": (0.2, 0.2, 0.2)}

HOST = """
import logging, sys, time
from pathlib import Path
import torch
sys.path.insert(0, {tests!r})
from conftest import make_store
from graft.compute import Compute
from graft.datasets.training_state import StateFolder
from graft.images.augmentation import Policy
from graft.models.classifier import build_classifier
from graft.training.distributed.meeting import Meeting, Processes
from graft.training.progress import TrainingProgress
from graft.training.recipe import TrainingRecipe
from graft.training.session import train_classifier

class Slow(Policy):
    def apply(self, images, indices, seed, epoch):
        time.sleep(0.05)
        return super().apply(images, indices, seed, epoch)

def main(name):
    logging.basicConfig(level="INFO")
    store = make_store()
    model = build_classifier(
        "fully_connected", store.class_names, None, **{statistics}, input_size=8
    )
    both = Processes(1, Meeting(2, "10.77.0.1:29400", "test", 60), timeout=3.0)
    trained = train_classifier(
        model, store, {recipe}, Slow(), Compute("cpu", "fp32", 1), 0,
        observers=[TrainingProgress("x")], keeper=StateFolder(Path(name)), processes=both,
    )
    torch.save(trained.last.weights, name + ".pt")

if __name__ == "__main__":
    main(sys.argv[1])
"""

NETWORK = """
ip netns add graft1
ip netns add graft2
ip link add graft1 netns graft1 type veth peer name graft2 netns graft2
ip -n graft1 addr add 10.77.0.1/24 dev graft1
ip -n graft2 addr add 10.77.0.2/24 dev graft2
ip -n graft1 link set lo up
ip -n graft2 link set lo up
ip -n graft1 link set graft1 up
ip -n graft2 link set graft2 up
"""


@pytest.fixture
def hosts():
    """Two network namespaces with a cable between them."""
    if not shutil.which("ip") or os.geteuid() != 0:
        pytest.skip("network namespaces are made by root, with iproute2")
    done = subprocess.run(["sh", "-ec", NETWORK], capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            pytest.skip(f"this machine makes no network namespaces: {done.stderr.strip()}")
        yield ("graft1", "graft2")
    finally:
        for name in ("graft1", "graft2"):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def wait_for(log, text, seconds=120.0):
    deadline = time.monotonic() + seconds
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def processes_in(host):
    """Those of a host that train, the last to be started last."""
    listed = subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True)
    found = [int(number) for number in listed.stdout.split()]
    return [n for n in sorted(found) if b"forkserver" in Path(f"/proc/{n}/cmdline").read_bytes()]


@pytest.mark.slow
def test_two_hosts_survive_a_kill_and_a_cut_cable(hosts, store, tmp_path):
    """Trials 12 and 13: the result is that of two processes on one host that nothing happens to."""
    model = build_classifier("fully_connected", store.class_names, None, **STATISTICS, input_size=8)
    cpu, two = Compute("cpu", "fp32", 1), Processes(2)
    whole = train_classifier(model, store, RECIPE, Policy(), cpu, 0, processes=two).last.weights
    script = tmp_path / "host.py"
    tests = str(Path(__file__).parents[1])
    script.write_text(HOST.format(tests=tests, statistics=STATISTICS, recipe=RECIPE))
    command = [sys.executable, str(script)]
    running = []
    for host in hosts:
        with (tmp_path / f"{host}.log").open("w") as log:
            running.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", host, *command, host],
                    cwd=tmp_path,
                    stdout=log,
                    stderr=log,
                )
            )
    try:
        first, second = (tmp_path / f"{host}.log" for host in hosts)
        wait_for(first, "epoch 5 of")
        os.kill(processes_in(hosts[1])[-1], signal.SIGKILL)
        wait_for(first, "restart 1 of 5")
        wait_for(second, "restart 1 of 5")
        wait_for(first, "epoch 20 of")
        cable = ["ip", "-n", hosts[0], "link", "set", hosts[0]]
        subprocess.run([*cable, "down"], check=True)
        time.sleep(5)
        subprocess.run([*cable, "up"], check=True)
        assert [process.wait(120) for process in running] == [0, 0], first.read_text()
        assert "restart 2 of 5" in first.read_text()
    finally:
        for process in running:
            process.kill()
    for host in hosts:
        weights = torch.load(tmp_path / f"{host}.pt")
        assert all(torch.equal(weights[name], whole[name]) for name in whole)
    assert not (tmp_path / hosts[1]).exists()  # the first one keeps the state
