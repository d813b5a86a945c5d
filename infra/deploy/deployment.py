"""One stage's deployment: package, plan, execute, check; and back to the release before."""

from collections.abc import Mapping
from typing import Any

from infra.deploy import judge, link, preflight, smoke, templates
from infra.deploy.console import Stop, heading, line
from infra.deploy.package import Package, build_package, show_sizes
from infra.deploy.releases import Bucket, Release, release_of
from infra.deploy.stacks import ChangeSet, Stacks
from infra.deploy.stage import API_STAGE, Stage
from infra.deploy.templates import as_json, parameters_of


class Deployment:
    """Carries out the deployment of one stage, by the outputs of its bootstrap."""

    def __init__(self, session: Any, stage: Stage, bootstrap: Mapping[str, str]) -> None:
        self._session = session
        self._stage = stage.with_user_pool(dict(bootstrap)) if stage.userpool else stage
        self.bootstrap = bootstrap
        self.stacks = Stacks(session.client("cloudformation"), bootstrap["CloudFormationRoleArn"])
        self._bucket = Bucket(session.client("s3"), bootstrap["ArtefactBucket"])

    def run(self, *, only_plan: bool) -> None:
        """Deploy, or print only what that would change."""
        package = self.package()
        heading("Package")
        show_sizes(package.artefacts)
        heading("Judges")
        self.check(package)
        heading("Change set")
        serving = self._serving()
        template = self._bucket.put_template(self._bucket.upload(package))
        release = release_of(package, template, serving if serving != package.release else None)
        change_set = self._plan(release)
        if only_plan:
            if change_set is not None:
                self.stacks.discard(change_set)
            self._plan_edge()
            line("planned      nothing was changed")
            return
        if change_set is not None:
            if serving != release.id or not self._bucket.has(release.id):
                self._bucket.record(release)
            self.stacks.execute(change_set)
        self._finish()
        say_what_next(self._stage, self._url(), self._outputs(), self.bootstrap)

    def go_back(self) -> None:
        """Return to the release before the serving one, by a change set.

        Raises Stop if there is none. What the data stack decides stays as it is now.
        """
        heading(f"Rollback of {self._stage.name}")
        serving = self._serving()
        if serving is None:
            raise Stop(f"{self._stage.name} is not deployed in {self._stage.region}.")
        before = self._bucket.release(serving).before
        if before is None:
            raise Stop(f"there is no release before {serving}.")
        release = self._bucket.release(before)
        now = {name: self._from_data()[name] for name in self._from_data() if name in release.parameters}
        change_set = self._plan(release, {**release.parameters, **now})
        if change_set is not None:
            self.stacks.execute(change_set)
        self._finish()
        line(
            f"done         {before} serves again; the next make deploy goes forward: revert the commit first"
        )

    def package(self) -> Package:
        """Check settings and quotas, and package the stage."""
        preflight.check_settings(self._stage)
        stack = self.stacks.describe(self._stage.stack) or {}
        given = {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}
        limit = preflight.check_quotas(self._session, self._stage, int(given.get("Concurrency", 0)))
        values: dict[str, object] = {
            **self._stage.parameters,
            **self._from_data(),
            "Stage": self._stage.name,
            "Rate": self._stage.rate,
            "Burst": self._stage.burst,
            "Concurrency": limit,
            "LogLevel": self._stage.log_level,
        }
        return build_package(self._stage, values, self.bootstrap["CodeDeployRoleArn"])

    def check(self, package: Package) -> None:
        """Raise Stop if a judge finds an error in a template that is about to be deployed."""
        region = self._stage.region
        judge.judge(
            "service.yaml", judge.translate(package.template, package.parameters, region), region
        )
        if self._stage.edge:
            judge.judge("edge.yaml", templates.read("edge"), region)
        line("templates    no error found by cfn-lint and cloudformation-validate")

    def _from_data(self) -> dict[str, str]:
        """Return what the data decides, with the stream asked of the table.

        The data stack does not know the stream of a table that was restored.
        """
        name = self.bootstrap["BindingsTable"]
        table = self._session.client("dynamodb").describe_table(TableName=name)["Table"]
        if not table.get("StreamSpecification", {}).get("StreamEnabled"):
            raise Stop(
                f"{name} has no stream, so that nothing would be recorded: enable it, as docs/operations.md "
                "says of a restored table."
            )
        return {"KmsKey": self.bootstrap["KmsKey"], "BindingsStreamArn": table["LatestStreamArn"]}

    def _plan(self, release: Release, parameters: Mapping[str, str] | None = None) -> ChangeSet | None:
        return self.stacks.plan(
            self._stage.stack,
            parameters or release.parameters,
            url=self._bucket.url(release.template),
            undo=True,
        )

    def _outputs(self) -> dict[str, str]:
        return self.stacks.outputs(self._stage.stack) or {}

    def _serving(self) -> str | None:
        """Return the id of the release that the stack is at."""
        return self._outputs().get("Release")

    def _url(self) -> str:
        return self._stage.url or smoke.url_of(self._session, self._outputs()["RestAPIId"])

    def _plan_edge(self) -> ChangeSet | None:
        """Plan the edge, which needs the API's id. Returns None if nothing is to change."""
        api = self._outputs().get("RestAPIId")
        if not self._stage.edge or api is None:
            return None
        values = {
            **self._stage.parameters,
            "Stage": self._stage.name,
            "RestApiId": api,
            "ApiStage": API_STAGE,
        }
        template = templates.read("edge")
        return self.stacks.plan(
            self._stage.stack_of("edge"),
            parameters_of(template, values),
            body=as_json(template),
            undo=True,
        )

    def _finish(self) -> None:
        """Bring the edge up to date, create missing keys, call the service, and link this clone."""
        edge = self._stage.stack_of("edge")
        if self._stage.edge:
            heading("Edge")
            change_set = self._plan_edge()
            if change_set is not None:
                self.stacks.execute(change_set)
            for name, value in (self.stacks.outputs(edge) or {}).items():
                line(f"{name:<12} {value}")
        elif self.stacks.describe(edge) is not None:
            line(
                f'warning      {self._stage.file} has "edge": false, but {edge} is there: delete that stack'
            )
        heading("Keys")
        smoke.make_first_keys(self._session, self._stage)
        heading("Smoke check")
        smoke.check(self._url(), own_name=self._stage.url is not None)
        api = smoke.url_of(self._session, self._outputs()["RestAPIId"])
        link.write(self.stacks, self._stage, api)


def say_what_next(
    stage: Stage, url: str, outputs: Mapping[str, str], bootstrap: Mapping[str, str]
) -> None:
    """Print the addresses, and what is left to do."""
    heading(f"{stage.name} is deployed")
    line(f"API          {url}")
    line(f"key set      {url}/.well-known/jwks.json")
    line(f"release      {outputs.get('Release')}")
    heading("Next")
    line("- give the trading gateway the key set's address, PASS_ISSUER and PASS_AUDIENCE")
    line("- attach these policies to the people that their names say:")
    for name, arn in bootstrap.items():
        if name.endswith("PolicyArn"):
            line(f"    {arn}")
    line("- subscribe whoever is on duty to the alarms, and confirm by the mail that comes:")
    line(f"    aws sns subscribe --region {stage.region} --topic-arn {outputs['OperationsTopic']} \\")
    line("      --protocol email --notification-endpoint <address>")
    line(f"- Chalice's own commands work: .venv-deploy/bin/chalice logs --stage {stage.name}")
    line(f"- make rollback STAGE={stage.name} returns to the release before")
