"""Kinesis: ordering, cost and resharding as on AWS."""

import bisect
import itertools

import moto.kinesis.models as models
from moto.kinesis.responses import KinesisResponse

from . import core


class RecordLog(dict):
    """Records by sequence number, and the sorted numbers for searching."""

    def __init__(self):
        super().__init__()
        self.numbers = []

    def append(self, record):
        self.numbers.append(record.sequence_number)
        self[record.sequence_number] = record


def records_in_constant_time():
    """moto lists all keys of a shard on each put and scans all records on each get."""
    init = models.Shard.__init__

    def create(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.records = RecordLog()

    def get_records(self, last_sequence_id, limit):
        last = int(last_sequence_id)
        start = bisect.bisect_right(self.records.numbers, last)
        numbers = self.records.numbers[start : start + (limit or 10_000)]
        found = [self.records[n] for n in numbers]
        behind = 0
        if found:
            behind = int((self.records[self.records.numbers[-1]].created_at - found[-1].created_at) * 1000)
        return found, numbers[-1] if numbers else last, behind

    models.Shard.__init__ = create
    models.Shard.get_records = get_records
    models.Shard.get_min_sequence_number = lambda self: self.records.numbers[0] if self.records.numbers else 0
    models.Shard.get_max_sequence_number = lambda self: self.records.numbers[-1] if self.records.numbers else 0


def sequence_numbers_grow_over_the_stream():
    """moto numbers records from 1 in each shard: a child's records would sort before its parent's."""
    counter = itertools.count(1)

    def put_record(self, partition_key, data, explicit_hash_key):
        record = models.Record(partition_key, data, next(counter), explicit_hash_key)
        self.records.append(record)
        return str(record.sequence_number)

    models.Shard.put_record = put_record


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
                return method(self, *args, **kwargs)
            finally:
                for shard_id, records in kept.items():
                    self.shards[shard_id].records = records

        return reshard

    get_shard_for_key = models.Stream.get_shard_for_key

    def open_shard_for_key(self, partition_key, explicit_hash_key):
        # moto takes the first shard whose range matches, which is a closed parent, and omits the last key.
        every = self.shards
        self.shards = {k: OpenRange(s) for k, s in every.items() if s.is_open}
        try:
            found = get_shard_for_key(self, partition_key, explicit_hash_key)
        finally:
            self.shards = every
        return found.shard

    get_records = models.KinesisBackend.get_records

    def get_page(self, stream_arn, shard_iterator, limit):
        following, records, behind = get_records(self, stream_arn, shard_iterator, limit)
        stream_name, shard_id, _ = models.decompose_shard_iterator(shard_iterator)
        shard = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name).get_shard(shard_id)
        read = records[-1].sequence_number if records else int(models.decompose_shard_iterator(shard_iterator)[2])
        if not shard.is_open and read >= shard.get_max_sequence_number():
            following = None
        return following, records, behind

    models.Stream.get_shard_for_key = open_shard_for_key
    models.Stream.split_shard = without_records(models.Stream.split_shard)
    models.Stream.merge_shards = without_records(models.Stream.merge_shards)
    models.KinesisBackend.get_records = get_page


class OpenRange:
    """A shard whose hash range ends after its last key, for moto's comparison."""

    def __init__(self, shard):
        self.shard = shard
        self.starting_hash = shard.starting_hash
        self.ending_hash = shard.ending_hash + 1


def apply():
    core.serialize(KinesisResponse)
    records_in_constant_time()
    sequence_numbers_grow_over_the_stream()
    resharding_keeps_records()
