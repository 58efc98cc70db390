"""Where the processes of a training meet: on this host, or at one host of several."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graft.errors import GraftError

PORT = 29400  # torchrun's
_SIOCGIFADDR = 0x8915  # Linux: the address of a network interface


@dataclass(frozen=True)
class Meeting:
    """A place for the launchers of all hosts.

    Attributes:
        hosts: How many.
        place: "host:port" of the first one; empty for one host alone.
        name: What is done there: launchers of several trainings in a row do not mix.
        join_seconds: How long to wait for the others to come.
        leads: Whether this is the first of the hosts; None where the address of `place` says so.
    """

    hosts: int = 1
    place: str = ""
    name: str = ""
    join_seconds: int = 900
    leads: bool | None = None

    @property
    def is_here(self) -> bool:
        """Whether this is the first of the hosts."""
        if self.leads is not None:
            return self.leads
        return self.hosts == 1 or _is_here(self.place.rpartition(":")[0])

    def launcher_options(self) -> dict[str, Any]:
        """What `torch.distributed.launcher.api.LaunchConfig` takes."""
        options: dict[str, Any] = {
            "min_nodes": self.hosts,
            "max_nodes": self.hosts,
            "rdzv_backend": "c10d",
            "run_id": self.name or "training",
        }
        if self.hosts == 1:
            return {**options, "rdzv_endpoint": "localhost:0", "local_addr": "localhost"}
        host = self.place.rpartition(":")[0]
        return {
            **options,
            "rdzv_endpoint": self.place,
            # torch compares names; an address that this host can bind is its own.
            "rdzv_configs": {"is_host": str(self.is_here), "timeout": self.join_seconds},
            "local_addr": _own_address(host),
        }

    def environment(self) -> dict[str, str]:
        """Environment variables for the launcher and its processes."""
        # With gloo a generation of processes would otherwise read what the one before it left.
        found = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        own = "127.0.0.1" if self.hosts == 1 else _own_address(self.place.rpartition(":")[0])
        if interface := _interface_of(own):
            # gloo would ask for the address of the host's name, which may lead nowhere.
            found["GLOO_SOCKET_IFNAME"] = interface
        return found


@dataclass(frozen=True)
class Processes:
    """The processes of a training; one by default, which needs no launcher.

    Attributes:
        per_host: How many on each host.
        meeting: Where they meet.
        timeout: How many seconds a process may not answer before it counts as lost.
    """

    per_host: int = 1
    meeting: Meeting = Meeting()
    timeout: float = 60.0

    @property
    def count(self) -> int:
        """How many there are, on all hosts."""
        return self.per_host * self.meeting.hosts

    def require_possible(self, device: str, smallest_batch: int) -> None:
        """Check that there is a device and a share of every batch for each of them.

        Args:
            device: What one of them would compute on: "cpu", "cuda:0", "mps".
            smallest_batch: Images in the smallest batch.

        Raises:
            GraftError: There is not.
        """
        if self.per_host < 1:
            raise GraftError(f"processes.per_host: {self.per_host} is not a positive number.")
        if self.count == 1:
            return
        if device != "cpu" and device != "cuda:0":
            raise GraftError(
                f"processes.per_host: {self.per_host} processes do not compute on one device, "
                f"'{device}'. Set compute.device to cuda or cpu, or processes.per_host to 1."
            )
        if device != "cpu":
            import torch

            if torch.cuda.device_count() < self.per_host:
                raise GraftError(
                    f"processes.per_host: each of the {self.per_host} processes takes a GPU, and "
                    f"this host has {torch.cuda.device_count()}. Lower it."
                )
        if smallest_batch < self.count:
            raise GraftError(
                f"training.batch_size: {self.count} processes share each batch, and the smallest "
                f"has {smallest_batch} images. Raise it, or lower processes.per_host."
            )


ONE_PROCESS = Processes()


def find_meeting(
    hosts: int, rendezvous: str, name: str, environment: Mapping[str, str] = os.environ
) -> Meeting:
    """Where to meet: as the parameters say, or as torchrun's or SLURM's variables do.

    Args:
        hosts: `processes.hosts`.
        rendezvous: `processes.rendezvous`: "host:port", "host", or "auto": MASTER_ADDR (and
            MASTER_PORT), else in a SLURM job the host that the job was launched from.
        name: What will be done there.
        environment: The variables.

    Raises:
        GraftError: There are several hosts and nothing says where they meet.
    """
    if hosts == 1:
        return Meeting()
    place, leads = rendezvous, None
    if rendezvous == "auto":
        place = environment.get("MASTER_ADDR", "")
    if not place:
        place = environment.get("SLURM_LAUNCH_NODE_IPADDR", "")
        if "SLURM_NODEID" in environment:
            leads = environment["SLURM_NODEID"] == "0"
    host, _, port = place.partition(":")
    port = port or environment.get("MASTER_PORT") or str(PORT + _job_number(environment))
    if not host or not port.isdigit():
        raise GraftError(
            f"processes.rendezvous: {hosts} hosts have to meet somewhere, and neither MASTER_ADDR "
            "nor a SLURM job says where. Set it to host:port of the first of them."
        )
    # Each training in a row at a port of its own: who is late at one is not early at the next.
    at = f"{host}:{int(port) + zlib.crc32(name.encode()) % 100}"
    return Meeting(hosts, at, name, leads=leads)


def _job_number(environment: Mapping[str, str]) -> int:
    """So that jobs that share a host do not meet each other."""
    return 100 * (int(environment.get("SLURM_JOB_ID", "0")) % 100)


def _is_here(host: str) -> bool:
    """Whether an address is one of this host's own."""
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _own_address(host: str) -> str:
    """This host's address on the way to `host`."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, PORT))  # of datagrams: nothing is sent
        except OSError as error:
            raise GraftError(
                f"processes.rendezvous: this host finds no way to '{host}' ({error})."
            ) from error
        address: str = probe.getsockname()[0]
    return address


def _interface_of(address: str) -> str | None:
    """The network interface with an address, where the system tells."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                found = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)[20:24]
            except OSError:  # it has none
                continue
            if socket.inet_ntoa(found) == address:
                return name
    return None
