"""Pictures as inline SVG, made here: elements with escaped texts, coloured by classes of the stylesheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

Share = tuple[str, float]  # class of the stylesheet, amount


def element(tag: str, *inside: object, **attributes: object) -> Markup:
    """Give one element; `class_` is class, other underscores are hyphens, numbers are cut to two digits."""
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    words = "".join(f' {key}="{escape(_brief(value))}"' for key, value in named)
    content = "".join(escape(part) for part in inside)
    return Markup(f"<{tag}{words}>{content}</{tag}>")  # every part is escaped; Markup.format is far slower


def _brief(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def picture(width: float, height: float, parts: Iterable[Markup], label: str, kind: str = "", **more: object) -> Markup:
    """Give a whole picture that shrinks with its place; `label` is what it says to those who cannot see it."""
    inside = [element("title", label), *parts]
    size = {"viewBox": f"0 0 {_brief(float(width))} {_brief(float(height))}", "width": width, "height": height}
    return element("svg", *inside, **size, **more, role="img", aria_label=label, class_=f"picture {kind}".strip())


def link(url: str, *inside: object, **attributes: object) -> Markup:
    """Make a part of a picture lead somewhere."""
    return element("a", *inside, href=url, **attributes)


def text(x: float, y: float, words: object, **attributes: object) -> Markup:
    """Write words; `class_` and `text_anchor` as in SVG."""
    return element("text", words, x=x, y=y, **attributes)


def box(x: float, y: float, width: float, height: float, kind: str, *inside: object) -> Markup:
    """Draw a rectangle of one class."""
    return element("rect", *inside, x=x, y=y, width=max(width, 0), height=max(height, 0), class_=kind)


def stack(x: float, y: float, width: float, height: float, shares: Sequence[Share], total: float) -> list[Markup]:
    """Draw amounts side by side as shares of a total; at least a hair is left of each that is not 0."""
    parts, left = [], x
    for kind, amount in shares:
        if amount > 0 and total > 0:
            wide = max(width * amount / total, 1.5)
            parts.append(box(left, y, min(wide, x + width - left), height, kind))
            left += wide
    return parts


def pile(x: float, y: float, width: float, height: float, shares: Sequence[Share], total: float) -> list[Markup]:
    """Draw amounts on top of each other, the first at the bottom, as shares of a total."""
    parts, top = [], y + height
    for kind, amount in shares:
        if amount > 0 and total > 0:
            tall = max(height * amount / total, 1.5)
            top -= tall
            parts.append(box(x, top, width, tall, kind))
    return parts


def meter(shares: Sequence[Share], total: float, label: str, *, width: float = 240, height: float = 10) -> Markup:
    """Give a small bar of shares, as it stands in a table."""
    bars = [box(0, 0, width, height, "s-none"), *stack(0, 0, width, height, shares, total)]
    return picture(width, height, bars, label, preserveAspectRatio="none")


def short(words: object, letters: int) -> str:
    """Cut a text for a place of so many letters."""
    found = " ".join(str(words).split())
    return found if len(found) <= letters else f"{found[: letters - 1]}…"
