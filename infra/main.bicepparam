using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param subscriptions = split(readEnvironmentVariable('MUSTER_SUBSCRIPTIONS', readEnvironmentVariable('AZURE_SUBSCRIPTION_ID')), ',')
param mode = readEnvironmentVariable('MUSTER_MODE', 'report')
param stop = bool(readEnvironmentVariable('MUSTER_STOP', 'false'))
param sweepSchedule = readEnvironmentVariable('MUSTER_SWEEP_SCHEDULE', '0 */15 * * * *')
param policyInBlob = bool(readEnvironmentVariable('MUSTER_POLICY_IN_BLOB', 'false'))
param eventDelivery = readEnvironmentVariable('MUSTER_EVENT_DELIVERY', 'function')
param notifications = bool(readEnvironmentVariable('MUSTER_NOTIFICATIONS', 'false'))
param keyVault = bool(readEnvironmentVariable('MUSTER_KEY_VAULT', 'false'))
param alertEmail = readEnvironmentVariable('MUSTER_ALERT_EMAIL', '')
param authClientId = readEnvironmentVariable('MUSTER_AUTH_CLIENT_ID', '')
param capabilities = {
  relay: bool(readEnvironmentVariable('MUSTER_ROLE_RELAY', 'true'))
  verification: bool(readEnvironmentVariable('MUSTER_ROLE_VERIFICATION', 'true'))
  registration: bool(readEnvironmentVariable('MUSTER_ROLE_REGISTRATION', 'false'))
}
