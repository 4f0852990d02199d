"""The `sequencer` of S3 events: hexadecimal, larger for the later event of a key."""

import itertools
import time

_counter = itertools.count(int(time.time() * 1e6))


def next():
    return f"{_counter.__next__():018X}"
