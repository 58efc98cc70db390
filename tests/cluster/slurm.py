"""A real SLURM on this machine, of Debian's packages: two virtual nodes in a scratch folder.

All of it runs in a PID namespace: however a test ends, killing that namespace's first process ends
every daemon and every job, orphans included.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..end_to_end.project_copy import free_port

PROGRAMS = (
    "munged",
    "slurmctld",
    "slurmd",
    "sbatch",
    "srun",
    "scontrol",
    "scancel",
    "unshare",
    "setpriv",
)
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin"])
NODES = ("n1", "n2")
SECONDS = 240.0  # that anything may take on a busy machine

# Without systemd and cgroups. Jobs are scheduled at once, and those that are cancelled get five
# seconds to end.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort={ports[0]}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
KillWait=5
JobRequeue=1
MailProg={folder}/mail.sh
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[1]} CPUs={processors}
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port={ports[2]} CPUs={processors}
PartitionName=main Nodes=ALL Default=YES State=UP
"""

START = """\
head -c 1024 /dev/urandom > munge.key && chmod 400 munge.key
munged --force --key-file="$PWD/munge.key" --socket="$PWD/munge.socket" \
    --pid-file="$PWD/munged.pid" --log-file="$PWD/munged.log" --seed-file="$PWD/munged.seed"
slurmctld -c
for node in n1 n2; do slurmd -N $node; done
exec sleep infinity
"""

MAIL = """\
#!/bin/sh
echo "$@" >> {folder}/mails
"""


@dataclass(frozen=True)
class Slurm:
    """A running cluster; its scratch folder is `folder`."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the cluster's commands need."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": PATH}

    def call(self, *command: str) -> str:
        """The output of one of the cluster's commands."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def job(self, job_id: str) -> dict[str, str]:
        """What `scontrol show job` says: JobState, Restarts, NodeList, …"""
        return dict(re.findall(r"(\w+)=(\S*)", self.call("scontrol", "show", "job", job_id)))

    def wait_for(self, job_id: str, state: str) -> None:
        """Until a job is in a state: PENDING, RUNNING, COMPLETED, FAILED."""
        wait_until(lambda: self.job(job_id)["JobState"] == state, lambda: str(self.job(job_id)))

    def start_again(self, job_id: str, restarts: int) -> None:
        """What is queued again for the n-th time would wait for two minutes: let it start."""

        def has_started() -> bool:
            job = self.job(job_id)
            if (job["JobState"], job["Reason"]) == ("PENDING", "BeginTime"):
                # A node starts nothing in the second in which it ended the same job.
                time.sleep(2)
                update = ["scontrol", "update", f"jobid={job_id}", "starttime=now"]
                environment = {**os.environ, **self.environment}
                subprocess.run(update, env=environment, capture_output=True, check=False)
            return job["Restarts"] == str(restarts) and job["JobState"] in ("RUNNING", "COMPLETED")

        wait_until(has_started, lambda: str(self.job(job_id)))

    def lose(self, node: str) -> None:
        """A node that nobody can reach any more, on which jobs go on."""
        for process in processes_with(
            f"slurmd -N {node}", SLURM_CONF=self.environment["SLURM_CONF"]
        ):
            os.kill(process, signal.SIGKILL)
        self.call("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def mails(self) -> str:
        """What SLURM has sent, a line each."""
        file = self.folder / "mails"
        return file.read_text() if file.exists() else ""


@contextmanager
def running_slurm(folder: Path) -> Iterator[Slurm]:
    """Start a cluster, and end it with all that runs in it.

    Args:
        folder: An empty one with a short path: sockets lie in it.
    """
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and Debian's slurmctld, slurmd, slurm-client, munge: {missing}")
    isolated = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]
    if subprocess.run([*isolated, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow `unshare --pid`")
    ports = [free_port() for _ in range(3)]
    (folder / "state").mkdir()
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(folder=folder, ports=ports, processors=os.cpu_count())
    )
    (folder / "mail.sh").write_text(MAIL.format(folder=folder))
    (folder / "mail.sh").chmod(0o755)
    slurm = Slurm(folder)
    with (folder / "start.log").open("w") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *isolated, "sh", "-ec", START],  # if we are killed
            cwd=folder,
            env={**os.environ, **slurm.environment},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until(lambda: _idle_nodes(slurm) == len(NODES), (folder / "start.log").read_text)
        yield slurm
    finally:
        process.send_signal(signal.SIGKILL)  # it lets no other through
        process.wait()


def wait_until(holds: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.03)


def processes_with(words: str, **variables: str) -> list[int]:
    """The processes with these words in their command line and these environment variables."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        wanted = {f"{name}={value}" for name, value in variables.items()}
        if words in command.replace("\0", " ") and wanted <= set(environment):
            found.append(int(process.name))
    return found


def _idle_nodes(slurm: Slurm) -> int:
    done = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--format=%T"],
        env={**os.environ, **slurm.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.split().count("idle")
