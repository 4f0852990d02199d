"""S3: objects in memory without copies, atomic conditional writes, events in AWS's form."""

import collections
import copy
import datetime
import functools
import hashlib
import io
import json
import threading
import urllib.parse

import moto.s3.models as models
import moto.s3.notifications as notifications
import moto.s3.responses as responses

from . import runner, sequencer


def values_in_memory():
    """moto spools values over 16 MiB to disk, reads the whole value for each ranged GET, and pickles it for each
    copy. A value is one immutable bytes object here: a ranged GET copies its range and nothing else."""

    def set_value(key, value):
        key.__dict__["_bytes"] = value.encode() if isinstance(value, str) else bytes(value)
        key.contentsize = len(key._bytes)

    def etag(key):
        if key._etag is None:
            key._etag = hashlib.md5(key._bytes, usedforsecurity=False).hexdigest()
        return f'"{key._etag}"'

    def shallow_copy(key, memo=None):
        twin = object.__new__(type(key))
        twin.__dict__.update(key.__dict__)
        return twin

    models.FakeKey.value = property(lambda key: key._bytes, set_value)
    models.FakeKey.etag = property(etag)
    # ListObjectVersions deep-copies every version of the bucket, values included.
    models.FakeKey.__copy__ = shallow_copy
    models.FakeKey.__deepcopy__ = shallow_copy
    # Nothing to close: a reader that started before an overwrite keeps the old bytes.
    models.FakeKey.dispose = lambda key, garbage=False: None
    # Deleting a version calls this for a delete marker too, which has nothing to dispose of.
    models.FakeDeleteMarker.dispose = lambda marker: None
    del models.FakeKey.__del__


def complete_multipart():
    """moto joins the parts three times, keeps them along with the object, and sends two events (Put and Complete).
    The parts' bytes are dropped here once they are part of the object."""

    def complete(upload, body):
        parts = []
        for number, etag in body:
            part = upload.parts.get(number)
            if part is None or part.etag.strip('"') != etag.strip('"'):
                raise models.InvalidPart()
            if parts and parts[-1].contentsize < models.S3_UPLOAD_PART_MIN_SIZE:
                raise models.EntityTooSmall()
            parts.append(part)
        if not parts:
            raise models.MalformedXML()
        digests = b"".join(bytes.fromhex(p.etag.strip('"')) for p in parts)
        etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        value = b"".join(p.value for p in parts)
        # A checksum costs another pass: it is computed where it was requested. SDKs request CRCs of parts by
        # themselves, and look at none of the whole.
        checksum = None
        algorithm = upload.metadata.get("x-amz-checksum-algorithm")
        if algorithm:
            builder = models.MultipartChecksumBuilder(algorithm, upload.metadata.get("x-amz-checksum-type"))
            if builder.checksum_type != "COMPOSITE":
                builder.addPart(value)
                checksum = builder.build()
            elif algorithm.startswith("SHA"):
                for part in parts:
                    builder.addPart(part.value)
                checksum = builder.build()
        for part in upload.parts.values():
            part.__dict__["_bytes"] = b""
        return value, etag, checksum

    original = models.S3Backend.complete_multipart_upload

    def complete_multipart_upload(self, bucket_name, multipart_id, body):
        quiet = copy.copy(self)
        quiet.put_object = functools.partial(self.put_object, disable_notification=True)
        return original(quiet, bucket_name, multipart_id, body)

    models.FakeMultipart.complete = complete
    models.S3Backend.complete_multipart_upload = complete_multipart_upload


def one_write_per_key():
    """moto's If-None-Match checks first and writes later: two writers of one key could both succeed. Here, writes of
    a key (and the completion of its upload) exclude each other; different keys do not wait for each other."""
    locks = collections.defaultdict(threading.Lock)
    guard = threading.Lock()

    def exclusive(method_name):
        method = getattr(responses.S3Response, method_name)

        def locked(self, *args, **kwargs):
            with guard:
                lock = locks[hash((self.bucket_name, self.parse_key_name())) % 1024]
            with lock:
                return method(self, *args, **kwargs)

        setattr(responses.S3Response, method_name, locked)

    for name in ("put_object", "copy_object", "_key_response_post", "delete_object"):
        exclusive(name)


def decode_chunks_in_linear_time():
    """moto appends each chunk of an aws-chunked body to an immutable string: quadratic in the size."""

    def decode(self, body):
        if not body:
            return b""
        stream = io.BytesIO(body) if isinstance(body, bytes) else body
        out = bytearray()
        while size := int(stream.readline().split(b";")[0].strip() or b"0", 16):
            out += stream.read(size)
            stream.readline()
        return bytes(out)

    responses.S3Response._handle_encoded_body = decode


def no_reading_of_bodies_for_checksums():
    """moto searches the whole body for a trailer, and computes a checksum that was not sent."""

    def get_checksum(self, response_headers):
        algorithm = self.headers.get("x-amz-sdk-checksum-algorithm", "")
        for name, value in self.headers.items():
            if name.lower().startswith("x-amz-checksum-") and value and not name.lower().endswith("-type"):
                response_headers[name.lower()] = value
                return algorithm or name[len("x-amz-checksum-") :].upper(), value
        return "", None

    responses.S3Response._get_checksum = get_checksum


def heads_of_composite_checksums():
    """moto's HEAD leaves out how many parts a composite checksum is of, which S3 and moto's GET append."""
    original = responses.S3Response.head_object

    def head_object(self, bucket_name, query, key_name, headers):
        status, answer, body = original(self, bucket_name, query, key_name, headers)
        if status == 200 and headers.get("x-amz-checksum-mode") == "ENABLED":
            key = self.backend.head_object(bucket_name, key_name, version_id=query.get("versionId", [None])[0])
            if key.checksum_type == "COMPOSITE":
                name = f"x-amz-checksum-{key.checksum_algorithm.lower()}"
                answer[name] = f"{key.checksum_value}-{key.checksum_parts}"
                answer["x-amz-checksum-type"] = key.checksum_type
        return status, answer, body

    responses.S3Response.head_object = head_object


def policies_without_conditions():
    """moto ignores the condition of a statement: "deny everything but TLS" would deny everything. Statements with a
    condition are skipped here (the emulator serves plain HTTP on loopback), and a policy is parsed once."""

    from moto.iam.access_control import IAMPolicy, PermissionResult

    @functools.lru_cache(maxsize=256)
    def parse(policy):
        document = json.loads(policy)
        statements = document["Statement"]
        if isinstance(statements, dict):
            statements = [statements]
        document["Statement"] = [s for s in statements if "Condition" not in s]
        return IAMPolicy(json.dumps(document))

    def get_permission(bucket, action, resource):
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        return parse(bucket.policy).is_action_permitted(action, resource)

    models.FakeBucket.get_permission = get_permission


def notifications_as_aws():
    """moto's events lack versionId, sequencer, time zone and identities, and encode the slashes of a key."""

    def event(event_name, bucket, key, notification_id):
        now = datetime.datetime.now(datetime.timezone.utc)
        described = {"key": urllib.parse.quote_plus(key.name, safe="/*"), "sequencer": sequencer.next()}
        if hasattr(key, "etag"):
            described |= {"size": key.size, "eTag": key.etag.replace('"', "")}
        if key.version_id != "null":
            described["versionId"] = key.version_id
        return {
            "Records": [
                {
                    "eventVersion": "2.1",
                    "eventSource": "aws:s3",
                    "awsRegion": bucket.region_name,
                    "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z",
                    "eventName": event_name[3:],
                    "userIdentity": {"principalId": "AWS:LOCAL"},
                    "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                    "responseElements": {"x-amz-request-id": "LOCAL", "x-amz-id-2": "LOCAL"},
                    "s3": {
                        "s3SchemaVersion": "1.0",
                        "configurationId": notification_id,
                        "bucket": {
                            "name": bucket.name,
                            "ownerIdentity": {"principalId": "LOCAL"},
                            "arn": bucket.arn,
                        },
                        "object": described,
                    },
                }
            ]
        }

    notifications._get_s3_event = event
    notifications._invoke_awslambda = lambda account_id, body, arn, region: runner.send_event(arn, json.dumps(body))


def encoded_keys_of_versions():
    """moto ignores encoding-type=url in ListObjectVersions; a client that requested it decodes the keys and gets wrong
    ones (`+` and `%`)."""

    original = responses.S3Response.serialized

    def serialized(response, result):
        encoding = response.querystring.get("encoding-type", [None])[0]
        if encoding == "url" and response.data.get("Action") == "ListObjectVersions":
            for version in result.result["Versions"] + result.result["DeleteMarkers"]:
                version["Key"] = urllib.parse.quote(version["Key"])
            for marker in {"KeyMarker", "NextKeyMarker"} & result.result.keys():
                result.result[marker] = urllib.parse.quote(result.result[marker])
            result.result["EncodingType"] = encoding
        return original(response, result)

    responses.S3Response.serialized = serialized


def apply():
    values_in_memory()
    complete_multipart()
    one_write_per_key()
    decode_chunks_in_linear_time()
    no_reading_of_bodies_for_checksums()
    heads_of_composite_checksums()
    policies_without_conditions()
    notifications_as_aws()
    encoded_keys_of_versions()
