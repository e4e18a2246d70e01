// One Muster: a resource group with the function app and what it stands on, and its roles at every scope it watches.
// Event subscriptions come after the code (events.bicep, run by the postdeploy hook): Event Grid checks that the
// function exists.
targetScope = 'subscription'

@minLength(1)
@maxLength(32)
@description('Name of the azd environment; part of every name, and how several Musters are told apart.')
param environmentName string

@minLength(1)
@description('Region of everything that has one.')
param location string

@allowed(['report', 'enforce'])
@description('MUSTER_MODE. It also chooses the role: report gets the reader, enforce the operator.')
param mode string = 'report'

@description('Ids of the subscriptions whose clusters are watched.')
param subscriptions array

@description('Names of management groups whose clusters are watched.')
param managementGroups array = []

@description('MUSTER_STOP: no write to any cluster.')
param stop bool = false

@description('MUSTER_SWEEP_SCHEDULE: NCRONTAB, six fields, UTC.')
param sweepSchedule string = '0 */15 * * * *'

@description('The policy lies in a blob that Muster may only read, instead of in the package.')
param policyInBlob bool = false

@allowed(['function', 'queue'])
@description('How Event Grid delivers: to the function, or to a queue by managed identity (needed with private endpoints).')
param eventDelivery string = 'function'

@description('The optional parts of the role, as the policy needs them: make relay objects (Arc), look into AKS clusters (verification.aks), register resource providers (preflight.registerProviders).')
param capabilities object = {
  relay: true
  verification: true
  registration: false
}

@allowed([512, 2048, 4096])
@description('Memory of an instance in MiB.')
param instanceMemoryMB int = 2048

@minValue(40)
@maxValue(1000)
@description('The most instances of one function.')
param maximumInstanceCount int = 40

@minValue(1)
@maxValue(100)
@description('HTTP requests at once in one instance; the platform default for Python is 1.')
param httpConcurrency int = 16

@description('Instances kept ready, as [{name, instanceCount}]; name is http or function:<name>.')
param alwaysReady array = []

@description('Client id of the Entra application (hooks/entra-app.sh makes it). Empty: function keys guard the API.')
param authClientId string = ''

@description('A Key Vault of its own for certificates, readable by Muster.')
param keyVault bool = false

@description('An Event Grid topic for notices: what was installed, failed, drifted, waits for a person.')
param notifications bool = false

@description('Whom alerts are mailed to. Empty: alerts are raised and nobody is told.')
param alertEmail string = ''

@description('Subnet for outgoing traffic, delegated to Microsoft.App/environments. Empty: none.')
param integrationSubnetId string = ''

@description('Subnet for private endpoints of the storage accounts. Empty: they answer from everywhere, to identities only.')
param endpointSubnetId string = ''

@description('Private DNS zones of that network, by service: {blob, queue, table}, each a resource id.')
param privateDnsZones object = {}

var tags = {
  'azd-env-name': environmentName
}
var token = uniqueString(subscription().id, environmentName, location)
var groupScope = empty(managementGroups) ? '' : 'managementGroups/${join(managementGroups, ',managementGroups/')}'

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-muster-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-muster-${environmentName}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stmuster${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    open: empty(endpointSubnetId)
  }
}

module policyStore 'modules/policy-store.bicep' = if (policyInBlob) {
  name: 'policy-store'
  scope: group
  params: {
    name: 'stpolicy${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    open: empty(endpointSubnetId)
  }
}

module vault 'modules/vault.bicep' = if (keyVault) {
  name: 'vault'
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module notices 'modules/notifications.bicep' = if (notifications) {
  name: 'notifications'
  scope: group
  params: {
    name: 'evgt-muster-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
  }
}

module endpoints 'modules/private-endpoints.bicep' = if (!empty(endpointSubnetId)) {
  name: 'private-endpoints'
  scope: group
  params: {
    location: location
    tags: tags
    storageAccountId: storage.outputs.id
    subnetId: endpointSubnetId
    dnsZones: privateDnsZones
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-muster-${token}'
    location: location
    tags: union(tags, { 'azd-service-name': 'muster' })
    identityId: identity.outputs.id
    clientId: identity.outputs.clientId
    storageAccountName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    insightsConnection: monitoring.outputs.connectionString
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    alwaysReady: alwaysReady
    integrationSubnetId: integrationSubnetId
    authClientId: authClientId
    eventDelivery: eventDelivery
    eventsEndpoint: notifications ? notices.outputs.endpoint : ''
    mode: mode
    scope: empty(managementGroups) ? join(subscriptions, ',') : '${join(subscriptions, ',')},${groupScope}'
    stop: stop
    sweepSchedule: sweepSchedule
    policy: policyInBlob ? policyStore.outputs.policyUrl : 'policy.yaml'
    instanceId: environmentName
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module roles 'roles.bicep' = [
  for id in subscriptions: {
    name: 'muster-roles-${environmentName}'
    scope: subscription(id)
    params: {
      environmentName: environmentName
      principalId: identity.outputs.principalId
      mode: mode
      capabilities: capabilities
    }
  }
]

module groupRoles 'roles-management-group.bicep' = [
  for name in managementGroups: {
    name: 'muster-roles-${environmentName}'
    scope: managementGroup(name)
    params: {
      environmentName: environmentName
      principalId: identity.outputs.principalId
      mode: mode
      capabilities: capabilities
    }
  }
]

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output MUSTER_APP_ID string = app.outputs.id
output MUSTER_APP_NAME string = app.outputs.name
output MUSTER_APP_URL string = app.outputs.url
output MUSTER_STORAGE_ID string = storage.outputs.id
output MUSTER_EVENTS_TOPIC_ID string = notifications ? notices.outputs.id : ''
output MUSTER_EVENT_DELIVERY string = eventDelivery
output MUSTER_SUBSCRIPTIONS string = join(subscriptions, ',')
