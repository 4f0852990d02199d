"""Kinesis: what goes wrong with a stream when a test asks for it."""

import dataclasses
import random

import moto.kinesis.models as models

THROTTLED, FAILED = "ProvisionedThroughputExceededException", "InternalFailure"


@dataclasses.dataclass
class Faults:
    """What goes wrong with a stream. All is decided by the seed, call after call and record after record."""

    seed: int = 0
    throttled: int = 0  # records of PutRecords, in 1,000, that fail with ProvisionedThroughputExceededException
    failed: int = 0  # the same with InternalFailure
    refused: int = 0  # calls of PutRecord, PutRecords and GetRecords, in 1,000, that are throttled as a whole
    lost: int = 0  # calls of PutRecord and PutRecords, in 1,000, that take effect and answer InternalFailure
    limits: bool = False  # shards take 1,000 records and 1 MB a second
    aheadHours: int = 0  # of the clock that retention goes by

    def __post_init__(self):
        self.random = random.Random(self.seed)

    def happens(self, of_thousand):
        return of_thousand > 0 and self.random.randrange(1000) < of_thousand

    def of_record(self):
        """The error of a record, None for none."""
        if self.happens(self.throttled):
            return THROTTLED
        return FAILED if self.happens(self.failed) else None


NONE = Faults()


def of(stream):
    return getattr(stream, "faults", NONE)


def provoke(name, settings):
    """What goes wrong with a stream from now on. Raises KeyError if there is no such stream."""
    for account in models.kinesis_backends.values():
        for backend in account.values():
            if name in backend.streams:
                backend.streams[name].faults = Faults(**settings)
                return
    raise KeyError(name)
