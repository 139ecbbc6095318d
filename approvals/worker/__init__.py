"""The process that needs no broker: it delivers what is due, does periodic tasks and sends heartbeats."""
