"""What moto's CloudFormation lacks for the optional stacks: a user pool and a firewall."""

from typing import Any

from moto.cloudformation import parsing
from moto.cognitoidp.models import cognitoidp_backends
from moto.core.common_models import CloudFormationModel
from moto.wafv2.models import wafv2_backends


class _Made(CloudFormationModel):
    """A resource that was made by its service's own backend: what a template can say of it."""

    def __init__(self, reference: str, **attributes: str) -> None:
        self.physical_resource_id = reference
        self._attributes = attributes

    @staticmethod
    def cloudformation_name_type() -> str:
        """The names in the templates are what counts."""
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Only those that the templates ask for are given."""
        return True

    def get_cfn_attribute(self, attribute: str) -> str:
        """KeyError where a template asks for more."""
        return self._attributes[attribute]


def _make(kind: str, create: Any, delete: Any = None) -> None:
    """Let CloudFormation make resources of a type; moto finds its classes by their parent."""

    def create_from_cloudformation_json(
        cls: type[_Made], /, name: str, resource: Any, account: str, region: str, **named: Any
    ) -> _Made:
        reference, attributes = create(resource["Properties"], account, region)
        return cls(reference, **attributes)

    def delete_from_cloudformation_json(
        cls: type[_Made], /, name: str, resource: Any, account: str, region: str
    ) -> None:
        if delete is not None:
            delete(name, account, region)

    methods = {
        "cloudformation_type": staticmethod(lambda: kind),
        "create_from_cloudformation_json": classmethod(create_from_cloudformation_json),
        "delete_from_cloudformation_json": classmethod(delete_from_cloudformation_json),
    }
    parsing.get_model_map()[kind] = type(kind.replace(":", ""), (_Made,), methods)


def make_optional_resources() -> None:
    """Let CloudFormation make what infra/userpool.yaml and infra/edge.yaml name."""
    _make("AWS::Cognito::UserPool", _user_pool)
    _make("AWS::Cognito::UserPoolClient", _user_pool_client)
    _make("AWS::WAFv2::IPSet", _ip_set, _delete_ip_set)
    _make("AWS::WAFv2::WebACL", _web_acl, _delete_web_acl)
    _make("AWS::WAFv2::WebACLAssociation", _association, _delete_association)


_MadeBy = tuple[str, dict[str, str]]
"""What Ref gives of a resource, and what GetAtt gives of it by name."""


def _user_pool(said: dict[str, Any], account: str, region: str) -> _MadeBy:
    pool = cognitoidp_backends[account][region].create_user_pool(
        said["UserPoolName"], {name: value for name, value in said.items() if name != "UserPoolName"}
    )
    issuer = f"https://cognito-idp.{region}.amazonaws.com/{pool.id}"
    return pool.id, {"Arn": pool.arn, "ProviderURL": issuer}


def _user_pool_client(said: dict[str, Any], account: str, region: str) -> _MadeBy:
    rest = {name: value for name, value in said.items() if name not in ("UserPoolId", "GenerateSecret")}
    client = cognitoidp_backends[account][region].create_user_pool_client(
        said["UserPoolId"], generate_secret=said["GenerateSecret"], extended_config=rest
    )
    return client.id, {"ClientId": client.id}


def _ip_set(said: dict[str, Any], account: str, region: str) -> _MadeBy:
    made = wafv2_backends[account][region].create_ip_set(
        said["Name"], said["Scope"], "", said["IPAddressVersion"], said["Addresses"], []
    )
    return made.arn, {"Arn": made.arn}


def _delete_ip_set(arn: str, account: str, region: str) -> None:
    wafv2_backends[account][region].ip_sets.pop(arn)


def _web_acl(said: dict[str, Any], account: str, region: str) -> _MadeBy:
    made = wafv2_backends[account][region].create_web_acl(
        said["Name"],
        said["VisibilityConfig"],
        said["DefaultAction"],
        said["Scope"],
        said["Description"],
        [],
        said["Rules"],
        None,
        None,
        None,
        None,
        None,
    )
    return made.arn, {"Arn": made.arn}


def _delete_web_acl(arn: str, account: str, region: str) -> None:
    wafv2_backends[account][region].wacls.pop(arn)


def _association(said: dict[str, Any], account: str, region: str) -> _MadeBy:
    wafv2_backends[account][region].associate_web_acl(said["WebACLArn"], said["ResourceArn"])
    return said["ResourceArn"], {}


def _delete_association(resource: str, account: str, region: str) -> None:
    wafv2_backends[account][region].disassociate_web_acl(resource)
