"""DynamoDB: atomic requests, queries that touch only their partition."""

import copy

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


def apply():
    core.serialize(DynamoHandler)
    query_one_partition()
