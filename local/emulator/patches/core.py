"""Patches for all services: the cost of a request, atomicity."""

import functools
import threading

import moto.core.responses as responses
import moto.core.utils as utils


def cache_method_names():
    """moto inspects the handler class on every request: about a millisecond for the large ones."""
    cached = functools.cache(utils.method_names_from_class)
    utils.method_names_from_class = cached
    responses.method_names_from_class = cached


def remember_backends():
    """moto scans its own source folder twice per request to find the service of a host name."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

    original = DomainDispatcherApplication.get_backend_for_host
    known = {}

    def get_backend_for_host(self, host):
        backend = known.get(host)
        if backend is None:
            backend = known[host] = original(self, host)
        return backend

    DomainDispatcherApplication.get_backend_for_host = get_backend_for_host


def cheap_serialization():
    """moto finds each member of each structure of a response by asking five providers for aliases, and builds a path
    for it: half of the time of a request that returns items. The keys looked up in a plain dict depend only on the
    shape, and are cached here."""

    from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker

    original = ResponseSerializer.get_value
    keys_by_member = {}

    def possible_keys(self, value, key, shape):
        context = AttributePickerContext(obj=value, key=key, shape=shape)
        return tuple(dict.fromkeys(self._value_picker.get_possible_keys(context)))

    def get_value(self, value, key, shape):
        picker = self._value_picker
        if type(value) is not dict or type(picker) is not XFormedAttributePicker or picker.response_transformers:
            return original(self, value, key, shape)
        if key in value:
            return value[key]
        member = (self.operation_model.service_model.service_name, shape.parent.name, key)
        keys = keys_by_member.get(member)
        if keys is None:
            keys = keys_by_member[member] = possible_keys(self, value, key, shape)
        for candidate in keys:
            if candidate in value:
                return value[candidate]
        return None

    ResponseSerializer.get_value = get_value


def remember_timestamps():
    """moto renders the time of each object of an S3 listing, parses it by guessing the format, and renders it again."""
    import moto.core.serialize as module

    original = module.parse_to_aware_datetime
    parse_text = functools.lru_cache(maxsize=8192)(original)
    module.parse_to_aware_datetime = lambda value: parse_text(value) if type(value) is str else original(value)


def serialize(*handler_classes):
    """Serializes the requests of a service, or of services that share state.

    moto checks, then acts, without a lock, and its server runs a thread per connection: two conditional puts could
    both succeed, two StartExecution calls of one name could both start. The interpreter lock lets only one thread
    compute at a time anyway, so this costs nothing. Not for operations that wait (ReceiveMessage, Invoke).
    """
    lock = threading.RLock()

    def lock_up(handler_class):
        call_action = handler_class.call_action

        def locked(self):
            with lock:
                return call_action(self)

        handler_class.call_action = locked

    for handler_class in handler_classes:
        lock_up(handler_class)


def apply():
    cache_method_names()
    remember_backends()
    cheap_serialization()
    remember_timestamps()
    from moto.events.responses import EventsHandler

    serialize(EventsHandler)
