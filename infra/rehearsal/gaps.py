"""What moto lacks for a deployment by Chalice: named gap by gap, filled once for the emulator."""

import json
from types import SimpleNamespace
from typing import Any

from moto.apigateway.exceptions import BadRequestException
from moto.apigateway.models import APIGatewayBackend, Deployment, RestAPI
from moto.awslambda.exceptions import UnknownLayerException
from moto.awslambda.models import LambdaFunction, LayerVersion
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.iam.exceptions import IAMException
from moto.iam.models import ManagedPolicy, iam_backends
from moto.iam.responses import IamResponse
from moto.s3.models import get_canned_acl, s3_backends
from moto.utilities.utils import get_partition

CONCURRENCY = 1_000
"""Lambda's concurrent executions in an account without a raised quota."""


def fill_deployment_gaps() -> None:
    """Fill every gap of this module."""
    _take_swagger_for_rest_apis()
    _find_layers_by_arn()
    _tell_account_settings()
    _keep_what_cannot_be_updated()
    _refuse_to_simulate()
    _delete_deployments_that_nobody_sees()
    _recover_tables_in_time()
    _protect_stacks()
    _keep_what_outlives_its_stack()
    _know_updates_that_change_nothing()
    _delete_managed_policies()


def hand_out_code(base_url: str) -> None:
    """Let uploaded code and layers be fetched back: their locations lie in the emulator's own S3."""
    code_of, layer_of = LambdaFunction.get_code, LayerVersion.get_layer_version

    def publish(region: str, account: str, name: str, content: bytes) -> str:
        bucket = f"awslambda-{region}-tasks"
        store = s3_backends[account]["aws"]
        if bucket not in store.buckets:
            store.create_bucket(bucket, region)
        store.put_object(bucket, name, content)
        store.put_object_acl(bucket, name, get_canned_acl("public-read"))
        return f"{base_url}/{bucket}/{name}"

    def file_name(kind: str, digest: str) -> str:
        return f"{kind}-{digest.translate(str.maketrans('+/=', '-__'))}.zip"

    def get_code(self: LambdaFunction) -> dict[str, Any]:
        name = file_name("code", self.code_sha_256)
        location = publish(self.region, self.account_id, name, self.code_bytes)
        return code_of(self) | {"Code": {"RepositoryType": "S3", "Location": location}}

    def get_layer_version(self: LayerVersion) -> dict[str, Any]:
        answer = layer_of(self)
        name = file_name("layer", self.code_sha_256)
        location = publish(self.region, self.account_id, name, self.code_bytes)
        answer["Content"]["Location"] = location
        return answer

    LambdaFunction.get_code = get_code  # type: ignore[method-assign]
    LayerVersion.get_layer_version = get_layer_version  # type: ignore[method-assign]


def _take_swagger_for_rest_apis() -> None:
    """API Gateway takes Swagger 2.0 and its title, moto only OpenAPI 3 with a description."""
    import_api, put_api = APIGatewayBackend.import_rest_api, APIGatewayBackend.put_rest_api

    def as_openapi(document: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in document.items() if name != "swagger"}
        return rest | {"openapi": "3.0.1", "info": {"description": "", **document["info"]}}

    def import_rest_api(self: APIGatewayBackend, document: dict[str, Any], *rest: Any) -> Any:
        return import_api(self, as_openapi(document), *rest)

    def put_rest_api(
        self: APIGatewayBackend, api: str, document: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        written = put_api(self, api, as_openapi(document), *rest, **named)
        written.name = document["info"]["title"]
        return written

    APIGatewayBackend.import_rest_api = import_rest_api  # type: ignore[method-assign, assignment]
    APIGatewayBackend.put_rest_api = put_rest_api  # type: ignore[method-assign, assignment]


def _find_layers_by_arn() -> None:
    """Chalice asks whether a layer's version is there by its ARN."""

    def get_layer_version_by_arn(self: LambdaResponse) -> str:
        arn = self._get_param("Arn") or self._get_param("find")
        layer = self.backend.layers_versions_by_arn(arn)
        if layer is None:
            raise UnknownLayerException
        return json.dumps(layer.get_layer_version())

    LambdaResponse.get_layer_version_by_arn = get_layer_version_by_arn  # type: ignore[attr-defined]


def _tell_account_settings() -> None:
    """Lambda says how much of its concurrency is left."""

    def get_account_settings(self: LambdaResponse) -> str:
        limit = {"ConcurrentExecutions": CONCURRENCY, "UnreservedConcurrentExecutions": CONCURRENCY}
        return json.dumps({"AccountLimit": limit, "AccountUsage": {}})

    LambdaResponse.get_account_settings = get_account_settings  # type: ignore[attr-defined]
    url_paths[r"{0}/(?P<api_version>[^/]+)/account-settings/?$"] = LambdaResponse.dispatch


def _keep_what_cannot_be_updated() -> None:
    """A resource of a type that moto cannot update stays as it was, instead of vanishing."""
    update = parsing.parse_and_update_resource

    def parse_and_update_resource(
        logical_id: str, resource: Any, resources: Any, *rest: Any, **named: Any
    ) -> Any:
        updated = update(logical_id, resource, resources, *rest, **named)
        return resources._parsed_resources.get(logical_id) if updated is None else updated

    parsing.parse_and_update_resource = parse_and_update_resource  # type: ignore[assignment]


def _delete_deployments_that_nobody_sees() -> None:
    """Moto keeps every deployment of a stage that exists; AWS only the one that the stage shows."""

    def delete_deployment(self: RestAPI, deployment_id: str) -> Deployment:
        if any(stage.deployment_id == deployment_id for stage in self.stages.values()):
            raise BadRequestException("Active stages pointing to this deployment")
        return self.deployments.pop(deployment_id)

    RestAPI.delete_deployment = delete_deployment  # type: ignore[method-assign]


def _recover_tables_in_time() -> None:
    """CloudFormation turns on a table's point-in-time recovery where the template says so."""
    create = Table.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_recoverable(
        cls: type[Table], name: str, resource: Any, account: str, region: str, **named: Any
    ) -> Any:
        table = create(cls, name, resource, account, region, **named)
        wanted = resource["Properties"].get("PointInTimeRecoverySpecification")
        if wanted:
            dynamodb_backends[account][region].update_continuous_backups(table.name, wanted)
        return table

    Table.create_from_cloudformation_json = classmethod(create_recoverable)  # type: ignore[assignment, arg-type]


def _protect_stacks() -> None:
    """A stack that is protected from deletion stays until that is taken back."""
    delete = CloudFormationResponse.delete_stack

    def update_termination_protection(self: CloudFormationResponse) -> Any:
        stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
        wanted = self._get_param("EnableTerminationProtection")
        stack.enable_termination_protection = wanted in (True, "true")
        return ActionResult({"StackId": stack.stack_id})

    def delete_stack(self: CloudFormationResponse) -> Any:
        name = self._get_param("StackName")
        for stack in self.cloudformation_backend.stacks.values():
            if name in (stack.name, stack.stack_id) and stack.enable_termination_protection:
                raise ValidationError(message=f"Stack [{name}] cannot be deleted while it is protected")
        return delete(self)

    CloudFormationResponse.update_termination_protection = (  # type: ignore[attr-defined]
        update_termination_protection
    )
    CloudFormationResponse.delete_stack = delete_stack  # type: ignore[method-assign]


def _keep_what_outlives_its_stack() -> None:
    """Once it was created, RetainExceptOnCreate is Retain, the only policy that moto knows."""
    delete = parsing.ResourceMap.delete

    def delete_the_rest(self: parsing.ResourceMap) -> None:
        for resource in self._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(self)

    parsing.ResourceMap.delete = delete_the_rest  # type: ignore[method-assign]


def _know_updates_that_change_nothing() -> None:
    """Parameters are text; moto keeps numbers as numbers and then finds them changed."""
    validate = CloudFormationResponse._validate_different_update

    def validate_text(self: CloudFormationResponse, given: Any, body: str, stack: Any) -> None:
        text = {name: str(value) for name, value in stack.stack_parameters.items()}
        before = SimpleNamespace(name=stack.name, template=stack.template, stack_parameters=text)
        validate(self, given, body, before)  # type: ignore[arg-type]

    CloudFormationResponse._validate_different_update = validate_text  # type: ignore[method-assign, assignment]


def _delete_managed_policies() -> None:
    """A managed policy goes with its stack."""

    def delete(cls: type[ManagedPolicy], name: str, resource: Any, account: str, region: str) -> None:
        iam_backends[account][get_partition(region)].delete_policy(name)

    ManagedPolicy.delete_from_cloudformation_json = classmethod(delete)  # type: ignore[method-assign, assignment]


class _NotAllowed(IAMException):
    code = "AccessDenied"


def _refuse_to_simulate() -> None:
    """Moto has no policy simulator: asking it is refused, as IAM does to those who may not."""

    def simulate_principal_policy(self: IamResponse) -> Any:
        raise _NotAllowed("not authorized to perform: iam:SimulatePrincipalPolicy")

    IamResponse.simulate_principal_policy = simulate_principal_policy  # type: ignore[attr-defined]
