"""Sealing and hashing. Nothing here knows of the database, of Flask or of people."""
