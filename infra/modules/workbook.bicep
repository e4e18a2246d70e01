// A workbook: the fleet as Resource Graph tells it, by Muster's own queries, beside what Muster did.
param location string
param tags object
param workspaceId string

var clusters = loadTextContent('../queries/clusters.kql')
var extensions = loadTextContent('../queries/extensions.kql')
var sweeps = loadTextContent('../queries/sweeps.kql')
var decisions = loadTextContent('../queries/decisions.kql')
var content = {
  version: 'Notebook/1.0'
  items: [
    {
      type: 1
      name: 'about'
      content: {
        json: '## Muster\nClusters and extensions are read from Resource Graph with the queries that Muster itself sends; the rest is its log.'
      }
    }
    {
      type: 3
      name: 'clusters'
      content: {
        version: 'KqlItem/1.0'
        title: 'Clusters by kind and state'
        query: '${clusters} | summarize clusters = count() by type, tostring(provisioningState)'
        queryType: 1
        resourceType: 'microsoft.resourcegraph/resources'
        visualization: 'table'
      }
    }
    {
      type: 3
      name: 'extensions'
      content: {
        version: 'KqlItem/1.0'
        title: 'Extensions by state and version'
        query: '${extensions} | extend state = tostring(coalesce(properties.ProvisioningState, properties.provisioningState)), version = tostring(coalesce(properties.CurrentVersion, properties.currentVersion)) | summarize extensions = count() by state, version'
        queryType: 1
        resourceType: 'microsoft.resourcegraph/resources'
        visualization: 'table'
      }
    }
    {
      type: 3
      name: 'sweeps'
      content: {
        version: 'KqlItem/1.0'
        title: 'Compliance by sweep'
        query: sweeps
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [
          workspaceId
        ]
        visualization: 'timechart'
      }
    }
    {
      type: 3
      name: 'decisions'
      content: {
        version: 'KqlItem/1.0'
        title: 'What Muster did in the last day'
        query: decisions
        queryType: 0
        resourceType: 'microsoft.operationalinsights/workspaces'
        crossComponentResources: [
          workspaceId
        ]
        visualization: 'table'
      }
    }
  ]
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'muster')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Muster'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: string(content)
    version: '1.0'
  }
}
