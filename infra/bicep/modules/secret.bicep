// One secret of the vault. A module of its own, so that a caller can leave it out as a whole.
param vaultName string
param name string
param contentType string
@description('When the secret ends (ISO 8601).')
param expires string
@secure()
param value string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: name
  properties: {
    value: value
    contentType: contentType
    attributes: {
      enabled: true
      exp: dateTimeToEpoch(expires)
    }
  }
}
