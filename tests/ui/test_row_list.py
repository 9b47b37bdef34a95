"""The row list: drawing only visible rows, and keeping the cursor in view."""

from textual import on
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown
from textual.widgets import Input

from hermes_tui.ui.widgets.row_list import Row, RowList
from tests.ui.opened import until
from tests.ui.screen_text import screen_lines


class Numbers:
    """Rows that show their number; `asked` records which were requested."""

    def __init__(self, count: int, suffix: str = "") -> None:
        self.count = count
        self.suffix = suffix
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.count

    def row(self, index: int, width: int) -> Row:
        self.asked.append(index)
        return [(f"row {index}", "key"), (self.suffix, "dim")]


class Lists(App[None]):
    ENABLE_COMMAND_PALETTE = False
    CSS = "Input { dock: bottom; }"

    def __init__(self, source: Numbers, *, header: bool = False) -> None:
        super().__init__()
        self.source = source
        self.moved: list[int] = []
        self.chosen: list[int] = []
        self.list = RowList(
            source,
            header=(lambda width: [[("NAME".ljust(width - 3), ""), ("END", "")]])
            if header
            else None,
            empty="No runs here",
        )

    def compose(self) -> ComposeResult:
        yield self.list
        yield Input(compact=True)

    @on(RowList.Moved)
    def note_move(self, event: RowList.Moved) -> None:
        self.moved.append(event.index)

    @on(RowList.Chosen)
    def note_choice(self, event: RowList.Chosen) -> None:
        self.chosen.append(event.index)


def rows(app: App[None]) -> list[str]:
    return [line for line in screen_lines(app)[:-1] if line]


async def test_the_cursor_stays_in_view_with_a_margin() -> None:
    app = Lists(Numbers(1_000_000))
    async with app.run_test(size=(40, 11)) as pilot:
        assert rows(app)[:2] == ["▌row 0", " row 1"]
        app.list.move(8)
        await pilot.pause()
        assert rows(app)[-3:] == ["▌row 8", " row 9", " row 10"]
        app.list.to_bottom()
        await pilot.pause()
        assert rows(app)[-1] == "▌row 999999"
        app.list.go(500_000)
        await pilot.pause()
        assert rows(app)[:3] == [" row 499998", " row 499999", "▌row 500000"]
        assert app.moved == [8, 999_999, 500_000]


async def test_a_page_requests_no_more_rows_than_it_shows() -> None:
    asked = []
    for count in (1_000, 1_000_000):
        app = Lists(Numbers(count))
        async with app.run_test(size=(40, 24)) as pilot:
            app.source.asked.clear()
            app.list.page(1)
            await pilot.pause()
            asked.append(len(app.source.asked))
            assert app.list.cursor == 22
    assert asked[0] == asked[1] <= 24


async def test_moving_by_one_draws_two_rows() -> None:
    app = Lists(Numbers(1_000))
    async with app.run_test(size=(40, 24)) as pilot:
        app.source.asked.clear()
        app.list.move(1)
        await pilot.pause()
        assert sorted(app.source.asked) == [0, 1]


async def test_the_cursor_stops_at_the_ends() -> None:
    app = Lists(Numbers(5))
    async with app.run_test(size=(40, 11)) as pilot:
        app.list.move(-3)
        app.list.page(9)
        app.list.page(-9)
        await pilot.pause()
        assert app.moved == [4, 0]


async def test_the_row_list_binds_no_key() -> None:
    app = Lists(Numbers(50))
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.press("down", "pagedown", "end", "enter")
        await pilot.pause()
        assert rows(app)[0] == "▌row 0"
        assert (app.moved, app.chosen) == ([], [])


async def test_a_quiet_move_posts_no_message() -> None:
    app = Lists(Numbers(50))
    async with app.run_test(size=(40, 11)) as pilot:
        app.list.go(20, quiet=True)
        await pilot.pause()
        assert app.list.cursor == 20
        assert "▌row 20" in rows(app)
        assert app.moved == []


async def test_the_cursor_without_focus_has_another_mark() -> None:
    app = Lists(Numbers(5))
    async with app.run_test(size=(40, 8)) as pilot:
        assert rows(app)[0] == "▌row 0"
        app.query_one(Input).focus()
        await pilot.pause()
        assert rows(app)[0] == ">row 0"


async def test_a_click_moves_and_a_double_click_chooses() -> None:
    app = Lists(Numbers(50), header=True)
    async with app.run_test(size=(40, 11)) as pilot:
        await pilot.click(app.list, offset=(5, 4))
        assert (app.moved, app.chosen) == ([3], [])
        await pilot.click(app.list, offset=(5, 6), times=2)
        assert (app.moved, app.chosen) == ([3, 5], [5])
        await pilot.click(app.list, offset=(5, 0))
        assert app.moved == [3, 5]


async def test_the_wheel_scrolls_without_moving_the_cursor() -> None:
    app = Lists(Numbers(500))
    async with app.run_test(size=(40, 11)) as pilot:
        for _ in range(5):
            await pilot._post_mouse_events([MouseScrollDown], app.list, offset=(2, 2))
        await pilot.pause()
        assert "row 0" not in " ".join(rows(app)).split("row 1")[0]
        assert app.moved == []
        app.list.move(1)
        await pilot.pause()
        assert "▌row 1" in rows(app)


async def test_the_header_stays_at_the_top() -> None:
    app = Lists(Numbers(500), header=True)
    async with app.run_test(size=(20, 8)) as pilot:
        app.list.to_bottom()
        await pilot.pause()
        assert rows(app)[0] == " NAME" + " " * 11 + "END"
        assert rows(app)[-1] == "▌row 499"
        await pilot.resize_terminal(30, 8)
        await until(pilot, lambda: len(rows(app)[0]) == 29)
        assert rows(app)[0].endswith("END")


async def test_following_keeps_the_cursor_on_the_last_row() -> None:
    app = Lists(Numbers(3))
    async with app.run_test(size=(40, 11)) as pilot:
        app.list.follow = True
        app.source.count = 100
        app.list.rows_changed()
        await pilot.pause()
        assert rows(app)[-1] == "▌row 99"
        assert app.moved == []
        app.list.move(-1)
        app.source.count = 200
        app.list.rows_changed()
        await pilot.pause()
        assert app.list.cursor == 98
        assert not app.list.follow


async def test_new_rows_out_of_sight_are_not_drawn() -> None:
    app = Lists(Numbers(100))
    async with app.run_test(size=(40, 11)) as pilot:
        app.source.asked.clear()
        app.source.count = 5_000
        app.list.rows_changed()
        await pilot.pause()
        assert app.source.asked == []
        assert app.list.row_count == 5_000


async def test_a_row_that_changed_is_read_again() -> None:
    app = Lists(Numbers(4))
    async with app.run_test(size=(40, 11)) as pilot:
        app.source.suffix = " whole now"
        app.list.rows_changed(3)
        await pilot.pause()
        assert rows(app)[2:] == [" row 2", " row 3 whole now"]


async def test_fewer_rows_move_the_cursor_to_the_last_one() -> None:
    app = Lists(Numbers(100))
    async with app.run_test(size=(40, 11)) as pilot:
        app.list.to_bottom()
        app.source.count = 5
        app.list.rows_changed()
        await pilot.pause()
        assert rows(app) == [" row 0", " row 1", " row 2", " row 3", "▌row 4"]
        app.source.count = 0
        app.list.rows_changed()
        await pilot.pause()
        assert rows(app) == [" No runs here"]
        app.list.choose()
        await pilot.pause()
        assert app.chosen == []


async def test_a_new_source_replaces_the_rows() -> None:
    app = Lists(Numbers(0))
    async with app.run_test(size=(40, 11)) as pilot:
        assert rows(app) == [" No runs here"]
        app.list.set_source(Numbers(900, " new"), cursor=700)
        await pilot.pause()
        assert "▌row 700 new" in rows(app)
        assert app.moved == []


async def test_the_cursor_stays_in_view_when_the_window_shrinks() -> None:
    app = Lists(Numbers(100))
    async with app.run_test(size=(40, 30)) as pilot:
        app.list.go(25)
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert "▌row 25" in rows(app)


async def test_hostile_and_long_rows_are_shown_on_one_line_and_cut_visibly() -> None:
    app = Lists(Numbers(1, "\x1b[31m\n[/] 中文 " + "x" * 5_000_000))
    async with app.run_test(size=(30, 4)):
        assert rows(app) == ["▌row 0␛[31m⏎[/] 中文 xxxxxxx…"]
