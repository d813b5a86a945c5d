"""Values as DynamoDB attributes and back, by their Python types.

It covers whole numbers, strings, bytes, booleans, enums of strings, dataclasses of these, and tuples.
None is not stored.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


def encode(value: Any) -> dict[str, Any]:
    """Return the attribute that holds a value."""
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, tuple):
        return {"L": [encode(one) for one in value]}
    return {"M": encode_fields(value)}


def encode_fields(value: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as attributes, without those that are None."""
    given = ((field.name, getattr(value, field.name)) for field in fields(value))
    return {name: encode(one) for name, one in given if one is not None}


def decode(kind: Any, attribute: Any) -> Any:
    """Return the value of a type that an attribute holds.

    Raises KeyError, TypeError or ValueError if it holds something else.
    """
    if kind is bool:
        if not isinstance(attribute["BOOL"], bool):
            raise TypeError(attribute)
        return attribute["BOOL"]
    if kind is int:
        return int(attribute["N"])
    if kind is bytes:
        return bytes(attribute["B"])
    if kind is str or (isinstance(kind, type) and issubclass(kind, StrEnum)):
        return kind(attribute["S"])
    if get_origin(kind) is tuple:
        return tuple(decode(get_args(kind)[0], one) for one in attribute["L"])
    return kind(**decode_fields(kind, attribute["M"]))


def decode_fields(kind: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a dataclass that the attributes hold. Absent optional ones are None."""
    values: dict[str, Any] = {}
    for name, inner, optional in field_kinds(kind):
        if name in attributes or not optional:
            values[name] = decode(inner, attributes[name])
        else:
            values[name] = None
    return values


@cache
def field_kinds(kind: Any) -> list[tuple[str, Any, bool]]:
    """Return name, type and optionality of each field of a dataclass."""
    assert is_dataclass(kind)
    hints = get_type_hints(kind)
    kinds = []
    for field in fields(kind):
        hint = hints[field.name]
        optional = isinstance(hint, UnionType)
        inner = next(one for one in get_args(hint) if one is not type(None)) if optional else hint
        kinds.append((field.name, inner, optional))
    return kinds
