"""What Chalice remembers of a deployment, kept in the account and mended from what is really there.

Chalice's only memory is a file that it writes at the very end of a deployment. Without it, after a
cut or in a second clone, it would make a second REST API and a second stream mapping.
"""

import json
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from infra.deploying.console import line
from infra.deploying.stage import APP, Stage
from infra.environment import ROOT

DEPLOYED = ROOT / ".chalice" / "deployed"

Entry = dict[str, Any]

_GONE = ("ResourceNotFoundException", "NotFoundException")


class Memory:
    """A stage's deployed resources as Chalice knows them, in Parameter Store."""

    def __init__(self, session: Any, stage: Stage, api_stage: str) -> None:
        self._ssm = session.client("ssm")
        self._lambda = session.client("lambda")
        self._api = session.client("apigateway")
        self._stage = stage
        self._api_stage = api_stage
        self._file = DEPLOYED / f"{stage.name}.json"

    def recall(self, functions: Iterable[str], stream: str | None = None) -> list[Entry]:
        """Write Chalice's file anew: what the account remembers, corrected by what it holds.

        The layer is left out: Chalice then publishes a new version and lets the old one be, which
        a rollback needs. Where a ``stream`` is given, readers of others are left out too: Chalice
        then has this one read, and what reads the stream of a table before may go on to its end.
        """
        remembered = self.read("chalice") or []
        names = {entry["name"] for entry in remembered if entry["resource_type"] == "lambda_function"}
        found = self._found({*functions, *names})
        mendable = ("lambda_layer", "lambda_function", "dynamodb_event", "rest_api")
        kept = [entry for entry in remembered if entry["resource_type"] not in mendable]
        entries = kept + [
            entry for entry in found if stream is None or entry.get("stream_arn", stream) == stream
        ]
        adopted = {entry["name"] for entry in found} - {entry["name"] for entry in remembered}
        if adopted:
            line(f"adopted      {', '.join(sorted(adopted))}: deployed, but not remembered")
        if entries:
            self._write_file(entries)
        else:
            self._file.unlink(missing_ok=True)
        return entries

    def keep(self) -> list[Entry]:
        """Remember in the account what Chalice has just written down; the entries."""
        entries: list[Entry] = json.loads(self._file.read_text("utf-8"))["resources"]
        self.store("chalice", entries)
        return entries

    def forget(self) -> None:
        """Remember nothing of this stage any more."""
        for name in ("chalice", "releases"):
            try:
                self._ssm.delete_parameter(Name=self._stage.parameter(name))
            except ClientError as error:
                if error.response["Error"]["Code"] != "ParameterNotFound":
                    raise
        self._file.unlink(missing_ok=True)

    def read(self, name: str) -> Any:
        """What was stored under a name; None where nothing was."""
        try:
            parameter = self._ssm.get_parameter(Name=self._stage.parameter(name))["Parameter"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return None
            raise
        return json.loads(parameter["Value"])

    def store(self, name: str, document: Any) -> None:
        """Store JSON under a name; a value over 4 KB goes to the advanced tier by itself."""
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        self._ssm.put_parameter(
            Name=self._stage.parameter(name),
            Value=text,
            Type="String",
            Tier="Intelligent-Tiering",
            Overwrite=True,
        )

    def rest_api(self) -> str | None:
        """The REST API in front of this stage's handler: the one that is served, else the oldest.

        It has the stage's name, or still the one that Chalice gives it.
        """
        handler = f":function:{self._stage.function('api_handler')}/"
        names = (self._stage.api, APP)
        pages = self._api.get_paginator("get_rest_apis").paginate()
        apis = [api for page in pages for api in page["items"] if api["name"] in names]
        apis.sort(key=lambda api: api["createdDate"])
        ours = [api["id"] for api in apis if self._leads_to(api["id"], handler)]
        served = [
            api
            for api in ours
            if any(
                one["stageName"] == self._api_stage
                for one in self._api.get_stages(restApiId=api)["item"]
            )
        ]
        if len(ours) > 1:
            line(f"found        {len(ours)} APIs of this stage: {(served or ours)[0]} is the one in use")
        return next(iter(served or ours), None)

    def _leads_to(self, api: str, handler: str) -> bool:
        pages = self._api.get_paginator("get_resources").paginate(restApiId=api, embed=["methods"])
        methods = [
            method
            for page in pages
            for resource in page["items"]
            for method in resource.get("resourceMethods", {}).values()
        ]
        return any(handler in method.get("methodIntegration", {}).get("uri", "") for method in methods)

    def _found(self, functions: Iterable[str]) -> list[Entry]:
        entries: list[Entry] = []
        for name in sorted(functions):
            try:
                arn = self._lambda.get_function(FunctionName=self._stage.function(name))[
                    "Configuration"
                ]["FunctionArn"]
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    continue
                raise
            entries.append({"name": name, "resource_type": "lambda_function", "lambda_arn": arn})
            entries += self._mappings(name, arn)
        if (api := self.rest_api()) is not None:
            entries.append({"name": "rest_api", "resource_type": "rest_api"} | self._urls(api))
        return entries

    def _mappings(self, name: str, arn: str) -> list[Entry]:
        mappings = self._lambda.list_event_source_mappings(FunctionName=arn)["EventSourceMappings"]
        return [
            {
                "name": f"{name}-dynamodb-event-source",
                "resource_type": "dynamodb_event",
                "stream_arn": mapping["EventSourceArn"],
                "event_uuid": mapping["UUID"],
                "lambda_arn": arn,
            }
            for mapping in mappings
        ]

    def _urls(self, api: str) -> Entry:
        host = f"{api}.execute-api.{self._stage.region}.amazonaws.com"
        return {"rest_api_id": api, "rest_api_url": f"https://{host}/{self._api_stage}/"}

    def _write_file(self, entries: list[Entry]) -> None:
        document = {"resources": entries, "schema_version": "2.0", "backend": "api"}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
