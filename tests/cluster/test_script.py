"""Rendered scripts: readable, valid for a shell, and with everything that was typed."""

from __future__ import annotations

import dataclasses
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from graft.cluster.script import Job, render_script
from graft.config.cluster import Cluster

PLAIN = Cluster(
    partition=None,
    account=None,
    time="24:00:00",
    gpus=1,
    cpus=4,
    memory="16G",
    setup=[],
    options=[],
    at_once=None,
    workers=4,
    warning=120,
    restarts=50,
    mail_user=None,
)
RUN = ("kedro", "run", "--pipeline=training", "--params=seed=1")
JOB = Job("training-digits", ("kedro", "submit", *RUN[2:]), (RUN,))


def render(job: Job = JOB, project: str = "/home/me/graft", **changes: Any) -> str:
    cluster = PLAIN.model_copy(update=changes)
    return render_script(job, cluster, Path(project), Path("/home/me/graft/.venv/bin"))


def test_the_script_of_one_job():
    assert (
        render()
        == """\
#!/bin/bash
# Made by: kedro submit --pipeline=training --params=seed=1
#SBATCH --job-name=training-digits
#SBATCH --chdir=/home/me/graft
#SBATCH --output=data/slurm/%x-%j.log
#SBATCH --time=24:00:00
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR2@120

export PATH=/home/me/graft/.venv/bin:"$PATH"

# 120 s before the time is up SLURM sends this shell SIGUSR2, which the run has to
# get: it saves its training and ends with status 140. Queued again, it goes on from there.
# A second one would tear it out of the saving.
trap 'trap "" USR2; kill -USR2 "$!"' USR2
kedro run --pipeline=training --params=seed=1 &
wait "$!" || wait "$!"  # the signal ends the first
status=$?
if [ "$status" = 140 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 50 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
"""
    )


ROWS = (
    ("kedro", "run", "--pipeline=single_network", "-x", "M6", "--params=seed=0"),
    ("kedro", "run", "--pipeline=transfer_learning", "-x", "M7", "--params=seed=0"),
)


def test_an_array_has_a_command_for_each_task_and_queues_the_task_alone_again():
    script = render(dataclasses.replace(JOB, tasks=ROWS), at_once=8)
    assert "#SBATCH --array=0-1%8\n" in script
    assert "#SBATCH --output=data/slurm/%x-%A_%a.log\n" in script
    assert (
        """\
case "$SLURM_ARRAY_TASK_ID" in
    0) task=(kedro run --pipeline=single_network -x M6 --params=seed=0) ;;
    1) task=(kedro run --pipeline=transfer_learning -x M7 --params=seed=0) ;;
esac
"${task[@]}" &
"""
        in script
    )
    # The last task of an array has the array's own number: with it all tasks would be meant.
    assert 'scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"' in script


def test_workers_of_a_sweep_have_one_command():
    script = render(dataclasses.replace(JOB, tasks=(RUN,) * 8))
    assert "#SBATCH --array=0-7\n" in script
    assert "\nkedro run --pipeline=training --params=seed=1 &\n" in script


def test_on_several_nodes_the_first_one_trains_and_the_others_help():
    helper = ("kedro", "run", "--pipeline=training_helper")
    script = render(dataclasses.replace(JOB, hosts=3, helper=helper))
    assert "#SBATCH --nodes=3\n" in script
    assert (
        """\
on_each_node() {
    if [ "$SLURM_NODEID" = 0 ]; then
        exec kedro run --pipeline=training --params=seed=1
    fi
    exec kedro run --pipeline=training_helper
}
export -f on_each_node
srun --cpus-per-task=4 bash -c on_each_node &
"""
        in script
    )


def test_what_a_cluster_wants_besides_is_in_the_script():
    script = render(
        gpus="a100:2",
        memory=None,
        partition="gpu",
        account="lab",
        mail_user="me@example.org",
        setup=["module load cuda/12.8"],
        options=["--qos=long"],
    )
    for option in (
        *("--gpus-per-node=a100:2", "--partition=gpu", "--account=lab", "--qos=long"),
        *("--mail-user=me@example.org", "--mail-type=END,FAIL,REQUEUE"),
    ):
        assert f"#SBATCH {option}\n" in script
    assert "--mem" not in script
    assert "\nmodule load cuda/12.8\nexport PATH=" in script  # nothing comes before our programs


def test_without_gpus_none_are_asked_for():
    assert "gpus" not in render(gpus=0)
    assert "gpus" not in render(dataclasses.replace(JOB, needs_gpus=False))


@pytest.mark.parametrize(
    "odd", ["a b", "a'b", 'a"b', "$HOME", "`id`", "a;b", "a\\b", "*", "[1, 2]", "a\nb", "ä"]
)
def test_odd_words_arrive_as_they_were_typed(odd, tmp_path):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kedro").write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    (programs / "kedro").chmod(0o755)
    task = ("kedro", "run", f"--params=source.folder={odd}")
    job = Job("odd", ("kedro", "submit", *task[2:]), (task,))
    script = render_script(job, PLAIN, Path(f"/home/{odd[:1]}"), programs)
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"run|--params=source.folder={odd}|"


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        dataclasses.replace(JOB, tasks=ROWS),
        dataclasses.replace(JOB, hosts=2, helper=RUN),
    ],
)
def test_a_shell_can_read_it(job):
    done = subprocess.run(
        ["bash", "-n"], input=render(job), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


KEDRO = """\
#!/bin/bash
trap 'touch told; sleep 1; echo saved; exit 140' USR2
touch started
for _ in {1..200}; do sleep 0.05; done
"""
REQUEUE = """\
#!/bin/sh
echo "$@"
"""


@pytest.mark.parametrize(("restarts", "is_queued"), [("", True), ("49", True), ("50", False)])
def test_a_warned_run_saves_before_it_is_queued_again_but_not_for_ever(
    tmp_path, restarts, is_queued
):
    for name, text in (("kedro", KEDRO), ("scontrol", REQUEUE)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    script = render_script(JOB, PLAIN, tmp_path, tmp_path)
    environment = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": restarts}
    bash = shutil.which("bash")
    assert bash
    with subprocess.Popen(
        [bash, "-c", script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        while not (tmp_path / "started").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGUSR2)
        while not (tmp_path / "told").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGUSR2)  # as when it is preempted, too
        output, _ = process.communicate(timeout=60)
    assert output == "saved\nrequeue 7\n" if is_queued else "saved\n"
    assert process.returncode == 140
