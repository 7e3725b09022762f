// The Function App on Flex Consumption. Its one identity reaches storage, vault, telemetry and (by choice) Dataverse.
param name string
param planName string
param location string
param tags object
param identityId string
param identityClientId string
param storageName string
param packageContainer string
param insightsName string
param vaultName string
param subnetId string
param maximumInstanceCount int
param signInClientId string
param signInCallers array
param dataverseUrl string
param byManagedIdentity bool
param dataverseTenantId string
param dataverseClientId string
param fallbackOwner string
param deltaCron string
param taskHubName string
param hasWebhook bool
param hasApplicationUsers bool
param appSettings object

var clientSecretReference = '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=dataverse-client-secret)'
var webhookReference = '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=webhook)'
var usersReference = '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=application-users)'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${account.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstanceCount
        // Without an instance that is always there, work waiting in the task hub's queues may lie for minutes.
        alwaysReady: [
          {
            name: 'durable'
            instanceCount: 1
          }
        ]
      }
      runtime: {
        name: 'python'
        version: '3.11'
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
  }
}

// Flex Consumption takes runtime, version and package from functionAppConfig and refuses the settings that said so
// on other plans (FUNCTIONS_WORKER_RUNTIME and its kin).
resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union({
    AzureWebJobsStorage__accountName: account.name
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AZURE_CLIENT_ID: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    // Sign-in proves itself by the app's identity (a federated credential of the app registration), not by a secret.
    OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
    TASKHUB_NAME: taskHubName
    DATAVERSE_URL: dataverseUrl
    DATAVERSE_TENANT_ID: dataverseTenantId
    DATAVERSE_CLIENT_ID: byManagedIdentity ? identityClientId : dataverseClientId
    DATAVERSE_CLIENT_SECRET: byManagedIdentity ? '' : clientSecretReference
    // Flex Consumption loads no certificates, and a private key does not belong into the package.
    DATAVERSE_CERTIFICATE_PATH: ''
    DATAVERSE_MANAGED_IDENTITY: byManagedIdentity ? 'true' : 'false'
    DATAVERSE_AUTHORITY: ''
    CARRYOVER_APPLICATION_USERS: hasApplicationUsers ? usersReference : ''
    CARRYOVER_FALLBACK_OWNER: fallbackOwner
    CARRYOVER_MAX_FILE_MB: '25'
    CARRYOVER_EXCEPTION_PAUSE_PERCENT: '5'
    CARRYOVER_DAILY_REQUESTS: '0'
    CARRYOVER_CHUNK: '1000'
    CARRYOVER_MEMORY_MB: '256'
    CARRYOVER_BUCKET_MB: '8'
    CARRYOVER_SLOTS: '0'
    CARRYOVER_QUIET_SECONDS: '150'
    // The target's own plug-ins and flows run on our writes, unless its owner wants otherwise.
    CARRYOVER_BYPASS_LOGIC: 'false'
    CARRYOVER_DELTA_HOURS: '48'
    CARRYOVER_DELTA_CRON: deltaCron
    // The sign-in below stands before every path, so that its headers are to be believed.
    CARRYOVER_APP_SERVICE_AUTH: 'true'
    // Whoever shaped the map does not confirm it: where one person does all of it, say 'false' in appSettings.
    CARRYOVER_TWO_PEOPLE: 'true'
    CARRYOVER_WEBHOOK: hasWebhook ? webhookReference : ''
    // A language model's second opinion on doubtful fields: off. Given by appSettings where it is wanted.
    CARRYOVER_OPENAI_ENDPOINT: ''
    CARRYOVER_OPENAI_DEPLOYMENT: ''
    CARRYOVER_TEMP: ''
    // glibc gives each of a worker's threads a heap of its own otherwise, and what was freed in one is not used by another.
    MALLOC_ARENA_MAX: '2'
  }, appSettings)
}

// Nobody gets in without a token of this tenant, not even to the task hub's own endpoints.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          clientId: signInClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
        }
        validation: {
          allowedAudiences: [
            signInClientId
            'api://${signInClientId}'
          ]
          defaultAuthorizationPolicy: {
            allowedApplications: concat([
              signInClientId
            ], signInCallers)
          }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
  dependsOn: [
    settings
  ]
}

// Packages are published with Entra tokens; the deployment site takes no user name and password.
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
  dependsOn: [
    signIn
  ]
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
