"""DynamoDB: atomic requests, queries that touch only their partition."""

import copy

import moto.dynamodb.models as models
import moto.dynamodb.models.table as table
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.responses import DynamoHandler

from . import core


def query_one_partition():
    """moto sorts all items of the table on each query, by comparing typed values, and deep-copies the result. Here, a
    query without an index reads only its own partition. Requests are serialized, so that nothing changes meanwhile
    and the result of a query is never modified later."""

    query = table.Table.query
    all_items = table.Table.all_items

    def query_partition(self, hash_key, *args, **kwargs):
        index_name = kwargs.get("index_name", args[6] if len(args) > 6 else None)
        if index_name:
            return query(self, hash_key, *args, **kwargs)
        self.partition = hash_key
        try:
            return query(self, hash_key, *args, **kwargs)
        finally:
            self.partition = None

    def items_of_partition(self):
        hash_key = getattr(self, "partition", None)
        if hash_key is None:
            return all_items(self)
        found = self.items.get(hash_key)
        if found is None:
            return []
        return list(found.values()) if self.range_key_attr else [found]

    class CopyModule:
        copy = staticmethod(copy.copy)

        @staticmethod
        def deepcopy(value, memo=None):
            if type(value) is list and value and type(value[0]) is Item:
                return list(value)
            return copy.deepcopy(value, memo)

    table.Table.query = query_partition
    table.Table.all_items = items_of_partition
    table.copy = CopyModule


def undo_only_what_was_written():
    """moto copies whole tables before a transaction, to put them back if it fails: seconds for a ledger of many chunks.
    Here only the items that it writes are copied."""

    transact = models.DynamoDBBackend.transact_write_items

    class CopyModule:
        @staticmethod
        def deepcopy(value, memo=None):
            return value if isinstance(value, table.Table) else copy.deepcopy(value, memo)

    def place(self, operation):
        of = self.get_table(operation["TableName"])
        names = (of.hash_key_attr, of.range_key_attr)
        key = operation.get("Key") or operation["Item"]
        values = [models.DynamoType(key[name]) for name in names if name]
        items = of.items[values[0]] if of.range_key_attr else of.items
        return items, values[-1]

    def transact_write_items(self, transact_items):
        places = [place(self, operation) for item in transact_items for operation in item.values()]
        before = [copy.deepcopy(items.get(key)) for items, key in places]
        try:
            return transact(self, transact_items)
        except Exception:
            for (items, key), was in zip(places, before):
                if was is None:
                    items.pop(key, None)
                else:
                    items[key] = was
            raise

    models.copy = CopyModule
    models.DynamoDBBackend.transact_write_items = transact_write_items


def apply():
    core.serialize(DynamoHandler)
    query_one_partition()
    undo_only_what_was_written()
