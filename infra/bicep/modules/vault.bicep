// The secrets the app cannot do without. Access by role only; the app may read secrets, nothing more.
param name string
param location string
param tags object
param publicNetworkAccess string = 'Disabled'
param networkDefault string = 'Deny'
param allowedIpRanges array
@secure()
param dataverseClientSecret string
param expires string
@secure()
param webhook string
@secure()
param applicationUsers string
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: networkDefault
      ipRules: [for range in allowedIpRanges: {
        value: range
      }]
      virtualNetworkRules: []
    }
  }
}

module clientSecret 'secret.bicep' = if (!empty(dataverseClientSecret)) {
  name: 'client-secret'
  params: {
    vaultName: vault.name
    name: 'dataverse-client-secret'
    contentType: 'Client secret of the Dataverse application user'
    expires: expires
    value: dataverseClientSecret
  }
}

module webhookSecret 'secret.bicep' = if (!empty(webhook)) {
  name: 'webhook'
  params: {
    vaultName: vault.name
    name: 'webhook'
    contentType: 'Address that is told when a person is needed'
    expires: expires
    value: webhook
  }
}

module usersSecret 'secret.bicep' = if (!empty(applicationUsers)) {
  name: 'application-users'
  params: {
    vaultName: vault.name
    name: 'application-users'
    contentType: 'Application users that share the load, with their secrets'
    expires: expires
    value: applicationUsers
  }
}

resource auditLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'audit'
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

output id string = vault.id
output name string = vault.name
