"""The window: PySide6 Widgets only.  It shows what the engine says and opens no socket."""
