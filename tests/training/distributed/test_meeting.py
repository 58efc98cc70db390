"""Where hosts meet."""

import pytest

from graft.errors import GraftError
from graft.training.distributed.meeting import Meeting, find_meeting


@pytest.mark.parametrize(
    ("rendezvous", "environment", "place"),
    [
        ("gpu1:29500", {}, "gpu1:29500"),
        ("gpu1", {"SLURM_JOB_ID": "12345"}, "gpu1:33900"),
        ("auto", {"MASTER_ADDR": "gpu1", "MASTER_PORT": "1234"}, "gpu1:1234"),
        ("auto", {"SLURM_LAUNCH_NODE_IPADDR": "10.0.0.1", "SLURM_JOB_ID": "7"}, "10.0.0.1:30100"),
    ],
)
def test_hosts_meet_where_parameters_or_the_scheduler_say(rendezvous, environment, place):
    assert find_meeting(2, rendezvous, "", environment) == Meeting(2, place)
    assert find_meeting(1, rendezvous, "", environment) == Meeting()


def test_hosts_that_meet_nowhere_are_told():
    with pytest.raises(GraftError, match="2 hosts have to meet somewhere"):
        find_meeting(2, "auto", "x", {})


@pytest.mark.parametrize(("node", "leads"), [("0", True), ("1", False)])
def test_slurm_says_which_host_is_the_first(node, leads):
    """Even where two of its nodes are one machine."""
    slurm = {"SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1", "SLURM_JOB_ID": "3", "SLURM_NODEID": node}
    assert find_meeting(2, "auto", "x", slurm).is_here is leads
    assert find_meeting(2, "127.0.0.1", "x", slurm).is_here
