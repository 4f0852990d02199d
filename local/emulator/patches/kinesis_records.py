"""Kinesis: PutRecord, PutRecords and GetRecords, with the limits of AWS and the faults that a test asks for.

moto builds and serializes each record through its model of the service, at a tenth of a millisecond each. Here, records
stay in base64 from the producer to the consumer.
"""

import base64
import binascii
import bisect
import itertools
import json
import time

import moto.kinesis.models as models
from moto.core.exceptions import JsonRESTError
from moto.kinesis.responses import KinesisResponse
from moto.utilities.utils import md5_hash

from . import kinesis, kinesis_faults, kinesis_metrics
from .kinesis_faults import FAILED, THROTTLED

MIB = 1 << 20
# "PutRecords" and "GetRecords" in the API reference, "Quotas and limits" in the developer guide.
PUT_RECORDS, PUT_BYTES, RECORD_BYTES, KEY_CHARACTERS = 500, 5 * MIB, MIB, 256
GET_RECORDS, GET_BYTES = 10_000, 10 * MIB
SHARD_RECORDS, SHARD_BYTES = 1000, 1_000_000  # that a shard takes in a second


class Refused(JsonRESTError):
    """A call that has no effect."""


class Failed(JsonRESTError):
    """A call of which nobody knows whether it had its effect."""

    code = 500

    def __init__(self):
        super().__init__(FAILED, "Internal service failure.")


def data_size(text, position):
    """Bytes of a record's data, which is in base64."""
    try:
        return len(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, TypeError):
        raise Refused("SerializationException", f"{position}: the data is not in base64") from None


def sizes(records):
    """Bytes of each record, of data and partition key. Raises what AWS refuses a call for."""
    if not 0 < len(records) <= PUT_RECORDS:
        raise Refused("ValidationException",
                      "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have "
                      f"length less than or equal to {PUT_RECORDS}")
    found = []
    for i, record in enumerate(records):
        position, key = f"records.{i + 1}.member", record.get("PartitionKey")
        if not isinstance(key, str) or not 0 < len(key) <= KEY_CHARACTERS:
            raise Refused("ValidationException", f"1 validation error detected: Value at '{position}.partitionKey' failed "
                          f"to satisfy constraint: Member must have length less than or equal to {KEY_CHARACTERS}")
        size = data_size(record.get("Data"), position) + len(key.encode())
        if size > RECORD_BYTES:
            raise Refused("ValidationException", f"1 validation error detected: Value at '{position}.data' failed to "
                          f"satisfy constraint: Member must have length less than or equal to {RECORD_BYTES}")
        found.append(size)
    if sum(found) > PUT_BYTES:
        raise Refused("InvalidArgumentException", "Records size exceeds 5 MB limit")
    return found


class Shards:
    """The open shards of a stream, by their hash keys."""

    def __init__(self, stream):
        self.shards = sorted((s for s in stream.shards.values() if s.is_open), key=lambda s: s.starting_hash)
        self.starts = [s.starting_hash for s in self.shards]

    def of(self, record):
        explicit = record.get("ExplicitHashKey")
        if explicit is None:
            key = int.from_bytes(md5_hash(record["PartitionKey"].encode()).digest(), "big")
        else:
            if not isinstance(explicit, str) or not explicit.isdigit() or int(explicit) >= 1 << 128:
                raise Refused("InvalidArgumentException", f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: "
                              f"[0, 2^128-1]. Specified value was {explicit}")
            key = int(explicit)
        return self.shards[bisect.bisect_right(self.starts, key) - 1]


def over_limit(shard, size, now):
    """Whether a shard has taken what it takes in a second. If not, this record counts."""
    second, records, taken = getattr(shard, "taken", (None, 0, 0))
    if second != int(now):
        records = taken = 0
    if records + 1 > SHARD_RECORDS or taken + size > SHARD_BYTES:
        return True
    shard.taken = int(now), records + 1, taken + size
    return False


def answer(body):
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body)


def apply():
    def put(self, records):
        """Puts records, and returns an outcome for each."""
        stream = self.kinesis_backend.describe_stream(self._get_param("StreamARN"), self._get_param("StreamName"))
        bytes_of, trouble = sizes(records), kinesis_faults.of(stream)
        if trouble.happens(trouble.refused):
            kinesis_metrics.count(stream, WriteProvisionedThroughputExceeded=len(records))
            raise Refused(THROTTLED, f"Rate exceeded for stream {stream.stream_name} under account {stream.account_id}.")
        open_shards, now, outcomes = Shards(stream), time.time(), []
        placed = [(open_shards.of(record), record, size) for record, size in zip(records, bytes_of)]
        for shard, record, size in placed:
            error = trouble.of_record() or (THROTTLED if trouble.limits and over_limit(shard, size, now) else None)
            if error:
                text = "Internal service failure." if error == FAILED else (
                    f"Rate exceeded for shard {shard.shard_id} in stream {stream.stream_name} under account "
                    f"{stream.account_id}.")
                outcomes.append({"ErrorCode": error, "ErrorMessage": text})
                continue
            number = kinesis.next_number()
            shard.records.append(kinesis.Record(record["PartitionKey"], record["Data"], size, number, now))
            outcomes.append({"SequenceNumber": str(number), "ShardId": shard.shard_id})
        codes = [o.get("ErrorCode") for o in outcomes]
        kinesis_metrics.count(
            stream, IncomingRecords=codes.count(None), WriteProvisionedThroughputExceeded=codes.count(THROTTLED),
            IncomingBytes=sum(size for size, code in zip(bytes_of, codes) if code is None),
            **{"PutRecords.ThrottledRecords": codes.count(THROTTLED), "PutRecords.FailedRecords": codes.count(FAILED)})
        kinesis.trim(stream)
        if trouble.happens(trouble.lost):
            raise Failed()
        return outcomes

    def put_records(self):
        outcomes = put(self, self._get_param("Records") or [])
        failed = sum("ErrorCode" in o for o in outcomes)
        return answer({"FailedRecordCount": failed, "Records": outcomes})

    def put_record(self):
        outcome, = put(self, [{n: self._get_param(n) for n in ("PartitionKey", "Data", "ExplicitHashKey")}])
        if outcome.get("ErrorCode") == FAILED:
            raise Failed()
        if "ErrorCode" in outcome:
            raise Refused(outcome["ErrorCode"], outcome["ErrorMessage"])
        return answer(outcome)

    def get_records(self):
        stream_name, shard_id, last = models.decompose_shard_iterator(self._get_param("ShardIterator"))
        stream = self.kinesis_backend.describe_stream(self._get_param("StreamARN"), stream_name)
        trouble = kinesis_faults.of(stream)
        if trouble.happens(trouble.refused):
            kinesis_metrics.count(stream, ReadProvisionedThroughputExceeded=1)
            raise Refused(THROTTLED, f"Rate exceeded for shard {shard_id} in stream {stream_name}.")
        kinesis.trim(stream)
        shard, last, size, page = stream.get_shard(shard_id), int(last), 0, []
        for record in itertools.islice(shard.records.after(last), min(self._get_param("Limit") or GET_RECORDS, GET_RECORDS)):
            size += record.size
            if page and size > GET_BYTES:
                break
            page.append(record)
        if page:
            last = page[-1].sequence_number
        behind, numbers = 0, shard.records.numbers
        if numbers and numbers[-1] > last:
            behind = int((time.time() - (page[-1].created_at if page else 0)) * 1000)
        kinesis_metrics.reached(stream, int((time.time() - page[-1].created_at) * 1000) if page else 0)
        ended = not shard.is_open and last >= shard.records.last
        return answer({
            "NextShardIterator": None if ended else models.compose_shard_iterator(stream_name, shard, last),
            "MillisBehindLatest": behind,
            "Records": [{"Data": r.data, "PartitionKey": r.partition_key, "SequenceNumber": str(r.sequence_number),
                         "ApproximateArrivalTimestamp": int(r.created_at * 1000) / 1000} for r in page],
        })

    KinesisResponse.put_record = put_record
    KinesisResponse.put_records = put_records
    KinesisResponse.get_records = get_records

    # moto itself puts records into streams, those of log groups.
    def put_of_moto(self, partition_key, explicit_hash_key, data):
        shard = Shards(self).of({"PartitionKey": partition_key, "ExplicitHashKey": explicit_hash_key or None})
        number = kinesis.next_number()
        shard.records.append(kinesis.Record(partition_key, data, data_size(data, "data"), number, time.time()))
        return str(number), shard.shard_id

    models.Stream.put_record = put_of_moto
