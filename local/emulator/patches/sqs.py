"""SQS: atomic operations, cost independent of the queue's depth, dead-letter redrive."""

import copy
import functools
import secrets
import time
import uuid

import moto.core.utils as utils
import moto.sqs.models as models
from moto.core.responses import ActionResult
from moto.sqs.exceptions import InvalidParameterValue, ReceiptHandleIsInvalid, SQSException
from moto.sqs.responses import SQSResponse

# A waiting receive wakes up at least this often, for messages that become visible meanwhile.
MAX_NAP_SECONDS = 1.0


class MessageStore:
    """The messages of a queue by id, in order of arrival: the subset of a list's methods that moto uses."""

    def __init__(self, messages=()):
        self._by_id = {m.id: m for m in messages}

    def __iter__(self):
        # A copy: moto counts messages while other threads add and delete.
        return iter(list(self._by_id.values()))

    def __len__(self):
        return len(self._by_id)

    def append(self, message):
        self._by_id[message.id] = message

    def remove(self, message):
        self._by_id.pop(message.id, None)

    def scan(self):
        """All messages, not copied: only under the queue's lock."""
        return self._by_id.values()


def store_messages_by_id():
    """moto keeps a list and rebuilds it on each delete. Here, a message is found by id and by receipt handle."""

    def setter(queue, messages):
        queue.__dict__["_messages"] = MessageStore(messages)
        # Receipt handle -> message, for the messages that are in the queue.
        queue.__dict__["_by_handle"] = {}

    models.Queue._messages = property(lambda queue: queue.__dict__["_messages"], setter)


def wall_clock():
    """unix_time() computes two datetimes per call, and the visibility of each message is checked constantly."""

    original = utils.unix_time

    def unix_time(dt=None):
        return time.time() if dt is None else original(dt)

    def unix_time_millis(dt=None):
        return unix_time(dt) * 1000.0

    for module in (utils, models):
        module.unix_time = unix_time
        module.unix_time_millis = unix_time_millis


def cheap_receipt_handles():
    """moto draws 185 random letters one by one, for every message received."""
    models.generate_receipt_handle = lambda: secrets.token_urlsafe(64)


def cheap_attributes():
    """moto's send reads one attribute through a property that computes all, three of them by scanning the queue."""
    compute = models.Queue.attributes.fget

    def get_without_scan(queue):
        if queue.fifo_queue:
            return compute(queue)
        return LazyAttributes(queue)

    class LazyAttributes:
        """get() of an attribute that a standard queue cannot have is free; any other access computes all attributes."""

        def __init__(self, queue):
            self._queue = queue

        @functools.cached_property
        def _all(self):
            return compute(self._queue)

        def get(self, name, default=None):
            return default if name == "ContentBasedDeduplication" else self._all.get(name, default)

        def __getattr__(self, name):
            return getattr(self._all, name)

        def __contains__(self, name):
            return name in self._all

        def __iter__(self):
            return iter(self._all)

        def __getitem__(self, name):
            return self._all[name]

        def __len__(self):
            return len(self._all)

    models.Queue.attributes = property(get_without_scan)


def kept_attributes():
    """moto never returns RedriveAllowPolicy, for which the provider waits, and drops a queue's Policy whenever any
    other attribute is set."""
    compute = models.Queue.attributes.fget
    set_attributes = models.Queue._set_attributes

    def attributes(queue):
        result = compute(queue)
        if not result["RedriveAllowPolicy"]:  # setting it to "" removes it
            del result["RedriveAllowPolicy"]
        return result

    def set_keeping_policy(queue, attributes, now=None):
        policy = queue.__dict__.get("_policy_json")
        set_attributes(queue, attributes, now)
        if policy and "Policy" not in attributes:
            queue._policy_json = policy

    models.Queue.BASE_ATTRIBUTES = [*models.Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    models.Queue.redrive_allow_policy = None
    models.Queue.attributes = property(attributes)
    models.Queue._set_attributes = set_keeping_policy


def _take(queue, count, visibility_timeout, wanted):
    """Up to count visible messages, marked as received; those received too often go to the dead-letter queue."""
    now = models.unix_time_millis()
    busy_groups = {m.group_id for m in queue._messages.scan() if m.visible_at >= now} if queue.fifo_queue else ()
    taken, dead = [], []
    for message in queue._messages.scan():
        if len(taken) >= count:
            break
        if message.visible_at >= now or message.delayed_until > now:
            continue
        if queue.fifo_queue and message.group_id in busy_groups:
            continue
        if message.sent_timestamp + queue.message_retention_period * 1000 <= now:
            continue
        limit = queue.redrive_policy and queue.redrive_policy["maxReceiveCount"]
        if queue.dead_letter_queue is not None and limit and message.approximate_receive_count >= limit:
            dead.append(message)
            continue
        message.mark_received(visibility_timeout=visibility_timeout)
        queue._by_handle[message.receipt_handle] = message
        received = copy.copy(message)
        models._filter_message_attributes(received, wanted)
        taken.append(received)
    for message in dead:
        _forget(queue, message)
        message.source_queue_arn = queue.queue_arn
        queue.dead_letter_queue.add_message(message)
    return taken


def _forget(queue, message):
    queue._messages.remove(message)
    for handle in message.all_receipt_handles:
        queue._by_handle.pop(handle, None)


def _nap(queue, remaining):
    """Seconds until the next message becomes visible, at most MAX_NAP_SECONDS."""
    now = models.unix_time_millis()
    soonest = min((max(m.visible_at, m.delayed_until) for m in queue._messages.scan()), default=now + 60_000)
    return min(remaining, MAX_NAP_SECONDS, max(0.005, (soonest - now) / 1000))


def atomic_operations():
    """moto's receive, delete and change of visibility loop over a list that other threads replace meanwhile: a
    message can be lost or delivered twice. Here, all of them run under the queue's own lock, and a receive waits on
    its condition, so that a message is delivered as soon as it is sent."""

    def receive_message(self, queue_name, count, wait_seconds_timeout, visibility_timeout, message_attribute_names=None):
        queue = self.get_queue(queue_name)
        deadline = time.monotonic() + int(wait_seconds_timeout or 0)
        with queue._messages_lock:
            while True:
                taken = _take(queue, count, visibility_timeout, message_attribute_names or [])
                remaining = deadline - time.monotonic()
                if taken or remaining <= 0 or self.queues.get(queue_name) is not queue:
                    return taken
                queue._messages_lock.wait(_nap(queue, remaining))

    def delete_message(queue, receipt_handle):
        with queue._messages_lock:
            message = queue._by_handle.get(receipt_handle)
            if message is not None:
                queue.deleted_messages.update(h for h in message.all_receipt_handles if h)
                _forget(queue, message)
            elif receipt_handle not in queue.deleted_messages:
                raise ReceiptHandleIsInvalid()

    def change_message_visibility(self, queue_name, receipt_handle, visibility_timeout):
        queue = self.get_queue(queue_name)
        with queue._messages_lock:
            message = queue._by_handle.get(receipt_handle)
            if message is None:
                raise ReceiptHandleIsInvalid()
            message.change_visibility(visibility_timeout)
            queue._messages_lock.notify_all()

    def purge_queue(self, queue_name):
        queue = self.get_queue(queue_name)
        with queue._messages_lock:
            queue._messages = []

    def delete_queue(self, queue_name):
        queue = self.get_queue(queue_name)
        with queue._messages_lock:
            del self.queues[queue_name]
            queue._messages_lock.notify_all()

    models.SQSBackend.receive_message = receive_message
    models.SQSBackend.change_message_visibility = change_message_visibility
    models.SQSBackend.purge_queue = purge_queue
    models.SQSBackend.delete_queue = delete_queue
    models.Queue.delete_message = delete_message


def message_move_tasks():
    """StartMessageMoveTask and ListMessageMoveTasks, which moto lacks: a redrive completes before the call returns."""

    def queue_by_arn(backend, arn):
        queue = backend.queues.get(arn.rsplit(":", 1)[-1])
        if queue is None or queue.queue_arn != arn:
            raise SQSException("ResourceNotFoundException", f"The resource that you specified doesn't exist: {arn}")
        return queue

    def move(backend, source, destination_arn):
        """AWS gives a moved message a new id and a new enqueue time. Returns the number of messages moved."""
        moved = 0
        with source._messages_lock:
            for message in source._messages:
                arn = destination_arn or getattr(message, "source_queue_arn", None)
                if not message.visible or arn is None:
                    continue
                _forget(source, message)
                fresh = models.Message(str(uuid.uuid4()), message.body, message.system_attributes)
                fresh.message_attributes = message.message_attributes
                fresh.group_id, fresh.deduplication_id = message.group_id, message.deduplication_id
                fresh.mark_sent()
                queue_by_arn(backend, arn).add_message(fresh)
                moved += 1
        return moved

    def start_message_move_task(self):
        backend = self.sqs_backend
        source = queue_by_arn(backend, self._get_param("SourceArn"))
        if not any(q.dead_letter_queue is source for q in backend.queues.values()):
            raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
        destination = self._get_param("DestinationArn")
        if destination:
            queue_by_arn(backend, destination)
        started = int(time.time() * 1000)
        moved = move(backend, source, destination)
        task = {
            "TaskHandle": secrets.token_urlsafe(64),
            "Status": "COMPLETED",
            "SourceArn": source.queue_arn,
            "ApproximateNumberOfMessagesMoved": moved,
            "ApproximateNumberOfMessagesToMove": moved,
            "StartedTimestamp": started,
        }
        if destination:
            task["DestinationArn"] = destination
        source.__dict__.setdefault("move_tasks", []).insert(0, task)
        return ActionResult({"TaskHandle": task["TaskHandle"]})

    def list_message_move_tasks(self):
        source = queue_by_arn(self.sqs_backend, self._get_param("SourceArn"))
        tasks = source.__dict__.get("move_tasks", [])[: self._get_param("MaxResults") or 1]
        # Only a running task shows its handle.
        return ActionResult({"Results": [{k: v for k, v in t.items() if k != "TaskHandle"} for t in tasks]})

    SQSResponse.start_message_move_task = start_message_move_task
    SQSResponse.list_message_move_tasks = list_message_move_tasks


def apply():
    wall_clock()
    store_messages_by_id()
    cheap_receipt_handles()
    kept_attributes()
    cheap_attributes()
    atomic_operations()
    message_move_tasks()
