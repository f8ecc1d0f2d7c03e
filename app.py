"""The app. Start it with `make app` or `inffeed app`."""

from inffeed_core.errors import StoreError
from pages.components.navigation import navigate
from pages.components.notices import problem
from pages.language import say, told

try:
    navigate().run()
except StoreError as error:  # a full disk, a long lock: the page says so, and comes back with the next look
    problem(told(error.args[0]), say("app.project_unreadable"))
