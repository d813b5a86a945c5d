// Questions in on standard input, answers out: an array of {policies, resourcePolicy, principal,
// action, resource, account, context}, and for each whether IAM would allow it.
//
// The strict simulation drops context keys with a variable in their name, such as
// kms:EncryptionContext:purpose; the other one takes any name. So one finds misspelt actions, policies
// and resources, and the other decides.
import { createValidatedPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'
import { text } from 'node:stream/consumers'

const resourcePolicies = new Map()

function validated(policy) {
  const key = JSON.stringify(policy)
  if (!resourcePolicies.has(key)) {
    resourcePolicies.set(key, createValidatedPolicy(policy, validateResourcePolicy, { name: 'resource' }))
  }
  return resourcePolicies.get(key)
}

async function judge(question) {
  const { principal, action, resource, account, context } = question
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: question.policies.map((policy, index) => ({ name: `policy${index}`, policy })),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: question.resourcePolicy && validated(question.resourcePolicy),
    permissionBoundaryPolicies: undefined
  }
  if (question.strict) {
    const checked = await runSimulation(simulation, { simulationMode: 'Strict' })
    if (checked.resultType === 'error') return { error: checked.errors }
  }
  return { allowed: runUnsafeSimulation(simulation, {}) === 'Allowed' }
}

const answers = []
for (const question of JSON.parse(await text(process.stdin))) answers.push(await judge(question))
process.stdout.write(JSON.stringify(answers))
