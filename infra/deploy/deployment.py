"""One stage's deployment: package, plan, execute, check; and back to the release before."""

from collections.abc import Mapping
from typing import Any

from infra import templates
from infra.deploy import judge, link, preflight, smoke
from infra.deploy.console import Stop, heading, line
from infra.deploy.package import Package, build_package, by_hand
from infra.deploy.releases import Bucket, Release
from infra.deploy.stacks import ChangeSet, Stacks
from infra.deploy.stage import API_STAGE, Stage
from infra.deploy.template_json import as_json, parameters_of


class Deployment:
    """Carries out the deployment of one stage, by the outputs of its bootstrap."""

    def __init__(self, session: Any, stage: Stage, bootstrap: dict[str, str]) -> None:
        self._session = session
        self._stage = stage.with_user_pool(bootstrap) if stage.userpool else stage
        self._bootstrap = bootstrap
        self._stacks = Stacks(session.client("cloudformation"), bootstrap["CloudFormationRoleArn"])
        self._bucket = Bucket(session.client("s3"), bootstrap["ArtefactBucket"])

    def plan(self) -> tuple[Release, ChangeSet | None]:
        """Package the stage and print its change set; the release, and the change set if any."""
        package = self.package()
        heading("Change set")
        serving = self._outputs().get("Release")
        before = serving if serving != package.release else self._before(serving)
        release = self._bucket.upload(package, before)
        return release, self._plan(release, release.parameters)

    def plan_only(self) -> None:
        """Print what a deployment would change, and change nothing."""
        for change_set in (self.plan()[1], self._plan_edge()):
            if change_set is not None:
                self._stacks.discard(change_set)
        line("planned      nothing was changed")

    def run(self) -> None:
        """Deploy the stage."""
        release, change_set = self.plan()
        if change_set is not None:
            self._bucket.record(release)
            self._stacks.execute(change_set)
        self._finish()
        self._check_alias()
        self._say_what_next()

    def go_back(self) -> None:
        """Return to the release before, but for what the data decides. Raises Stop if there is none."""
        heading(f"Rollback of {self._stage.name}")
        release = self._bucket.find(self._before(self._outputs().get("Release")))
        if release is None:
            raise Stop(f"no release before this one is recorded in {self._bucket.name}.")
        change_set = self._plan(release, release.parameters | self._from_data())
        if change_set is not None:
            self._stacks.execute(change_set)
        self._finish()
        line(f"done         {release.id} serves; make deploy goes forward: revert the commit first")

    def package(self) -> Package:
        """Check settings and quotas, package the stage, and have its templates judged."""
        stage, region = self._stage, self._stage.region
        preflight.check_settings(stage)
        reserved = self._stacks.parameters(stage.stack).get("Concurrency", "0")
        limit = preflight.check_quotas(self._session, stage, int(reserved))
        values = {**stage.parameters, **self._from_data(), "Stage": stage.name, "Concurrency": limit}
        values |= {"Rate": stage.rate, "Burst": stage.burst, "LogLevel": stage.log_level}
        heading("Package")
        package = build_package(stage, values, self._bootstrap["CodeDeployRoleArn"])
        package.artefacts.show()
        judge.judge(judge.translate(package.template, package.parameters, region), region)
        judge.judge(templates.read("edge"), region)
        line("templates    no error found by cfn-lint and cloudformation-validate")
        return package

    def by_hand(self) -> None:
        """Package the stage, and print the documented commands that deploy the package."""
        self.package()
        heading("The same by hand")
        role = self._bootstrap["CloudFormationRoleArn"]
        print("\n".join(by_hand(self._stage, self._bucket.name, role)))

    def _from_data(self) -> dict[str, str]:
        """Return what the data decides, with the stream asked of the table.

        The data stack does not know the stream of a table that was restored.
        """
        name = self._bootstrap["BindingsTable"]
        table = self._session.client("dynamodb").describe_table(TableName=name)["Table"]
        if not table.get("StreamSpecification", {}).get("StreamEnabled"):
            raise Stop(f"{name} has no stream, so nothing would be recorded: see docs/operations.md.")
        return {"KmsKey": self._bootstrap["KmsKey"], "BindingsStreamArn": table["LatestStreamArn"]}

    def _plan(self, release: Release, parameters: Mapping[str, str]) -> ChangeSet | None:
        url = {"TemplateURL": self._bucket.url(release)}
        return self._stacks.plan(self._stage.stack, parameters, url, undo=True)

    def _plan_edge(self) -> ChangeSet | None:
        """Plan the edge, which needs the API's id. Returns None if nothing is to change."""
        api = self._outputs().get("RestAPIId")
        if not self._stage.edge or api is None:
            return None
        values = {"Stage": self._stage.name, "RestApiId": api, "ApiStage": API_STAGE}
        template = templates.read("edge")
        parameters = parameters_of(template, {**self._stage.parameters, **values})
        body = {"TemplateBody": as_json(template)}
        return self._stacks.plan(self._stage.stack_of("edge"), parameters, body, undo=True)

    def _before(self, id: str | None) -> str | None:
        recorded = self._bucket.find(id)
        return recorded.before if recorded else None

    def _outputs(self) -> dict[str, str]:
        return self._stacks.outputs(self._stage.stack) or {}

    def _url(self) -> str:
        return smoke.url_of(self._session, self._outputs()["RestAPIId"])

    def _finish(self) -> None:
        """Bring the edge up to date, create missing keys, call the service, and link this clone."""
        edge = self._stage.stack_of("edge")
        if (change_set := self._plan_edge()) is not None:
            self._stacks.execute(change_set)
        if self._stage.edge:
            for name, value in (self._stacks.outputs(edge) or {}).items():
                line(f"{name:<12} {value}")
        elif self._stacks.describe(edge) is not None:
            line(f'warning      {self._stage.file} has "edge": false, but {edge} is still there')
        heading("Keys and smoke check")
        smoke.make_first_keys(self._session, self._stage)
        advice = " If the name is new, point it to NameTarget, wait for DNS, run the same again."
        smoke.check(self._stage.url or self._url(), advice if self._stage.url else "")
        link.write(self._session, self._stacks, self._stage)

    def _check_alias(self) -> None:
        """Warn if the alias was moved by hand: CloudFormation cannot see that."""
        found = dict(self._stacks.resources(self._stage.stack))["AWS::Lambda::Version"]
        alias = self._session.client("lambda").get_alias(FunctionName=self._stage.stack, Name="live")
        if not found.endswith(f":{alias['FunctionVersion']}"):
            line("warning      the alias live was moved by hand: the next release moves it on")

    def _say_what_next(self) -> None:
        """Print the addresses, and what is left to do."""
        outputs, stage, url = self._outputs(), self._stage, self._stage.url or self._url()
        heading(f"{stage.name} is deployed")
        line(f"release      {outputs['Release']}")
        line(f"API          {url}")
        line(f"key set      {url}/.well-known/jwks.json")
        heading("Next")
        line("- give the trading gateway the key set's address, PASS_ISSUER and PASS_AUDIENCE")
        line("- attach these policies to the people that their names say:")
        for arn in (arn for name, arn in self._bootstrap.items() if name.endswith("PolicyArn")):
            line(f"    {arn}")
        line("- subscribe whoever is on duty to the alarms, and confirm by the mail that comes:")
        line(f"    aws sns subscribe --region {stage.region} --protocol email \\")
        line(f"      --topic-arn {outputs['OperationsTopic']} --notification-endpoint <address>")
