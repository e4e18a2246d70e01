// What somebody has to be told. Each rule reads Muster's own lines of log; docs/operations.md says what to do.
param environmentName string
param location string
param tags object
param workspaceId string

@description('Whom to mail. Empty: alerts are raised in the portal only.')
param email string

var lines = 'AppTraces | extend line = parse_json(Message) | extend event = tostring(line.event) | where isnotempty(event)'
var rules = [
  {
    name: 'sweep-overdue'
    text: 'No sweep in an hour: the app is down, or its schedule is not what you think.'
    severity: 1
    query: '${lines} | where event == "sweep"'
    operator: 'LessThan'
    threshold: 1
    every: 'PT15M'
    window: 'PT1H'
  }
  {
    name: 'sweep-partial'
    text: 'Sweeps see less than they should: a role was lost, Resource Graph refuses, or clusters vanished. Nothing is removed meanwhile.'
    severity: 2
    query: '${lines} | where event == "sweep" and line.whole == false'
    operator: 'GreaterThanOrEqual'
    threshold: 2
    every: 'PT15M'
    window: 'PT1H'
  }
  {
    name: 'poison'
    text: 'A request about a cluster failed every time. muster letters shows it.'
    severity: 2
    query: '${lines} | where event == "poisoned"'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT5M'
    window: 'PT15M'
  }
  {
    name: 'breaker-open'
    text: 'Automatic repair is stopped: one class of failure shows in too large a share of the fleet.'
    severity: 1
    query: '${lines} | where event == "sweep" and toint(line.holds.breaker) > 0'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'failure-share'
    text: 'More than one managed cluster in twenty has a failed extension.'
    severity: 2
    query: '${lines} | where event == "sweep" and toint(line.failed) * 20 > toint(line.managed)'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'approvals-ageing'
    text: 'Something has waited for an approval for a whole day. GET /api/approvals shows what.'
    severity: 3
    query: '${lines} | where event == "sweep" | summarize waited = min(coalesce(toint(line.holds.approval), 0)), sweeps = count() | where waited > 0 and sweeps > 12'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT6H'
    window: 'P1D'
  }
  {
    name: 'certificate-expiring'
    text: 'A certificate that endpoints serve runs out within thirty days, and Key Vault has no newer one.'
    severity: 2
    query: '${lines} | where event == "certificate-expiring"'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT6H'
    window: 'P1D'
  }
  {
    name: 'policy-refused'
    text: 'The newest policy document is not in force: it does not validate. GET /api/policy says why.'
    severity: 2
    query: '${lines} | where event in ("policy-refused", "policy-unreadable")'
    operator: 'GreaterThan'
    threshold: 0
    every: 'PT15M'
    window: 'PT30M'
  }
  {
    name: 'audit-unwritten'
    text: 'Records of decisions cannot be appended to the audit. None is lost while they wait; docs/audit.md.'
    severity: 2
    query: '${lines} | where event in ("audit-unwritten", "audit-broken")'
    operator: 'GreaterThan'
    threshold: 1
    every: 'PT15M'
    window: 'PT1H'
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-muster-${environmentName}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'muster'
    emailReceivers: [
      {
        name: 'owner'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alert 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for rule in rules: {
    name: 'muster-${environmentName}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Muster ${environmentName}: ${rule.name}'
      description: rule.text
      severity: rule.severity
      enabled: true
      scopes: [
        workspaceId
      ]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: empty(email) ? [] : [people.id]
      }
    }
  }
]
