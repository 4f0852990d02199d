"""Counts the changes to what the runner mirrors (functions, mappings, rules, schedules), so that it need not poll."""

import re
import threading

_LAMBDA_PATH = re.compile(r"^/20\d\d-\d\d-\d\d/(functions|event-source-mappings)")
_TARGETS = ("AWSEvents.", "AmazonEventBridge.")
# Actions that change no rule. The runner itself lists rules after each change: counting those would loop forever.
_HARMLESS = ("List", "Describe", "Test", "PutEvents")

_revision = 1
_changed = threading.Condition()


def concerns_runner(method, path, target):
    """Whether a request may have changed what the runner mirrors."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return False
    if target:
        return target.startswith(_TARGETS) and not target.partition(".")[2].startswith(_HARMLESS)
    return path.startswith("/schedules/") or bool(_LAMBDA_PATH.match(path)) and not path.endswith("/invocations")


def count():
    global _revision
    with _changed:
        _revision += 1
        _changed.notify_all()


def current():
    return _revision


def wait_past(since, seconds):
    """The revision, as soon as it is greater than since, or after the given time."""
    with _changed:
        _changed.wait_for(lambda: _revision > since, timeout=seconds)
        return _revision
