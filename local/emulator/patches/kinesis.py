"""Kinesis: shards and their records as on AWS. Records get in and out in kinesis_records."""

import bisect
import itertools
import random
import time

import moto.kinesis.models as models
from moto.kinesis.responses import KinesisResponse

from . import core, kinesis_faults

# Sequence numbers have 56 digits. They grow over the whole stream, in steps that nobody can predict: a child's records
# come after its parents', and a gap says nothing.
_FIRST = 49590338271490256608559692538361571095921575989136588898
_STEP_BITS = 20
_steps = random.Random(1)
_last = _FIRST


def next_number():
    global _last
    _last += (1 + _steps.getrandbits(_STEP_BITS)) << 70
    return _last


class Record:
    """One record. data is text in base64, as it came and goes."""

    __slots__ = ("partition_key", "data", "size", "sequence_number", "created_at", "explicit_hash_key")

    def __init__(self, partition_key, data, size, number, now, explicit_hash_key=None):
        self.partition_key, self.data, self.size = partition_key, data, size
        self.sequence_number, self.created_at = number, now
        self.explicit_hash_key = explicit_hash_key


class RecordLog(dict):
    """The records of a shard by sequence number, and the numbers in order for searching. moto lists all keys of a shard
    on each put and scans all records on each get."""

    def __init__(self):
        super().__init__()
        self.numbers = []
        self.last = 0  # of all that there ever were

    def append(self, record):
        self.last = record.sequence_number
        self.numbers.append(self.last)
        self[self.last] = record

    def after(self, number):
        """The records after a number."""
        return (self[n] for n in itertools.islice(self.numbers, bisect.bisect_right(self.numbers, number), None))

    def trim(self, horizon):
        """Drops what arrived before a time, in seconds since 1970."""
        count = 0
        while count < len(self.numbers) and self[self.numbers[count]].created_at < horizon:
            del self[self.numbers[count]]
            count += 1
        del self.numbers[:count]


def trim(stream):
    """Drops the records that are past their retention, and the closed shards that have been so for as long."""
    horizon = time.time() + kinesis_faults.of(stream).aheadHours * 3600 - stream.retention_period_hours * 3600
    for shard in list(stream.shards.values()):
        shard.records.trim(horizon)
        if shard.closed_at is not None and shard.closed_at < horizon:
            del stream.shards[shard.shard_id]


def shards_have_numbers():
    """A shard's range of sequence numbers is there from its first moment, and ends with it."""
    init, to_json = models.Shard.__init__, models.Shard.to_json

    def create(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.records, self.started, self.ended, self.closed_at = RecordLog(), next_number(), None, None

    def describe(self):
        found = to_json(self)
        numbers = found["SequenceNumberRange"]
        numbers["StartingSequenceNumber"] = str(self.started)
        if self.ended:
            numbers["EndingSequenceNumber"] = str(self.ended)
        return found

    models.Shard.__init__ = create
    models.Shard.to_json = describe
    models.Shard.get_max_sequence_number = lambda self: self.records.last


def resharding_keeps_records():
    """moto moves a parent's records to its children on a split or merge: consumers get them again there. Here, they
    stay in the parent, which ends (NextShardIterator is null) once they are read."""

    def without_records(method):
        def reshard(self, *args, **kwargs):
            kept = {}
            for shard in self.shards.values():
                kept[shard.shard_id] = shard.records
                shard.records = RecordLog()
            try:
                # The children's numbers begin after the parents' end.
                ended = next_number()
                result = method(self, *args, **kwargs)
                for shard in self.shards.values():
                    if not shard.is_open and shard.ended is None:
                        shard.ended, shard.closed_at = ended, time.time()
                return result
            finally:
                for shard_id, records in kept.items():
                    self.shards[shard_id].records = records

        return reshard

    models.Stream.split_shard = without_records(models.Stream.split_shard)
    models.Stream.merge_shards = without_records(models.Stream.merge_shards)


def streams_are_described():
    """moto drops the tags of CreateStream, and does not count shards again after a split or merge."""
    create_stream, summary = KinesisResponse.create_stream, models.Stream.to_json_summary

    def create(self):
        result = create_stream(self)
        stream = self.kinesis_backend.describe_stream(None, self._get_param("StreamName"))
        stream.tags.update(self._get_param("Tags") or {})
        return result

    def describe(self):
        found = summary(self)
        found["StreamDescriptionSummary"]["OpenShardCount"] = sum(s.is_open for s in self.shards.values())
        return found

    list_shards = models.KinesisBackend.list_shards

    def list_retained(self, stream_arn=None, stream_name=None, **page):
        trim(self.describe_stream(stream_arn, stream_name))
        return list_shards(self, stream_arn=stream_arn, stream_name=stream_name, **page)

    KinesisResponse.create_stream = create
    models.Stream.to_json_summary = describe
    models.KinesisBackend.list_shards = list_retained


def apply():
    core.serialize(KinesisResponse)
    shards_have_numbers()
    resharding_keeps_records()
    streams_are_described()
