#!/bin/sh
# Makes the Entra application that guards Muster's API, with its two app roles, and prints its client id.
# May be run again: an application of that name is brought up to date. Then: azd env set MUSTER_AUTH_CLIENT_ID <id>
set -eu

name="Muster (${AZURE_ENV_NAME:?the name of the azd environment})"
here=$(dirname "$0")

id=$(az ad app list --display-name "$name" --query '[0].appId' --output tsv)
if [ -z "$id" ]; then
  id=$(az ad app create --display-name "$name" --sign-in-audience AzureADMyOrg --query appId --output tsv)
  az ad sp create --id "$id" --output none
fi
az ad app update --id "$id" --identifier-uris "api://$id" --app-roles "@$here/app-roles.json" --output none
echo "$id"
