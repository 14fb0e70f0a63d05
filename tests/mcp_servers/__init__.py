"""Real MCP servers for tests, good ones and bad ones, each on a port of its own."""
