// Copy this file, put in your own values, and keep secrets out of it: they come from the environment.
using './main.bicep'

param dataverseUrl = 'https://yourorg.crm.dynamics.com'
param signInClientId = '00000000-0000-0000-0000-000000000000'
param fallbackOwner = 'team:Front desk'
param tags = {
  workload: 'carryover'
  data: 'health'
}

// Azure CLI, so that people can ask for a token with `az account get-access-token`.
param signInCallers = [
  '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
]

// Only with dataverseAuthentication = 'clientSecret'.
param dataverseClientSecret = readEnvironmentVariable('DATAVERSE_CLIENT_SECRET', '')
