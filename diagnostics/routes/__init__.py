"""Ways out: links that people share, and how a connection is opened through what they lead to."""
