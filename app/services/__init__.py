"""The rules. One function is one unit of work with one commit at its end, audit row included."""
