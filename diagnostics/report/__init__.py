"""The report contract: writing, reading, redacting and replaying."""
