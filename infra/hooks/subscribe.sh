#!/bin/sh
# Sends the events of each monitored subscription to Muster. Run by azd after a deployment; may be run again at any time.
#
# Needs az, signed in to somebody who may deploy into those subscriptions. azd gives the variables (outputs of main.bicep):
#   MUSTER_SUBSCRIPTIONS, MUSTER_APP_ID, MUSTER_STORAGE_ID, MUSTER_EVENT_DELIVERY, AZURE_LOCATION, AZURE_ENV_NAME.
# A subscription that has a system topic already: MUSTER_TOPIC_<its id with underscores>=<resource group>/<topic>.
set -eu

: "${MUSTER_SUBSCRIPTIONS:?run it by azd, or give the outputs of main.bicep as environment variables}"
here=$(dirname "$0")

echo "$MUSTER_SUBSCRIPTIONS" | tr ',' '\n' | while read -r subscription; do
  known=$(printenv "MUSTER_TOPIC_$(echo "$subscription" | tr '-' '_')" || true)
  if [ -n "$known" ]; then
    set -- "topicResourceGroup=${known%%/*}" "existingTopic=${known#*/}"
  else
    set -- "topicResourceGroup=rg-muster-events"
  fi
  echo "Events of subscription $subscription go to $MUSTER_APP_ID ($MUSTER_EVENT_DELIVERY)."
  az deployment sub create \
    --name "muster-events-$AZURE_ENV_NAME" \
    --subscription "$subscription" \
    --location "$AZURE_LOCATION" \
    --template-file "$here/../events.bicep" \
    --parameters \
      "environmentName=$AZURE_ENV_NAME" \
      "location=$AZURE_LOCATION" \
      "eventDelivery=$MUSTER_EVENT_DELIVERY" \
      "appId=$MUSTER_APP_ID" \
      "storageAccountId=$MUSTER_STORAGE_ID" \
      "$@" \
    --output none
done
