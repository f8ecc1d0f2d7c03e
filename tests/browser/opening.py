"""Pages opened in a tab that has Streamlit's scripts already, as a fresh tab would show them.

Fetching and running these scripts is half of what opening a page costs. So the app in the tab is told to forget what
it shows and what its widgets hold, and to connect as somebody who was never there: the server gives it a new session,
which begins with the address. What stays is what stays when a user turns to another page.

Tests of loading itself use `page.goto` and `page.reload`.
"""

from urllib.parse import urlsplit

from playwright.sync_api import Page

APP = """() => {
  const root = document.getElementById('root') ?? {};
  const key = Object.keys(root).find((name) => name.startsWith('__reactContainer'));
  const rest = key ? [root[key].stateNode.current] : [];
  while (rest.length) {
    const fiber = rest.pop();
    if (fiber?.stateNode?.widgetMgr && fiber.stateNode.connectionManager) return fiber.stateNode;
    if (fiber) rest.push(fiber.sibling, fiber.child);
  }
  return null;
}"""
"""The component that is Streamlit's app; null on any other page."""

LEAVE = f"""() => {{
  const app = ({APP})();
  if (!app) return false;
  app.connectionManager.disconnect();
  app.cleanupAutoReruns();
  app.sessionInfo.setCurrent(undefined);
  app.sessionInfo.setCurrent(undefined);  // and the session before it, which it would ask the server for
  app.setState({{ currentPageScriptHash: '', scriptRunState: 'notRunning', dialog: null, fragmentIdsThisRun: [] }});
  app.clearAppState('', '', '', '');
  app.widgetMgr.removeInactive(new Set());
  return true;
}}"""

ENTER = f"""(address) => {{
  const app = ({APP})();
  history.pushState({{}}, '', address);
  app.syncQueryParams(location.search.slice(1));
  app.setState({{ scriptRunState: 'rerunRequested' }});
  app.initializeConnectionManager();
}}"""


def visit(page: Page, address: str) -> Page:
    """The page at this address in a session of its own; loaded if the tab does not show the app of this server."""
    if urlsplit(page.url).netloc == urlsplit(address).netloc and left(page):
        page.evaluate(ENTER, address)
    else:
        page.goto(address)
    return page


def left(page: Page) -> bool:
    """End the session of the page, which then shows nothing. Whether it was one of the app."""
    return bool(page.evaluate(LEAVE))
