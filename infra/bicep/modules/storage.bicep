// One account: what Carryover keeps (drop, staging, ledger, reports), the task hub, and the app's package.
param name string
param location string
param tags object
param sku string = 'Standard_GRS'
param publicNetworkAccess string = 'Disabled'
param networkDefault string = 'Deny'
param allowedIpRanges array
param stagingRetentionDays int
param ledgerRetentionDays int
param ledgerRetentionLocked bool
param taskHubName string
param workspaceId string
param accessLog bool

var softDeleteDays = 7
var keepsVersions = ledgerRetentionDays > 0
var packageContainerName = 'app-package'
var hub = toLower(taskHubName)

// Rules name their containers: one without a prefix would also delete the task hub's blobs.
var stagedDataRule = {
  name: 'delete-staged-data'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: [
        'blockBlob'
      ]
      prefixMatch: [
        'staging/'
      ]
    }
    actions: {
      baseBlob: {
        delete: {
          daysAfterModificationGreaterThan: stagingRetentionDays
        }
      }
    }
  }
}

// Versions are kept for the ledger's sake; everywhere else old ones go as soon as deleted blobs do.
var oldVersionsRule = {
  name: 'delete-old-versions-outside-the-ledger'
  enabled: true
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: [
        'blockBlob'
      ]
      prefixMatch: [
        'drop/'
        'staging/'
        'reports/'
        '${packageContainerName}/'
        'azure-webjobs-hosts/'
        'azure-webjobs-secrets/'
        '${hub}-leases/'
        '${hub}-applease/'
        '${hub}-largemessages/'
      ]
    }
    actions: {
      version: {
        delete: {
          daysAfterCreationGreaterThan: softDeleteDays
        }
      }
    }
  }
}

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    allowedCopyScope: 'AAD'
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicNetworkAccess
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: networkDefault
      ipRules: [for range in allowedIpRanges: {
        action: 'Allow'
        value: range
      }]
      virtualNetworkRules: []
    }
    sasPolicy: {
      expirationAction: 'Log'
      sasExpirationPeriod: '0.01:00:00'
    }
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: {
        blob: {
          enabled: true
          keyType: 'Account'
        }
        queue: {
          enabled: true
          keyType: 'Account'
        }
        table: {
          enabled: true
          keyType: 'Account'
        }
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
    // Version-level retention needs versions. Without it they are off: the task hub and the staged data are rewritten
    // all the time, and each old version would keep patients' data longer than anybody meant to.
    isVersioningEnabled: keepsVersions
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [for container in [
  'drop'
  'staging'
  'reports'
  packageContainerName
]: {
  parent: blobs
  name: container
  properties: {
    publicAccess: 'None'
  }
}]

resource ledger 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'ledger'
  properties: {
    publicAccess: 'None'
    // Retention by version, not by container: parts of the ledger are written again when a step is repeated, and
    // retention by container would refuse that. Here the earlier version stays, and the manifest can still grow.
    immutableStorageWithVersioning: keepsVersions ? {
      enabled: true
    } : null
  }
}

// Resource Manager makes the policy unlocked and cannot lock it; a person does, by one command. A locked policy
// refuses to be written again, hence the second condition.
resource ledgerRetention 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = if (keepsVersions && !ledgerRetentionLocked) {
  parent: ledger
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: ledgerRetentionDays
    allowProtectedAppendWrites: true
  }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: concat([
        stagedDataRule
      ], keepsVersions ? [
        oldVersionsRule
      ] : [])
    }
  }
  dependsOn: [
    blobs
  ]
}

resource blobLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (accessLog) {
  scope: blobs
  name: 'access'
  properties: {
    workspaceId: workspaceId
    logs: [for category in [
      'StorageRead'
      'StorageWrite'
      'StorageDelete'
    ]: {
      category: category
      enabled: true
    }]
  }
}

resource tableLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (accessLog) {
  scope: tables
  name: 'access'
  properties: {
    workspaceId: workspaceId
    logs: [for category in [
      'StorageRead'
      'StorageWrite'
      'StorageDelete'
    ]: {
      category: category
      enabled: true
    }]
  }
}

// Reads of queues are the task hub's polling, several a second, and say nothing.
resource queueLog 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (accessLog) {
  scope: queues
  name: 'access'
  properties: {
    workspaceId: workspaceId
    logs: [for category in [
      'StorageWrite'
      'StorageDelete'
    ]: {
      category: category
      enabled: true
    }]
  }
}

output id string = account.id
output name string = account.name
output packageContainer string = packageContainerName
