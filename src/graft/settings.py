"""The project's settings, which Kedro reads: https://docs.kedro.org/en/stable/configure/."""

from graft.cluster.hooks import LeaseHooks, MailHooks
from graft.config.loader import GraftConfigLoader
from graft.hooks import RecordingHooks, RunHooks, SummaryHooks, TimingHooks
from graft.tracking.environment import prepare_environment
from graft.tracking.record_hooks import RunRecordHooks

# Kedro imports this module before anything that imports torch or mlflow.
prepare_environment()

CONFIG_LOADER_CLASS = GraftConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {
        "mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"],
        "cluster": ["cluster*"],
        "mail": ["mail*"],
    },
    # An environment's mlflow.yml states what differs. (Parameters are always merged like this.)
    "merge_strategy": {"mlflow": "soft"},
}

HOOKS = (
    RunHooks(),
    RecordingHooks(),
    TimingHooks(),
    SummaryHooks(),
    RunRecordHooks(),
    LeaseHooks(),
    MailHooks(),
)
