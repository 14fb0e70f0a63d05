"""The suite, and what measures and draws: none of it reads the `.env` of whoever tried the project out."""

import os

# Ours reads the file by the one library, and the commands of Flask by themselves.
os.environ |= {"PYTHON_DOTENV_DISABLED": "1", "FLASK_SKIP_DOTENV": "1"}
