"""What axe finds on a page. The contrast of words is judged once a look: the rail and the rows of a table come again and again.

A look is what decides contrast: the colour, size and weight of the words and every ground they stand on. It is kept, for
the run of this process, when axe passed it; what axe could not judge or found too faint is asked again on the next page.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Contrast is most of axe's time, and what passes is neither described nor carried over: that is three quarters of the rest.
ASK = """async ([tags, passed]) => {
  const known = new Set(passed);
  const grounds = new Map();
  const groundOf = (element) => {
    if (!element) return "";
    if (!grounds.has(element)) {
      const style = getComputedStyle(element);
      const floats = /absolute|fixed|sticky/.test(style.position) ? style.position : "";
      const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode, floats];
      const isPlain = own.join() === "rgba(0, 0, 0, 0),none,1,none,normal,";
      grounds.set(element, groundOf(element.parentElement) + (isPlain ? "" : `/${own.join()}`));
    }
    return grounds.get(element);
  };
  const lookOf = (element) => {
    const { color, fontSize, fontWeight, textShadow } = getComputedStyle(element);
    return [color, fontSize, fontWeight, textShadow, groundOf(element)].join();
  };
  const hasWords = (element) =>
    element.matches("input, select, textarea") || [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const isNew = (element) => hasWords(element) && element.checkVisibility() && !known.has(lookOf(element));
  const fresh = [...document.querySelectorAll("body *")].filter(isNew);

  const rules = { "color-contrast": { enabled: false } };
  const { violations } = await axe.run({ runOnly: tags, resultTypes: ["violations"], rules });
  if (!fresh.length) return [violations, []];
  const contrast = await axe.run(fresh, { runOnly: ["color-contrast"], resultTypes: ["violations", "passes"], elementRef: true });
  const clear = contrast.passes.flatMap((rule) => rule.nodes.map((node) => lookOf(node.element)));
  return [[...violations, ...contrast.violations].map(({ id, help, nodes }) => (
    { id, help, nodes: nodes.map(({ target, html }) => ({ target, html })) })), clear];
}"""
_passed: set[str] = set()


def barriers(page: Page) -> list[str]:
    """Return what stands in somebody's way on the page, a line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_script())
    violations, clear = page.evaluate(ASK, [TAGS, sorted(_passed)])
    _passed.update(clear)
    return [
        f"axe {found['id']}: {found['help']}: "
        + "; ".join(f"{node['target']} {node['html'][:160]}" for node in found["nodes"][:3])
        for found in violations
    ]


@cache
def _script() -> str:
    from axe_playwright_python.sync_playwright import Axe

    script: str = Axe().axe_script
    return script
