"""Where moto takes the long way round, the short one: the same answers, many times sooner.

A few thousand audit rows would otherwise hold up every call, since calls are let in one at a time.
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
"""libyaml, where PyYAML was built with it."""


def take_shortcuts() -> None:
    """Take them from here on. To be called once in a process."""
    _query_under_one_key()
    _write_the_one_type_of_a_value()
    _find_out_once_what_never_changes()
    _read_templates_by_libyaml()


def _query_under_one_key() -> None:
    """A query of a table looks at the items of its own hash key, not at those of all."""
    query = Table.query

    def query_under(self: Table, hash_key: DynamoType | None, *how: Any, **more: Any) -> Any:
        if self.range_key_attr is None or self.all_indexes():
            return query(self, hash_key, *how, **more)
        narrow = copy.copy(self)
        narrow.items = defaultdict(dict, {hash_key: self.items.get(hash_key, {})})
        return query(narrow, hash_key, *how, **more)

    Table.query = query_under  # type: ignore[method-assign]


def _write_the_one_type_of_a_value() -> None:
    """A value of DynamoDB's has one type out of ten; moto tries all of them, by every name."""
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


def _find_out_once_what_never_changes() -> None:
    """Which service a host is of, which methods and nodes a class has: moto asks anew at each call."""
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


def _read_templates_by_libyaml() -> None:
    """A template is read ten times as fast by the library that PyYAML brings in C."""
    yaml.add_multi_constructor("", yaml_tag_constructor, _YAML)

    def parse_template(template: str) -> Any:
        return yaml.load(template, _YAML)  # noqa: S506 - the project's own templates, as moto reads them

    Stack.parse_template = staticmethod(parse_template)  # type: ignore[method-assign]
