"""What a test does on the recording page."""

import base64
import json
import re
import time

# Every store the browser has for a site: texts as they are, binaries as base64, keys only by name.
ALL_STORES = """
async () => {
  const found = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie];
  const binaries = [];
  const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const written = (name, value) => {
    if (value instanceof ArrayBuffer) value = new Uint8Array(value);
    if (!ArrayBuffer.isView(value)) return value instanceof CryptoKey ? "key" : value;
    binaries.push(base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)));
    return "binary";
  };
  for (const { name } of await indexedDB.databases()) {
    const open = indexedDB.open(name);
    await new Promise((resolve) => (open.onsuccess = resolve));
    for (const store of open.result.objectStoreNames) {
      const request = open.result.transaction(store).objectStore(store).getAll();
      await new Promise((resolve) => (request.onsuccess = resolve));
      found.push(`${name} ${store} ${JSON.stringify(request.result, written)}`);
    }
    open.result.close();
  }
  for (const name of await caches.keys()) {
    const kept = await caches.open(name);
    for (const request of await kept.keys()) found.push(request.url, await (await kept.match(request)).text());
  }
  return [found.join("\\n"), binaries];
}
"""


def press(page, action):
    page.click(f"[data-action={action}]:visible")


def view_is(page, view, seconds=20):
    """Wait for a state of the page; a failure says which one it was in."""
    give_up_at = time.monotonic() + seconds
    while (found := page.get_attribute("[data-session-page]", "data-view")) != view:
        assert time.monotonic() < give_up_at, (found, page.inner_text('[data-part="link"]'))
        page.wait_for_timeout(50)


def cut(page):
    """Break the page's line and let none through until `mend`."""
    page.evaluate("window.isCut = true; sockets.at(-1).close()")


def mend(page):
    page.evaluate("window.isCut = false; dispatchEvent(new Event('online'))")


def clock(page):
    minutes, seconds = page.inner_text('[data-part="clock"]').split(":")
    return int(minutes) * 60 + int(seconds)


def record_until(page, seconds):
    give_up_at = time.monotonic() + 60
    while clock(page) < seconds:
        assert time.monotonic() < give_up_at, page.inner_text('[data-part="label"]')
        time.sleep(0.1)


def finish(page):
    press(page, "finish")
    page.wait_for_url(re.compile("/transcript/"), timeout=90_000)
    return json.loads(page.evaluate("sessionStorage.getItem('finish')"))


def held_by_the_browser(page):
    return page.evaluate(
        """async () => {
          const open = indexedDB.open("synapse-capture");
          await new Promise((resolve) => (open.onsuccess = resolve));
          const all = (name) => new Promise((resolve) => {
            const request = open.result.transaction(name).objectStore(name).getAll();
            request.onsuccess = () => resolve(request.result);
          });
          return [await all("chunks"), await all("recordings"), await all("notes")].map((rows) => rows.length);
        }"""
    )


def everything_kept(page):
    """Return what stands in all stores of the browser: the texts, and the binaries by themselves."""
    texts, binaries = page.evaluate(ALL_STORES)
    return texts, [base64.b64decode(one) for one in binaries]
