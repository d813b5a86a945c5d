"""The documented commands of Chalice and the AWS command line that deploy a package without this one."""

import shlex
from collections.abc import Iterator

from infra.deploy.console import heading
from infra.deploy.deployment import Deployment
from infra.deploy.package import Package, chalice_options
from infra.deploy.stage import Stage
from infra.environment import DEPLOY_HOME, ROOT


def show(package: Package, stage: Stage, deployment: Deployment) -> None:
    """Print the commands, each on a line that a shell takes."""
    heading("The same by hand")
    for command in commands(package, stage, deployment):
        print(shlex.join(command), flush=True)


def commands(package: Package, stage: Stage, deployment: Deployment) -> Iterator[list[str]]:
    """Yield the commands in their order."""
    folder = package.folder.relative_to(ROOT)
    chalice = str((DEPLOY_HOME / "bin" / "chalice").relative_to(ROOT))
    options = chalice_options(stage.name)
    bucket = deployment.bootstrap["ArtefactBucket"]
    yield [
        "env",
        f"AWS_DEFAULT_REGION={stage.region}",
        "PYTHONDONTWRITEBYTECODE=1",
        chalice,
        "--project-dir",
        f"{folder}/project",
        *options,
    ]
    packaged = f"{folder}/packaged.yaml"
    yield [
        *("aws", "--region", stage.region, "cloudformation", "package"),
        *("--template-file", f"{folder}/out/sam.json"),
        *("--s3-bucket", bucket, "--output-template-file", packaged),
    ]
    yield [
        *("aws", "--region", stage.region, "cloudformation", "deploy", "--stack-name", stage.stack),
        *("--template-file", packaged, "--s3-bucket", bucket),
        *("--role-arn", deployment.bootstrap["CloudFormationRoleArn"]),
        *("--parameter-overrides", f"file://{folder}/parameters.json"),
        *("--capabilities", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
    ]
