"""The Functions host for one machine: runs ``function_app.py`` with durable state in SQLite.

One process (``python -m local.host``) serves HTTP, owns the database and decides; activities run in
worker processes, and orchestrator replays in one of their own. The orchestrators are driven through the
real azure-functions-durable SDK, so the app cannot tell this host from Azure's.
"""
