"""Replaces slow parts of moto with fast ones that give the same answers.

Calls run one at a time. With a few thousand audit rows, slow calls would delay all others.
"""

import copy
from collections import defaultdict
from functools import cache
from typing import Any

import yaml
from moto.cloudformation.models import Stack
from moto.cloudformation.utils import yaml_tag_constructor
from moto.core import responses, utils
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

_YAML: Any = getattr(yaml, "CLoader", yaml.Loader)
"""libyaml, if PyYAML was built with it."""


def speed_up() -> None:
    """Replace the slow parts. Call it once in a process."""
    _query_one_hash_key()
    _serialize_one_type_of_a_value()
    _cache_constant_lookups()
    _parse_templates_with_libyaml()


def _query_one_hash_key() -> None:
    """Search only the items of the query's hash key, not those of all keys."""
    query = Table.query

    def query_one(self: Table, hash_key: DynamoType | None, *args: Any, **kwargs: Any) -> Any:
        if self.range_key_attr is None or self.all_indexes():
            return query(self, hash_key, *args, **kwargs)
        narrow = copy.copy(self)
        narrow.items = defaultdict(dict, {hash_key: self.items.get(hash_key, {})})
        return query(narrow, hash_key, *args, **kwargs)

    Table.query = query_one  # type: ignore[method-assign]


def _serialize_one_type_of_a_value() -> None:
    """Serialize only the type that a DynamoDB value has. moto tries all ten types, by every name."""
    write = BaseJSONSerializer._serialize_type_structure

    def write_one(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name != "AttributeValue" or not isinstance(value, dict):
            return write(self, serialized, value, shape, key)
        wrapper: dict[str, Any] = {}
        for name, inner in value.items():
            self._serialize(wrapper, inner, shape.members[name], name)
        self._default_serialize(serialized, wrapper, shape, key)
        return None

    BaseJSONSerializer._serialize_type_structure = write_one  # type: ignore[method-assign]


def _cache_constant_lookups() -> None:
    """Cache the service of a host, and the methods and nodes of a class. moto repeats each lookup."""
    traverser: Any = ast_nodes.DepthFirstTraverser  # type: ignore[attr-defined]
    nodes = traverser.nodes_to_be_processed
    kinds: dict[type[Any], Any] = {}

    def known_nodes(self: Any) -> Any:
        if (known := kinds.get(type(self))) is None:
            known = kinds[type(self)] = nodes(self)
        return known

    traverser.nodes_to_be_processed = known_nodes
    methods = cache(utils.method_names_from_class)
    responses.method_names_from_class = methods  # type: ignore[attr-defined]
    dispatcher = DomainDispatcherApplication
    dispatcher.get_backend_for_host = cache(dispatcher.get_backend_for_host)  # type: ignore[method-assign]


def _parse_templates_with_libyaml() -> None:
    """Parse templates with PyYAML's C library, which is ten times as fast."""
    yaml.add_multi_constructor("", yaml_tag_constructor, _YAML)

    def parse_template(template: str) -> Any:
        return yaml.load(template, _YAML)  # noqa: S506 - the project's own templates, as moto reads them

    Stack.parse_template = staticmethod(parse_template)  # type: ignore[method-assign]
