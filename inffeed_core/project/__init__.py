"""The project's folder: its contents, import, export, and status."""
