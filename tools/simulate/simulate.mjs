// Judges the calls of a request, JSON on standard input, by its policies: see simulate.go for the shapes of both.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const request = JSON.parse(readFileSync(0, 'utf8'))
const verdicts = []
for (const call of request.calls) {
  const identity = Object.entries(request.identity[call.principal] ?? {})
  const found = await runSimulation(
    {
      request: {
        principal: call.principal,
        action: call.action,
        resource: { resource: call.resource, accountId: request.account },
        contextVariables: call.context
      },
      identityPolicies: identity.map(([name, policy]) => ({ name, policy })),
      ...(call.policy ? { resourcePolicy: request.resource[call.policy] } : {}),
      serviceControlPolicies: [],
      resourceControlPolicies: []
    },
    {}
  )
  verdicts.push(
    found.resultType === 'error'
      ? { result: 'Invalid', reason: JSON.stringify(found.errors) }
      : { result: found.overallResult }
  )
}
process.stdout.write(JSON.stringify(verdicts))
