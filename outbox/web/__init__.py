"""The dashboard and the REST API: server-rendered pages, JSON under /api/v1."""
