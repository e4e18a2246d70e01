// What one Muster may do below one management group: roles.bicep at that scope.
//
// One role, whose actions are those of the parts in force (roles/*.json): a deployment in report mode takes the
// writing ones back, which an assignment of a second role would leave behind.
targetScope = 'managementGroup'

param environmentName string
param principalId string

@allowed(['report', 'enforce'])
param mode string

@description('Which optional parts: {relay, verification, registration}.')
param capabilities object

var enforcing = mode == 'enforce'
var reader = loadJsonContent('roles/reader.json')
var operator = loadJsonContent('roles/operator.json')
var relay = loadJsonContent('roles/relay.json')
var verification = loadJsonContent('roles/verification.json')
var registration = loadJsonContent('roles/registration.json')
var actions = union(
  enforcing ? operator.actions : reader.actions,
  capabilities.verification ? verification.actions : [],
  enforcing && capabilities.relay ? relay.actions : [],
  enforcing && capabilities.registration ? registration.actions : []
)

resource definition 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(managementGroup().id, environmentName, 'muster')
  properties: {
    roleName: 'Muster (${environmentName}, ${managementGroup().name})'
    description: enforcing ? operator.description : reader.description
    type: 'CustomRole'
    permissions: [
      {
        actions: actions
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [
      managementGroup().id
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(managementGroup().id, principalId, 'muster')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: definition.id
    description: 'Muster ${environmentName}'
  }
}
