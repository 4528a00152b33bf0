"""Structured log lines, from which known secrets are struck out."""

from __future__ import annotations

import json
import logging
import os

_logger = logging.getLogger("quayside")
_measurements = logging.getLogger("quayside.metrics")
_confidential: set[str] = set()


class _Json(logging.Formatter):
    """One JSON object a line, of the form that crhelper gives the lines of custom resources."""

    def format(self, record: logging.LogRecord) -> str:
        if record.name == _measurements.name:  # CloudWatch reads a whole line, or none of it
            return str(record.msg)
        message = record.msg if isinstance(record.msg, dict) else record.getMessage()
        line = {
            "timestamp": self.formatTime(record),
            "level": record.levelname,
            "message": message,
        }
        return json.dumps(line, default=str)


def begin() -> None:
    """Write JSON lines from now on; for functions that CloudFormation doesn't call.

    The environment's LOG_LEVEL counts for our own lines. boto3's never show: at DEBUG they hold
    whole answers.
    """
    logging.basicConfig()  # Lambda's root logger has a handler, another host's may not
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Json())
    _logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    _measurements.setLevel(logging.INFO)  # alarms hear them, whatever people want to read
    for name in ("boto3", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)


def confide(secret: str) -> str:
    """Remember a secret, so that it is struck out of everything this invocation says.

    Args:
        secret: a password or a SCRAM verifier.
    Returns:
        The secret itself.
    """
    if secret:
        _confidential.add(secret)
    return secret


def without_secrets(text: str) -> str:
    """The text with every secret that was confided replaced by asterisks."""
    for secret in _confidential:
        text = text.replace(secret, "****")
    return text


def forget_secrets() -> None:
    """Forget what was confided: a new invocation begins."""
    _confidential.clear()


def info(action: str, **fields: object) -> None:
    """Log one thing that was done, as a JSON line."""
    _logger.info(_line(action, fields))


def warning(action: str, **fields: object) -> None:
    """Log one thing that somebody should look at, as a JSON line."""
    _logger.warning(_line(action, fields))


def error(action: str, **fields: object) -> None:
    """Log one failure, as a JSON line."""
    _logger.error(_line(action, fields))


def measure(line: str) -> None:
    """Log one line that CloudWatch makes metrics of (`metrics.line`), as it is."""
    _measurements.info(without_secrets(line))


def _line(action: str, fields: dict[str, object]) -> dict[str, str]:
    return {"action": action} | {
        name: without_secrets(str(value)) for name, value in fields.items()
    }
