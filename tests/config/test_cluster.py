"""`cluster.yml` and `mail.yml`: what the schema takes, refuses, and says then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graft.config.cluster import read_cluster, read_mail
from graft.config.problems import ConfigError

BASE = Path(__file__).parents[2] / "conf/base"


@pytest.fixture
def loader(conf, load):
    """Load the project's own files, with these texts in conf/local."""

    def loader(cluster: str = "", mail: str = ""):
        for name, text in (("cluster", cluster), ("mail", mail)):
            shutil.copy(BASE / f"{name}.yml", conf / "base")
            if text:
                (conf / f"local/{name}.yml").write_text(text)
        found = load(conf)
        found.config_patterns |= {"cluster": ["cluster*"], "mail": ["mail*"]}
        return found

    return loader


def test_the_defaults_are_valid_and_local_files_and_options_win(loader):
    found = read_cluster(loader("partition: gpu\ncpus: 8\n"), {"cpus": 16, "account": None})
    assert (found.partition, found.cpus, found.account, found.time) == ("gpu", 16, None, "24:00:00")


@pytest.mark.parametrize(("gpus", "count"), [(0, 0), (4, 4), ("2", 2), ("a100:3", 3)])
def test_gpus_are_counted_whatever_their_type(loader, gpus, count):
    assert read_cluster(loader(), {"gpus": gpus}).gpu_count == count


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time: 24:00:00", "a time in quotes"),  # YAML reads 86400
        ("time: tomorrow", "a time in quotes"),
        ("gpus: -1", "greater than or equal to 0"),
        ("gpus: many", "a number of GPUs"),
        ("memory: 16 GB", "an amount of memory"),
        ("cpu: 4", "is no parameter; did you mean 'cpus'?"),
        ('setup: ["a\\nb"]', "setup"),
        ('account: "a\\n#SBATCH --wrap=x"', "account"),
    ],
)
def test_what_is_wrong_is_said_with_its_file(loader, text, said):
    with pytest.raises(ConfigError, match=r"cluster\.yml") as caught:
        read_cluster(loader(text + "\n"), {})
    assert said in str(caught.value)


def test_a_wrong_option_is_said_to_be_one(loader):
    with pytest.raises(ConfigError, match=r'time = "soon"  \(--time\)'):
        read_cluster(loader(), {"time": "soon"})


def test_mail_is_off_by_default_and_where_no_file_says_anything(loader, conf):
    assert read_mail(loader()) is None
    without = loader()
    (conf / "base/mail.yml").unlink()
    assert read_mail(without) is None


def test_mail_to_nobody_is_refused(loader):
    with pytest.raises(ConfigError, match="say to whom to write"):
        read_mail(loader(mail="server: smtp.example.org\n"))


def test_mail_has_a_server_and_a_recipient(loader):
    found = read_mail(loader(mail="server: smtp.example.org\nrecipient: me@example.org\n"))
    assert found is not None
    assert (found.server, found.recipient, found.encryption) == (
        "smtp.example.org",
        "me@example.org",
        "starttls",
    )
