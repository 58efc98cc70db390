"""Jobs on a real SLURM (trials 15 to 17), on this machine: see `slurm.py`."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path
from unittest.mock import patch

import pytest

from graft.cluster.script import Job, render_script
from graft.cluster.submission import submit_script
from graft.config.cluster import Cluster

from ..end_to_end.project_copy import TIMEOUT, ProjectCopy
from ..end_to_end.warm_start import run_kedro
from .conftest import MailServer
from .slurm import Slurm, processes_with, wait_until

pytestmark = pytest.mark.slow

PLAIN = Cluster(
    partition=None,
    account=None,
    time="10",
    gpus=0,
    cpus=1,
    memory=None,
    setup=[],
    options=[],
    at_once=None,
    workers=1,
    warning=60,
    restarts=3,
    mail_user=None,
)
CLUSTER = """
time: "10"
gpus: 0
cpus: 1
memory: null
mail_user: student@example.org
"""
MAIL = """
server: 127.0.0.1
port: {port}
encryption: none
recipient: student@example.org
"""
# Long enough to be stopped in its midst, and saved at every batch.
PARAMETERS = """
split: {train_size: 128, validation: 0.05}
training: {epochs: 6, batch_size: 32, checkpoint_seconds: 0.0}
compute: {threads: 1}
"""
TRAINING = ("--pipeline=training", "--nodes=training.train_transferred")


@pytest.fixture
def project(tmp_path: Path, mail_server: MailServer) -> ProjectCopy:
    """With its images prepared, and a space in its path."""
    project = ProjectCopy.make(tmp_path / "my project", PARAMETERS)
    (project.path / "conf/local/cluster.yml").write_text(CLUSTER)
    (project.path / "conf/local/mail.yml").write_text(MAIL.format(port=mail_server.port))
    done = project.kedro("run", "--pipeline=ingest")
    assert done.returncode == 0, done.stdout
    mail_server.messages.clear()
    return project


def submit(project: ProjectCopy, slurm: Slurm, *arguments: str) -> tuple[str, Path]:
    """The last job's id, and its log."""
    environment = {**project.environment(), **slurm.environment}
    done = run_kedro(["submit", *arguments], project.path, environment, TIMEOUT)
    assert done.returncode == 0, done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    *_, job_id = (line[1] for line in lines if line[0] == "Job")
    *_, log = (line[-1] for line in lines if line[0] == "log")
    return job_id, project.path / log


def newest_state(project: ProjectCopy) -> int:
    states = project.path / "data/06_models/digits/training_state/seed_0"
    numbers = states.iterdir() if states.is_dir() else ()
    return max((int(path.name) for path in numbers if path.name.isdigit()), default=0)


def wait_for_new_state(project: ProjectCopy, log: Path) -> None:
    there = newest_state(project)
    wait_until(lambda: newest_state(project) > there, log.read_text)


def test_a_job_survives_its_time_limit_and_its_node(
    project: ProjectCopy, slurm: Slurm, mail_server: MailServer
) -> None:
    """A warning queues it again; a lost node starts it again beside an orphan."""
    job_id, log = submit(project, slurm, *TRAINING)
    wait_for_new_state(project, log)
    slurm.call("scancel", "--signal=USR2", "--batch", job_id)  # as at the time limit
    slurm.start_again(job_id, 1)
    wait_for_new_state(project, log)
    assert "Going on with the training that ended in epoch" in words(log)

    (orphan,) = processes_with("kedro run", SLURM_JOB_ID=job_id, SLURM_RESTART_COUNT="1")
    lease = project.path / f"data/.leases/test-{job_id}"
    stop_between_commits(orphan, lease)  # it must not be done before the other one has begun
    (node,) = {"n1", "n2"} & {slurm.job(job_id)["NodeList"]}
    slurm.lose(node)
    slurm.start_again(job_id, 2)
    wait_until(lambda: lease.read_text().strip() == "2", log.read_text)
    os.kill(orphan, signal.SIGCONT)
    wait_until(lambda: not Path(f"/proc/{orphan}").exists(), log.read_text)
    slurm.wait_for(job_id, "COMPLETED")

    assert f"SLURM has started job {job_id} again (start 2, this is start 1)" in words(log)
    assert [run.info.status for run in project.runs()] == [
        "FINISHED",  # ingest
        "KILLED",
        "FAILED",
        "FINISHED",
    ]
    checkpoints = project.path / "data/06_models/digits/last_checkpoint.safetensors"
    assert len(list(checkpoints.iterdir())) == 1
    (message,) = mail_server.messages
    assert message["Subject"].startswith("training, digits finished after")
    assert f"/runs/{project.runs()[-1].info.run_id}\n" in message.get_content()
    for event in ("Requeued", "Ended"):
        assert f"Slurm Job_id={job_id} Name=training-digits {event}" in slurm.mails()
    assert "student@example.org" in slurm.mails()
    interrupted = project.catalog().load("last_checkpoint").weights

    undisturbed = project.kedro("run", *TRAINING)
    assert undisturbed.returncode == 0, undisturbed.stdout
    whole = project.catalog().load("last_checkpoint").weights
    assert all(bool((interrupted[name] == whole[name]).all()) for name in whole)


def test_a_failure_is_told_by_both_mails(
    project: ProjectCopy, slurm: Slurm, mail_server: MailServer
) -> None:
    job_id, log = submit(
        project, slurm, "--pipeline=ingest", "--params=images.min_images_per_class=5000"
    )
    slurm.wait_for(job_id, "FAILED")
    assert "images.min_images_per_class" in words(log)
    (message,) = mail_server.messages
    assert message["Subject"].startswith("ingest, digits failed after")
    assert "images.min_images_per_class" in message.get_content()
    assert f"SLURM job   {job_id}" in message.get_content()
    assert f"Slurm Job_id={job_id} Name=ingest-digits Failed" in slurm.mails()


# Stands for a run that was told to save: it ends as one, and is done when it is started again.
STAND_IN = """\
#!/bin/bash
echo "$@" >> told-$SLURM_ARRAY_TASK_ID-${SLURM_RESTART_COUNT:-0}
trap 'exit 140' USR2
for _ in {1..2000}; do [ "${SLURM_RESTART_COUNT:-0}" = 0 ] || exit 0; sleep 0.05; done
"""


def test_tasks_of_an_array_are_queued_again_one_by_one(slurm: Slurm, tmp_path: Path) -> None:
    """And what depends on them waits for all of them to be done."""
    (tmp_path / "kedro").write_text(STAND_IN)
    (tmp_path / "kedro").chmod(0o755)
    rows = tuple(("kedro", "run", "-x", row) for row in ("M1", "M2"))
    script = render_script(Job("rows", ("kedro",), rows), PLAIN, tmp_path, tmp_path)
    done = render_script(Job("study", ("kedro",), (("touch", "done"),)), PLAIN, tmp_path, tmp_path)
    with patch.dict(os.environ, slurm.environment):
        array = submit_script(script, tmp_path, after=None)
        submit_script(done, tmp_path, after=array)
    told = [tmp_path / f"told-{task}-0" for task in (0, 1)]
    wait_until(lambda: all(file.exists() for file in told), lambda: slurm.call("squeue"))
    # Task 1 has the number of the whole array: asked for by it, both would be queued again.
    slurm.call("scancel", "--signal=USR2", "--batch", f"{array}_1")
    slurm.start_again(f"{array}_1", 1)
    wait_until((tmp_path / "told-1-1").exists, lambda: slurm.call("squeue"))
    assert slurm.job(f"{array}_0")["Restarts"] == "0"
    assert not (tmp_path / "done").exists()
    slurm.call("scancel", "--signal=USR2", "--batch", f"{array}_0")
    slurm.start_again(f"{array}_0", 1)
    wait_until((tmp_path / "done").exists, lambda: slurm.call("squeue"))
    assert [file.read_text() for file in told] == ["run -x M1\n", "run -x M2\n"]


def test_two_nodes_train_one_network(project: ProjectCopy, slurm: Slurm) -> None:
    job_id, log = submit(
        project, slurm, "--pipeline=training", "--params=processes.hosts=2,training.epochs=1"
    )
    slurm.wait_for(job_id, "COMPLETED")
    assert words(log).count("Training in 2 processes") == 4  # two trainings, told by both nodes
    for task in ("training.train_transferred", "training_helper.help_transferred"):
        assert f"Completed node: {task}" in words(log)
    assert [run.info.status for run in project.runs()] == ["FINISHED"] * 3  # with ingest, twice
    states = project.path / "data/06_models/digits/training_state/seed_0"
    assert any(states.iterdir())  # the helper keeps nothing: the first node does


def stop_between_commits(process: int, lease: Path) -> None:
    """Whoever stops within a commit keeps the lease's lock, and the job waits for it."""
    while True:
        os.kill(process, signal.SIGSTOP)
        with lease.open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.kill(process, signal.SIGCONT)
            else:
                return


def words(log: Path) -> str:
    """The log without its line breaks."""
    return " ".join(log.read_text(errors="replace").split())
