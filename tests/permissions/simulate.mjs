// Questions in on standard input, answers out. The input is {policies, questions}: a question names its
// policies by their place in the list, and has principal, action, resource, account and context. The answer
// says whether IAM would allow it.
//
// The strict simulation drops context keys with a variable in their name, such as
// kms:EncryptionContext:purpose; the other one takes any name. So one finds misspelt actions, policies
// and resources, and the other decides.
import { createValidatedPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'
import { text } from 'node:stream/consumers'

const { policies, questions } = JSON.parse(await text(process.stdin))
const validated = new Map()

function named(index) {
  return { name: `policy${index}`, policy: policies[index] }
}

function resourcePolicy(index) {
  if (index === null) return undefined
  if (!validated.has(index)) {
    validated.set(index, createValidatedPolicy(policies[index], validateResourcePolicy, { name: 'resource' }))
  }
  return validated.get(index)
}

async function judge(question) {
  const { principal, action, resource, account, context } = question
  const simulation = {
    request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
    identityPolicies: question.policies.map(named),
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    resourcePolicy: resourcePolicy(question.resourcePolicy),
    permissionBoundaryPolicies: question.boundary === null ? undefined : [named(question.boundary)]
  }
  if (question.strict) {
    const checked = await runSimulation(simulation, { simulationMode: 'Strict' })
    if (checked.resultType === 'error') return { error: checked.errors }
  }
  return { allowed: runUnsafeSimulation(simulation, {}) === 'Allowed' }
}

const answers = []
for (const question of questions) answers.push(await judge(question))
process.stdout.write(JSON.stringify(answers))
