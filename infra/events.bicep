// The events of one monitored subscription, on their way to a Muster. Deployable many times, into each subscription;
// after the code, since Event Grid checks that the function exists.
targetScope = 'subscription'

@minLength(1)
@description('Which Muster these are for; part of the names.')
param environmentName string

@description('Region of the resource group that holds the topic.')
param location string

@description('Name of a system topic of this subscription that exists already: a subscription can have one only.')
param existingTopic string = ''

@description('Resource group of the topic.')
param topicResourceGroup string = 'rg-muster-events'

@allowed(['function', 'queue'])
param eventDelivery string = 'function'

@description('Resource id of the function app.')
param appId string

@description('Resource id of Muster\'s storage account: dead letters, and the queue.')
param storageAccountId string

var accountParts = split(storageAccountId, '/')

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = if (empty(existingTopic)) {
  name: topicResourceGroup
  location: location
}

module topic 'modules/topic.bicep' = if (empty(existingTopic)) {
  name: 'muster-topic-${environmentName}'
  scope: resourceGroup(topicResourceGroup)
  params: {
    name: 'muster-${subscription().subscriptionId}'
  }
  dependsOn: [
    group
  ]
}

module delivery 'modules/event-subscription.bicep' = {
  name: 'muster-events-${environmentName}'
  scope: resourceGroup(topicResourceGroup)
  params: {
    name: 'muster-${environmentName}'
    topicName: empty(existingTopic) ? topic.outputs.name : existingTopic
    eventDelivery: eventDelivery
    appId: appId
    storageAccountId: storageAccountId
    senderRoles: sender.outputs.roles
  }
}

// The topic's identity writes dead letters and, where asked, the queue; the roles come before the first event.
module sender 'modules/event-sender.bicep' = {
  name: 'muster-sender-${uniqueString(subscription().id, environmentName)}'
  scope: resourceGroup(accountParts[2], accountParts[4])
  params: {
    storageAccountName: last(accountParts)
    principalId: empty(existingTopic) ? topic.outputs.principalId : known.identity.principalId
    queue: eventDelivery == 'queue'
  }
}

resource known 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (!empty(existingTopic)) {
  name: existingTopic
  scope: resourceGroup(topicResourceGroup)
}
