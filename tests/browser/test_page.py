"""The page as a whole: its policy, its layout, its languages and its feed."""

import itertools
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

from infra.local import presets
from tests.kit.window import LANGUAGES, NARROW, PAGE, words

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
}


@pytest.mark.parametrize("path", ["/", "/client.js", "/style.css", "/words/en.js"])
def test_every_file_is_sent_with_the_whole_policy(stack, path):
    with urllib.request.urlopen(stack.url + path) as answer:
        assert set(answer.headers["Content-Security-Policy"].split("; ")) == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_browser_keeps_to_the_policy(window):
    ran = window.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.inlineRan = true";
            document.body.append(script);
            return window.inlineRan === true;
        }"""
    )
    assert ran is False
    assert [complaint for complaint in window.complaints if "Content Security Policy" in complaint]
    window.complaints.clear()


def test_nothing_is_loaded_from_elsewhere(open_window, stack):
    window = open_window()
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    window.page.reload()
    window.desktop.log_in("88000020")
    window.desktop.notice.wait_for()
    assert asked
    assert all(url.startswith((stack.url, "data:")) for url in asked)


@pytest.mark.parametrize(
    "path",
    [
        "/../front.py",
        "/..%2ffront.py",
        "/%2e%2e/front.py",
        "//etc/passwd",
        "/words/../../front.py",
        "/words/",
    ],
)
def test_no_path_leads_out_of_the_folder(stack, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(stack.url + path))
    assert refused.value.code == 404
    assert json.load(refused.value)["code"] == "not_found"


def test_the_scenes_stand_side_by_side_in_their_order(window):
    boxes = [scene.part.bounding_box() for scene in (window.desktop, window.phone, window.support)]
    assert all(left["x"] + left["width"] < right["x"] for left, right in itertools.pairwise(boxes))
    assert len({box["y"] for box in boxes}) == 1
    assert window.page.locator("#feed").bounding_box()["y"] > boxes[0]["y"]


def test_the_scenes_stand_one_under_another_on_a_small_screen(open_window):
    window = open_window(size=NARROW)
    parts = [scene.part for scene in (window.desktop, window.phone, window.support)]
    boxes = [part.bounding_box() for part in [*parts, window.page.locator("#feed")]]
    assert all(upper["y"] + upper["height"] <= lower["y"] for upper, lower in itertools.pairwise(boxes))
    assert window.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_every_language_has_every_word():
    reference = words("en")
    assert len(reference) > 100
    for language in LANGUAGES:
        text = (PAGE / "words" / f"{language}.js").read_text("utf-8")
        assert len(words(language)) == len(re.findall(r"^  \w+:", text, re.MULTILINE))
        assert list(words(language)) == list(reference)
        for key, text in words(language).items():
            assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", reference[key]), key


def test_each_language_is_written_in_its_own_characters():
    simplified, traditional = "".join(words("zh-CN").values()), "".join(words("zh-HK").values())
    assert not set("這個帳戶驗證碼綁請時間機電") & set(simplified)
    assert not set("这个账户验证码绑请时间机电") & set(traditional)
    for chinese in ("zh-CN", "zh-HK"):
        assert not [text for text in words(chinese).values() if not re.search(r"[\u4e00-\u9fff]", text)]
    names = re.compile("极星|易星|腾讯身份验证器")
    assert not [
        text for text in words("en").values() if re.search(r"[\u4e00-\u9fff]", names.sub("", text))
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_in_the_browsers_language(open_window, language):
    window = open_window(locale=language)
    assert window.page.locator("html").get_attribute("lang") == language
    assert window.page.locator("h1").inner_text() == words(language)["heading"]
    assert window.page.title() == words(language)["title"]


def test_a_language_once_chosen_is_kept(window):
    window.choose_language("zh-HK")
    window.page.reload()
    expect(window.page.locator("h1")).to_have_text(words("zh-HK")["heading"])


def test_the_feed_shows_events(open_window):
    window = open_window()
    happened = {
        "event_id": "e1",
        "type": "bound",
        "at": "2026-11-22T01:02:03Z",
        "account": "88000001",
        "channel": "desktop",
    }
    news = [{"position": 1, "kind": "audit", "document": happened}]
    news += [{"position": 2, "kind": "notification", "document": happened | {"type": "tampered"}}]
    window.page.route("**/feed?after=*", lambda route: route.fulfill(json={"events": news}))
    window.page.reload()
    rows = window.page.locator("#feed li")
    expect(rows).not_to_have_count(0)
    expect(rows.first).to_contain_text("Item changed by hand")
    rows.first.locator("summary").click()
    expect(rows.first.locator("pre")).to_contain_text('"account": "88000001"')


def test_the_feed_restarts_with_the_service(window):
    position = 7

    def tell(route):
        happened = {"type": "bound", "at": "2026-11-22T01:02:03Z", "account": f"after-{position}"}
        news = {"position": position, "kind": "audit", "document": happened}
        route.fulfill(json={"events": [news]})

    window.page.route("**/feed?after=*", tell)
    codes = window.page.locator("#feed li summary code")
    expect(codes.first).to_have_text("after-7")
    position = 1
    expect(codes).to_have_text(["after-1"])


def test_the_history_shows_earlier_events_on_request(window):
    happened = [
        {
            "event_id": f"{number:03}",
            "type": "unbound" if number == 20 else "verified",
            "at": "2026-11-22T01:02:03Z",
            "channel": None if number == 20 else "desktop",
            "operator": "ada" if number == 20 else None,
            "ticket": "T-7" if number == 20 else None,
            "reason": "lost_device" if number == 20 else None,
            "address": None,
            "request_id": "r",
        }
        for number in range(20, 0, -1)
    ]

    def answer(route):
        asked = route.request.post_data_json
        rest = [event for event in happened if event["event_id"] < asked.get("before", "999")]
        found = {"outcome": "found", "account": asked["account"], "state": "unbound"}
        found |= {"channels": {"desktop": None, "mobile": None}, "bound_at": None, "failures": 0}
        found |= {"locked_until": None, "suspended": False, "history": rest[: asked["limit"]]}
        found |= {"known": True, "month_failures": 0, "waiting": []}
        route.fulfill(json=found)

    window.page.route("**/*-lookup/invocations", answer)
    window.look_up("88000001")
    entries = window.support.part.locator(".timeline li")
    expect(entries).to_have_count(10)
    expect(entries.first).to_contain_text("Unbound by support")
    expect(entries.first).to_contain_text("ada · T-7 · Lost device")
    window.support.part.get_by_text("Earlier").click()
    expect(entries).to_have_count(20)


def test_client_js_is_small_enough_to_port():
    assert len((PAGE / "client.js").read_text("utf-8").splitlines()) <= 100


def test_the_page_publishes_the_secret_that_the_presets_have():
    assert f'"{presets.SECRET}"' in Path(PAGE / "accounts.js").read_text("utf-8")
