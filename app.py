"""The app. Start it with `make app` or `inffeed app`."""

from pages.components.navigation import navigate

navigate().run()
