// Everything Carryover needs in one resource group of the clinic's own subscription.
// How to deploy it: docs/how-to/deploy.md. What each setting means: docs/reference/settings.md.
targetScope = 'resourceGroup'

@description('Stem of every resource\'s name: lower case letters and digits, a letter first.')
@minLength(3)
@maxLength(9)
param name string = 'carryover'

@description('Region; it has to offer Flex Consumption (az functionapp list-flexconsumption-locations).')
param location string = resourceGroup().location

@description('Tags for every resource.')
param tags object = {}

@description('Address of the Dataverse environment, as https://org.crm.dynamics.com.')
param dataverseUrl string

@description('How the app signs in to Dataverse. managedIdentity needs no secret; the app\'s identity becomes the application user.')
@allowed([
  'managedIdentity'
  'clientSecret'
])
param dataverseAuthentication string = 'managedIdentity'

@description('Tenant of the application user; not used with managedIdentity.')
param dataverseTenantId string = tenant().tenantId

@description('Client id of the application user\'s app registration; not used with managedIdentity.')
param dataverseClientId string = ''

@description('Client secret, kept in the vault only. Empty leaves the secret that is in the vault as it is.')
@secure()
param dataverseClientSecret string = ''

@description('When the secrets given here end (ISO 8601); for the client secret, what its app registration shows.')
param vaultEntriesExpire string = dateTimeAdd(utcNow(), 'P180D')

@description('Client id of the app registration that people sign in to Carryover with.')
param signInClientId string

@description('Client ids of the programs that may ask for tokens in people\'s names, beside Carryover itself.')
param signInCallers array = []

@description('Owner of records whose own owner is not found: an e-mail address, or team:<name>. Empty: such records are exceptions.')
param fallbackOwner string = ''

@description('When open delta windows are looked at (NCRONTAB with seconds, UTC).')
param deltaCron string = '0 0 2 * * *'

@description('Durable Functions task hub: letters and digits. Another name gives the app a fresh hub.')
@minLength(3)
@maxLength(45)
param taskHubName string = 'carryover'

@description('Address that is told ids and counts when a person is needed; kept in the vault, since such addresses often hold a key.')
@secure()
param webhook string = ''

@description('Several application users in place of the one above: a JSON list of client_id and secret; kept in the vault.')
@secure()
param applicationUsers string = ''

@description('Other CARRYOVER_ settings by name, in place of their defaults.')
param appSettings object = {}

@description('Most instances the app may grow to.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('True: storage and vault are reached through private endpoints in a network of their own, not from the internet.')
param privateNetwork bool = true

@description('Addresses of that network.')
param networkPrefix string = '10.90.0.0/24'

@description('Its part for the app: /27 at least, and used by nothing else.')
param appSubnetPrefix string = '10.90.0.0/26'

@description('Its part for the private endpoints.')
param endpointSubnetPrefix string = '10.90.0.64/26'

@description('Public address ranges (CIDR) that may reach storage and vault beside the private endpoints, say an administrator\'s.')
param allowedIpRanges array = []

@description('Replication of the storage account; zone-redundant needs a region with zones.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_GRS'

@description('Days after which staged data is deleted: longer than the longest migration takes from scope to close.')
@minValue(7)
param stagingRetentionDays int = 90

@description('Days for which no version of a ledger blob can be deleted; 0 for none. Choose at the first deployment: Azure takes no later change between none and some.')
@minValue(0)
@maxValue(146000)
param ledgerRetentionDays int = 0

@description('True once a person has locked the ledger\'s retention (docs/how-to/deploy.md), so that the template leaves it alone.')
param ledgerRetentionLocked bool = false

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('True: each access to blobs and tables is logged. Addresses in that log hold the names of uploaded files.')
param storageAccessLog bool = true

var token = uniqueString(resourceGroup().id, name)
var storageName = '${name}st${token}'
var vaultName = '${name}kv${token}'
var insightsName = '${name}-insights'
// The app on Flex Consumption has no fixed public address: without the private network, storage and vault have to be
// open to all networks, and Entra tokens alone guard them.
var publicAccess = (privateNetwork && empty(allowedIpRanges)) ? 'Disabled' : 'Enabled'
var defaultAction = privateNetwork ? 'Deny' : 'Allow'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-identity'
  location: location
  tags: tags
}

module monitor 'modules/monitor.bicep' = {
  name: 'monitor'
  params: {
    insightsName: insightsName
    workspaceName: '${name}-logs'
    location: location
    tags: tags
    retentionDays: logRetentionDays
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  params: {
    name: storageName
    location: location
    tags: tags
    sku: storageSku
    publicNetworkAccess: publicAccess
    networkDefault: defaultAction
    allowedIpRanges: allowedIpRanges
    stagingRetentionDays: stagingRetentionDays
    ledgerRetentionDays: ledgerRetentionDays
    ledgerRetentionLocked: ledgerRetentionLocked
    taskHubName: taskHubName
    workspaceId: monitor.outputs.workspaceId
    accessLog: storageAccessLog
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    name: vaultName
    location: location
    tags: tags
    publicNetworkAccess: publicAccess
    networkDefault: defaultAction
    allowedIpRanges: allowedIpRanges
    dataverseClientSecret: dataverseClientSecret
    expires: vaultEntriesExpire
    webhook: webhook
    applicationUsers: applicationUsers
    workspaceId: monitor.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    name: name
    location: location
    tags: tags
    networkPrefix: networkPrefix
    appSubnetPrefix: appSubnetPrefix
    endpointSubnetPrefix: endpointSubnetPrefix
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitor.outputs.insightsName
    principalId: identity.properties.principalId
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    name: '${name}-${token}'
    planName: '${name}-plan'
    location: location
    tags: tags
    identityId: identity.id
    identityClientId: identity.properties.clientId
    storageName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    insightsName: monitor.outputs.insightsName
    vaultName: vault.outputs.name
    subnetId: privateNetwork ? network.outputs.appSubnetId : ''
    maximumInstanceCount: maximumInstanceCount
    signInClientId: signInClientId
    signInCallers: signInCallers
    dataverseUrl: dataverseUrl
    byManagedIdentity: dataverseAuthentication == 'managedIdentity'
    dataverseTenantId: dataverseTenantId
    dataverseClientId: dataverseClientId
    fallbackOwner: fallbackOwner
    deltaCron: deltaCron
    taskHubName: taskHubName
    hasWebhook: !empty(webhook)
    hasApplicationUsers: !empty(applicationUsers)
    appSettings: appSettings
  }
  // The app's first start already reads its storage, through its roles.
  dependsOn: [
    roles
  ]
}

output appName string = app.outputs.name
output appUrl string = app.outputs.url
output storageName string = storage.outputs.name
output vaultName string = vault.outputs.name
output identityClientId string = identity.properties.clientId
output identityPrincipalId string = identity.properties.principalId
