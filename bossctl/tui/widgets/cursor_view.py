"""A scrolling view of lines with one under the cursor; the base of the table and the JSON viewer."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style as RichStyle
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style


class CursorView(ScrollView, can_focus=True):
    """Lines drawn one by one, only those in view; keys and mouse move a cursor over them.

    A subclass says how many lines there are (`line_count`), draws one (`line_strip`), draws the `FIXED` lines
    on top that do not scroll (`fixed_strip`), and is told of moves (`cursor_moved`).
    """

    ALLOW_SELECT = False
    FIXED: ClassVar[int] = 0

    DEFAULT_CSS = """
    CursorView {
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1;
        scrollbar-gutter: stable;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "cursor_by(1)", "Down", show=False, id="move.down"),
        Binding("up,k", "cursor_by(-1)", "Up", show=False, id="move.up"),
        Binding("pagedown,ctrl+f", "cursor_page(1.0)", "Page down", show=False, id="move.page-down"),
        Binding("pageup,ctrl+b", "cursor_page(-1.0)", "Page up", show=False, id="move.page-up"),
        Binding("ctrl+d", "cursor_page(0.5)", "Half a page down", show=False, id="move.half-down"),
        Binding("ctrl+u", "cursor_page(-0.5)", "Half a page up", show=False, id="move.half-up"),
        Binding("home,g", "cursor_to(0)", "First", show=False, id="move.first"),
        Binding("end,G", "cursor_to(-1)", "Last", show=False, id="move.last"),
        Binding("left,h", "scroll_cells(-8)", "Scroll left", show=False, id="move.left"),
        Binding("right,l", "scroll_cells(8)", "Scroll right", show=False, id="move.right"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.hover_line = -1
        self._inner_width = 0
        self._styles_by_name: dict[tuple[str, ...], tuple[Style, RichStyle]] = {}

    @property
    def line_count(self) -> int:
        """How many lines scroll."""
        raise NotImplementedError

    @property
    def cursor_line(self) -> int:
        """The line under the cursor, -1 when there is none."""
        raise NotImplementedError

    def line_strip(self, line: int) -> Strip:
        """One whole line, as wide as `inner_width` or wider."""
        raise NotImplementedError

    def fixed_strip(self, y: int) -> Strip:
        """One of the lines on top that do not scroll."""
        raise NotImplementedError

    def cursor_moved(self, line: int) -> None:
        """The user chose another line."""
        raise NotImplementedError

    def resized(self) -> None:
        """The view has another size, `inner_width` is up to date."""
        raise NotImplementedError

    @property
    def inner_width(self) -> int:
        """Cells between the borders and scroll bars."""
        return self._inner_width

    def on_resize(self) -> None:
        """Note the width once; asking Textual for it costs more than a cached line."""
        self._inner_width = self.scrollable_content_region.width
        self.resized()

    @property
    def page_lines(self) -> int:
        """How many scrolling lines are in view."""
        return max(1, self.scrollable_content_region.height - self.FIXED)

    def in_view(self, line: int) -> bool:
        """Whether a line is on screen."""
        return 0 <= line - self.scroll_offset.y < self.page_lines

    def set_extent(self, width: int) -> None:
        """Tell the scroll bars how much there is: `width` cells by all lines."""
        extent = Size(width, self.line_count + self.FIXED)
        if extent != self.virtual_size:
            self.virtual_size = extent

    def redraw_line(self, line: int) -> None:
        """Draw one line again if it is in view."""
        if self.in_view(line):
            self.refresh(Region(0, self.FIXED + line - self.scroll_offset.y, self.size.width, 1))

    def redraw_fixed(self) -> None:
        """Draw the lines on top again."""
        self.refresh(Region(0, 0, self.size.width, self.FIXED))

    def reveal(self, line: int) -> None:
        """Scroll as little as needed to bring a line into view."""
        top = self.scroll_offset.y
        if line < top:
            self.scroll_to(y=line, animate=False, force=True)
        elif line >= top + self.page_lines:
            self.scroll_to(y=line - self.page_lines + 1, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """Draw line `y` of the view (Textual's line API)."""
        x, top = self.scroll_offset
        width = self.inner_width
        line = y - self.FIXED + top
        if y < self.FIXED:
            strip = self.fixed_strip(y)
        elif line < self.line_count:
            strip = self.line_strip(line)
        else:
            strip = self.blank_strip(y - self.FIXED)
        return strip.crop_extend(x, x + width, self.line_style()[1])

    def blank_strip(self, y: int) -> Strip:
        """What stands below the last line; `y` counts from the first scrolling line of the view."""
        return Strip.blank(self.inner_width, self.line_style()[1])

    def line_style(self, *names: str) -> tuple[Style, RichStyle]:
        """A style made of component classes laid over each other, for Content and for Segments."""
        cached = self._styles_by_name.get(names)
        if cached is None:
            style = self.get_visual_style(*names)
            cached = self._styles_by_name[names] = (style, style.rich_style)
        return cached

    def notify_style_update(self) -> None:
        """Forget drawn styles when a theme or a pseudo class changes."""
        self._styles_by_name.clear()
        super().notify_style_update()

    # --- keys

    def action_cursor_by(self, lines: int) -> None:
        """Move the cursor by so many lines."""
        self.move_cursor(self.cursor_line + lines)

    def action_cursor_page(self, pages: float) -> None:
        """Move the cursor by a share of a page, the view with it."""
        lines = round(self.page_lines * pages)
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)
        self.move_cursor(self.cursor_line + lines)

    def action_cursor_to(self, line: int) -> None:
        """Move the cursor to a line; negative counts from the end."""
        self.move_cursor(line if line >= 0 else self.line_count + line)

    def action_scroll_cells(self, cells: int) -> None:
        """Scroll sideways."""
        self.scroll_to(x=self.scroll_offset.x + cells, animate=False, force=True)

    def move_cursor(self, line: int) -> None:
        """Put the cursor on a line, clamped, and bring it into view."""
        self.set_hover(-1)
        if self.line_count:
            line = min(max(line, 0), self.line_count - 1)
            self.cursor_moved(line)
            self.reveal(line)

    # --- mouse

    def line_at(self, event: events.MouseEvent) -> int | None:
        """The line under the mouse; -1 for the fixed lines, None outside, on a scroll bar or below the last."""
        if event.screen_offset not in self.scrollable_content_region:
            return None
        offset = event.get_content_offset_capture(self)
        if offset.y < self.FIXED:
            return -1
        line = offset.y - self.FIXED + self.scroll_offset.y
        return line if line < self.line_count else None

    def set_hover(self, line: int) -> None:
        """Show which line the mouse is over; -1 for none."""
        if line != self.hover_line:
            old, self.hover_line = self.hover_line, line
            self.redraw_line(old)
            self.redraw_line(line)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        line = self.line_at(event)
        self.set_hover(-1 if line is None else line)

    def on_leave(self) -> None:
        """Forget the mouse."""
        self.set_hover(-1)
