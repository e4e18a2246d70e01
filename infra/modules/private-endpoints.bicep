// Private endpoints of Muster's storage account in a network that exists, one for each service that Muster uses.
param location string
param tags object
param storageAccountId string
param subnetId string

@description('Resource ids of the private DNS zones, by service.')
param dnsZones object

var services = [
  'blob'
  'queue'
  'table'
]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for service in services: {
    name: 'pe-${last(split(storageAccountId, '/'))}-${service}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      privateLinkServiceConnections: [
        {
          name: service
          properties: {
            privateLinkServiceId: storageAccountId
            groupIds: [
              service
            ]
          }
        }
      ]
    }
  }
]

resource zones 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (service, index) in services: if (contains(dnsZones, service)) {
    parent: endpoint[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: service
          properties: {
            privateDnsZoneId: dnsZones[service]
          }
        }
      ]
    }
  }
]
