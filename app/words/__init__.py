"""Words: what people read about a token, wherever they read it: pages, API, mails, command line."""
