"""E-mail at the end of a run: what it found, how long it took, where to look.

A server that is away costs a run a few seconds and a warning, never the run itself.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft.config.cluster import Mail

logger = logging.getLogger(__name__)

_SECONDS = 5.0  # that a run waits for a server
_SHOWN_METRICS = 60


@dataclass(frozen=True)
class Login:
    """What a server knows its users by."""

    user: str
    password: str

    def __repr__(self) -> str:  # tracebacks and logs show objects
        return f"Login({self.user!r}, …)"


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        run: What ran: "training, digits".
        error: Why it failed; None where it did not.
        seconds: How long it took.
        metrics: Of each method its measures: values with low and high, or plain numbers.
        facts: What else to know, by its name: host, SLURM job, where MLflow shows the run.
    """

    run: str
    error: str | None
    seconds: float
    metrics: Mapping[str, Any]
    facts: Mapping[str, str]


def write_message(ending: Ending, mail: Mail) -> EmailMessage:
    """The message, plain text."""
    state = "finished" if ending.error is None else "failed"
    message = EmailMessage()
    message["Subject"] = " ".join(f"{ending.run} {state} after {_time(ending.seconds)}".split())
    message["From"] = mail.sender or mail.recipient
    message["To"] = mail.recipient
    parts = [ending.error or "", _table(ending.metrics), _facts(ending.facts)]
    message.set_content("\n\n".join(filter(None, parts)) + "\n")
    return message


def send(message: EmailMessage, mail: Mail, login: Login | None) -> bool:
    """Send a message, or give up after a few seconds with a warning; whether it was sent.

    It goes in a thread, for a server's name is looked up without any limit of time.
    """
    problem: list[Exception | None] = []
    thread = threading.Thread(
        target=lambda: problem.append(_attempt(message, mail, login)), name="mail", daemon=True
    )
    thread.start()
    thread.join(_SECONDS)
    if problem == [None]:
        return True
    # Not the exception's text, which may repeat what was sent.
    why = type(problem[0]).__name__ if problem else f"no answer in {_SECONDS:.0f} s"
    logger.warning(
        "No e-mail could be sent through %s:%d (%s). The run is not concerned.",
        mail.server,
        mail.port,
        why,
    )
    return False


def _attempt(message: EmailMessage, mail: Mail, login: Login | None) -> Exception | None:
    """Send it, or return why it cannot be sent."""
    assert mail.server is not None
    try:
        context = ssl.create_default_context()
        connection = (
            smtplib.SMTP_SSL(mail.server, mail.port, timeout=_SECONDS, context=context)
            if mail.encryption == "tls"
            else smtplib.SMTP(mail.server, mail.port, timeout=_SECONDS)
        )
        with connection:
            if mail.encryption == "starttls":
                connection.starttls(context=context)
            if login is not None:
                connection.login(login.user, login.password)
            connection.send_message(message)
    except Exception as error:  # whatever it is, it is no reason to lose a run's end
        return error
    return None


def _table(metrics: Mapping[str, Any]) -> str:
    """A line for each measure: method, name, value and interval."""
    rows = []
    for method, measures in metrics.items():
        for name, value in measures.items() if isinstance(measures, Mapping) else ():
            if shown := _number(value):
                rows.append((str(method), str(name).replace("_", " "), shown))
    more = [f"… and {len(rows) - _SHOWN_METRICS} more"] if len(rows) > _SHOWN_METRICS else []
    rows = rows[:_SHOWN_METRICS]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = [f"{m.ljust(widths[0])}  {n.ljust(widths[1])}  {v}" for m, n, v in rows]
    return "\n".join([*lines, *more])


def _number(value: Any) -> str:
    """A number with its interval; nothing for what is no number."""
    if not isinstance(value, Mapping):
        value = {"value": value}
    point, low, high = (value.get(key) for key in ("value", "low", "high"))
    if isinstance(point, bool) or not isinstance(point, int | float):
        return ""
    if isinstance(low, int | float) and isinstance(high, int | float):
        return f"{point:.4g}  ({low:.4g} to {high:.4g})"
    return f"{point:.4g}"


def _facts(facts: Mapping[str, str]) -> str:
    width = max(map(len, facts), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in facts.items())


def _time(seconds: float) -> str:
    """
    >>> _time(42.4), _time(1234.0), _time(200_000.0)
    ('42 s', '20 min', '55 h 33 min')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
