"""The WSGI entry point: `flask run` and `gunicorn wsgi:app` find `app` here."""

from app import create_app

app = create_app()
