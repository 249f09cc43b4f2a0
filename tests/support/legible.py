"""What a person can not find, read or hit in a page: by keyboard, with a screen reader, with a finger, in any light."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Page as Tab

TARGET_PX = 24  # WCAG 2.2, 2.5.8
CONTRAST = 4.5  # WCAG 2.2, 1.4.3
_CONTROLS = {"button", "checkbox", "combobox", "link", "menuitem", "searchbox", "slider", "spinbutton", "textbox"}
_PLACES = {"article", "complementary", "dialog", "image", "img", "log", "menu", "navigation", "region", "toolbar"}

_NAME = 'it.id || it.getAttribute("aria-label") || (it.querySelector("b") ?? it).textContent.trim() || it.tagName'
_FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const box = it.getBoundingClientRect(), drawn = [it, ...it.children].map((one) => getComputedStyle(one));
  const ring = drawn.some((one) => one.outlineStyle !== "none" && parseFloat(one.outlineWidth) >= 1);
  const name = NAME;
  return {name, ring: ring || it.id === "text", seen: box.width > 0 && box.height > 0};
}"""
_WORKABLE = """() => [...document.querySelectorAll("button, input, textarea, select, a[href]")]
  .filter((it) => it.checkVisibility({visibilityProperty: true}) && !it.disabled && it.tabIndex >= 0)
  .map((it) => NAME)"""
_FAINT = """(least) => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
  const behind = (it) => {
    for (; it; it = it.parentElement) {
      const color = rgba(getComputedStyle(it).backgroundColor);
      if (color[3] > 250) return color;
    }
    return [255, 255, 255];
  };
  const own = (it) => [...it.childNodes].filter(({nodeType}) => nodeType === 3).map(({data}) => data).join(" ").trim();
  return [...document.querySelectorAll("body *")].flatMap((it) => {
    if (!own(it) || it.disabled || !it.checkVisibility({visibilityProperty: true, opacityProperty: true})) return [];
    const pair = [light(rgba(getComputedStyle(it).color)), light(behind(it))];
    const ratio = (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
    return ratio < least ? [`${own(it).slice(0, 30)}: ${ratio.toFixed(2)}`] : [];
  });
}"""
_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((it) => it.checkVisibility({visibilityProperty: true}) && !it.closest("pre, table, .sr"))
  .filter((it) => it.getBoundingClientRect().right > innerWidth + 1 || it.getBoundingClientRect().left < -1)
  .map((it) => `${it.tagName}.${it.className}`)"""
_SMALL = """(least) => [...document.querySelectorAll("button, select, label")]
  .filter((it) => it.checkVisibility({visibilityProperty: true}) && !it.closest("[inert]") && !it.matches(".link"))
  .map((it) => [it.getAttribute("aria-label") || it.textContent, it.getBoundingClientRect()])
  .filter(([_, {width, height}]) => Math.min(width, height) < least)
  .map(([name, {width, height}]) => `${name}: ${width.toFixed()} x ${height.toFixed()}`)"""
_WATCH = """() => {
  window.moved = [];
  const rose = ({node, previousRect: from, currentRect: to}) => node && (from.y !== to.y || from.bottom !== to.bottom);
  const where = ({node, previousRect: from, currentRect: to}) => `${node.id || node.className} ${from.y} to ${to.y}`;
  const look = ({hadRecentInput, sources}) => hadRecentInput || moved.push(...sources.filter(rose).map(where));
  new PerformanceObserver((list) => list.getEntries().forEach(look)).observe({type: "layout-shift"});
}"""


async def watch(tab: "Tab") -> None:
    """From here on `moved` knows what jumps."""
    await tab.evaluate(_WATCH)


async def moved(tab: "Tab") -> list[str]:
    """What has gone up or down in the page without a person's doing, scrolling aside."""
    return list(await tab.evaluate("moved"))


async def announced(tab: "Tab") -> list[str]:
    """What a screen reader would read out now, whenever it changes."""
    said = await tab.locator("[role=status], [role=alert], [aria-live=polite]").all_inner_texts()
    return [text.strip() for text in said if text.strip()]


async def focused(tab: "Tab") -> str:
    """The name of what has the focus: somewhere, on the screen, and with a ring around it."""
    found = await tab.evaluate(_FOCUSED.replace("NAME", _NAME))
    assert found is not None, "the focus is nowhere"
    assert found["ring"], f"nothing shows that {found['name']} has the focus"
    assert found["seen"], f"{found['name']} has the focus and can't be seen"
    return str(found["name"])


async def workable(tab: "Tab") -> set[str]:
    """Names of all that one can work with; what arrows lead to (of menus, and of messages but one) is left out."""
    return set(await tab.evaluate(_WORKABLE.replace("NAME", _NAME)))


async def nameless(tab: "Tab") -> list[str]:
    """What a screen reader would call by its role alone."""
    cdp = await tab.context.new_cdp_session(tab)
    nodes: list[dict[str, Any]] = (await cdp.send("Accessibility.getFullAXTree"))["nodes"]
    await cdp.detach()
    told = [(str(it["role"]["value"]), str(it.get("name", {}).get("value", ""))) for it in nodes if not it["ignored"]]
    assert "button" in {role for role, _ in told}, "there is a page"
    return [role for role, name in told if role in _CONTROLS | _PLACES and not name.strip()]


async def faint(tab: "Tab") -> list[str]:
    """Texts that stand out too little from what is behind them, with their contrast."""
    return list(await tab.evaluate(_FAINT, CONTRAST))


async def too_wide(tab: "Tab") -> list[str]:
    """What reaches over an edge of the screen; code and tables scroll in themselves."""
    return list(await tab.evaluate(_WIDE))


async def too_small(tab: "Tab") -> list[str]:
    """What a finger would miss; links in a line of text are as high as the line."""
    return list(await tab.evaluate(_SMALL, TARGET_PX))
