"""The abuse campaign: attacks on the service as it is deployed, while an honest sender and reviewer work on."""
