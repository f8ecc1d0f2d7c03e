"""The project's folder: what it holds, what comes in, what goes out, and how far it is."""
