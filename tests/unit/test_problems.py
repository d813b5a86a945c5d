"""Every error: its status, its fields and headers, and its words in three languages."""

import re
import string

import pytest

from chalicelib.api.language import Language
from chalicelib.api.problems import messages, problem
from chalicelib.core.errors import ErrorCode

STATUS = {
    "login_required": 401,
    "login_invalid": 401,
    "login_expired": 401,
    "desktop_only": 403,
    "malformed_request": 400,
    "malformed_code": 400,
    "already_bound": 409,
    "bind_code_required": 403,
    "bind_code_expired": 410,
    "bind_not_started": 409,
    "bind_expired": 410,
    "not_bound": 409,
    "wrong_code": 403,
    "code_expired": 403,
    "code_used": 403,
    "locked": 429,
    "suspended": 403,
    "not_found": 404,
    "too_many_requests": 429,
    "busy": 429,
    "unavailable": 503,
}

CARRIED = {
    "bind_code_required": {"attempts_left": 4},
    "wrong_code": {"attempts_left": 4},
    "code_expired": {"attempts_left": 3, "seconds_behind": 90},
    "code_used": {"retry_after": 17},
    "locked": {"retry_after": 301},
}

CHINESE = [Language.SIMPLIFIED, Language.TRADITIONAL]

# Characters of our words that the other script
# writes in another way.
ONLY_SIMPLIFIED = (
    "请录码绑验证联删电脑维无认误时间过数应动设显题单号发换击让说这们会个为与来开关门"
    "输扫续极锁业务账户网页试确约张现获权资讯传仅后进选击语见"
)
ONLY_TRADITIONAL = (
    "請錄碼綁驗證聯刪電腦維無認誤時間過數應動設顯題單號發換擊讓說這們會個為與來開關門"
    "輸掃續極鎖業務帳戶網頁試確約張現獲權資訊傳僅後進選擊語見"
)

every_language = pytest.mark.parametrize("language", Language)
every_refusal = pytest.mark.parametrize("refusal", ErrorCode)


def answer_of(refusal: ErrorCode, language: Language):
    return problem(refusal, language, "request-1", CARRIED.get(refusal.value))


def words(language: Language) -> list[str]:
    return [text for entry in messages(language).values() for text in entry.values()]


def test_every_error_code_has_a_status_of_the_contract():
    assert {refusal.value for refusal in ErrorCode} == set(STATUS)


@every_language
@every_refusal
def test_an_error_has_its_status_and_its_words(refusal: ErrorCode, language: Language):
    said = answer_of(refusal, language)
    assert said.status == said.document["status"] == STATUS[refusal.value]
    assert said.document["code"] == refusal.value
    assert said.document["request_id"] == "request-1"
    assert said.document["type"].endswith(f":{refusal.value}")
    assert said.document["title"].strip()
    assert said.document["detail"].strip()
    assert said.document["title"] != said.document["detail"]
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.headers["Content-Language"] == language.value


@every_language
@every_refusal
def test_an_error_carries_its_fields_and_no_others(refusal: ErrorCode, language: Language):
    usual = {"type", "title", "status", "code", "detail", "request_id"}
    carried = {
        name: value for name, value in answer_of(refusal, language).document.items() if name not in usual
    }
    assert carried == CARRIED.get(refusal.value, {})


@every_language
@every_refusal
def test_no_placeholder_is_left_in_the_words(refusal: ErrorCode, language: Language):
    document = answer_of(refusal, language).document
    assert not re.search(r"[{}]|None", document["title"] + document["detail"])


@every_language
def test_an_error_states_its_numbers(language: Language):
    assert "4" in answer_of(ErrorCode.WRONG_CODE, language).document["detail"]
    assert "90" in answer_of(ErrorCode.CODE_EXPIRED, language).document["detail"]
    assert "17" in answer_of(ErrorCode.CODE_USED, language).document["detail"]
    locked = answer_of(ErrorCode.LOCKED, language).document["detail"]
    assert "6" in locked, "301 s are 6 minutes, rounded up"


@pytest.mark.parametrize(
    ("seconds", "wait"),
    [
        (1, "1 min"),
        (60, "1 min"),
        (61, "2 min"),
        (300, "5 min"),
        (3541, "1 h"),
        (3601, "1 h 1 min"),
        (13_440, "3 h 44 min"),
        (14_400, "4 h"),
    ],
)
def test_the_rest_of_a_lock_is_in_hours_and_minutes_rounded_up(seconds: int, wait: str):
    said = problem(ErrorCode.LOCKED, Language.ENGLISH, "request-1", {"retry_after": seconds})
    assert f"Wait {wait}, " in said.document["detail"]


def test_the_rest_of_a_lock_has_the_units_of_the_language():
    simplified, traditional = (
        problem(ErrorCode.LOCKED, language, "request-1", {"retry_after": 13_440}).document["detail"]
        for language in CHINESE
    )
    assert "3 小时 44 分钟" in simplified
    assert "3 小時 44 分鐘" in traditional


@pytest.mark.parametrize(
    ("language", "advice"),
    [
        (Language.SIMPLIFIED, "已无剩余次数，请暂停输入。"),
        (Language.TRADITIONAL, "已無剩餘次數，請暫停輸入。"),
        (Language.ENGLISH, "No attempts left: enter no more codes for now"),
    ],
)
@pytest.mark.parametrize("refusal", [ErrorCode.WRONG_CODE, ErrorCode.CODE_EXPIRED])
def test_without_attempts_left_the_words_ask_for_no_further_code(
    refusal: ErrorCode, language: Language, advice: str
):
    carried = CARRIED[refusal.value] | {"attempts_left": 0}
    document = problem(refusal, language, "request-1", carried).document
    assert advice in document["detail"]
    assert not re.search(r"[{}]", document["detail"])
    assert document["detail"] != answer_of(refusal, language).document["detail"]
    assert document["attempts_left"] == 0


def test_a_malformed_request_names_the_field():
    said = problem(ErrorCode.MALFORMED_REQUEST, Language.ENGLISH, "request-1", {"field": "code"})
    assert said.document["field"] == "code"


@every_refusal
def test_retry_after_is_a_header_except_of_a_used_code(
    refusal: ErrorCode,
):
    expected = {"locked": "301", "unavailable": "5", "too_many_requests": "1", "busy": "1"}
    header = answer_of(refusal, Language.ENGLISH).headers.get("Retry-After")
    assert header == expected.get(refusal.value)


@every_refusal
def test_only_login_errors_carry_www_authenticate(refusal: ErrorCode):
    invalid = 'Bearer error="invalid_token"'
    expected = {"login_required": "Bearer", "login_invalid": invalid, "login_expired": invalid}
    header = answer_of(refusal, Language.ENGLISH).headers.get("WWW-Authenticate")
    assert header == expected.get(refusal.value)


@every_refusal
def test_every_header_is_a_string(refusal: ErrorCode):
    assert all(type(value) is str for value in answer_of(refusal, Language.ENGLISH).headers.values())


@every_language
def test_a_language_has_words_for_every_error_and_no_others(language: Language):
    entries = messages(language)
    assert set(entries) == {refusal.value for refusal in ErrorCode}
    for code, entry in entries.items():
        none_left = {"detail_none_left"} if "attempts_left" in CARRIED.get(code, {}) else set()
        assert set(entry) == {"title", "detail"} | none_left


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@every_refusal
def test_every_language_states_the_same_numbers(refusal: ErrorCode):
    entries = [messages(language)[refusal.value] for language in Language]
    for part in entries[0]:
        said = [placeholders(entry[part]) for entry in entries]
        assert said[0] == said[1] == said[2]
    assert not any(placeholders(entry["title"]) for entry in entries)


@pytest.mark.parametrize("language", CHINESE)
def test_chinese_is_punctuated_in_chinese(language: Language):
    for text in words(language):
        bare = re.sub(r"\{\w+\}|\d+\.\d+", "", text)
        assert not re.search(r"""[!-/:-@\[-`{-~]""", bare), text
        assert not re.search(r" [，。；：、]|[，。；：、] ", text), text


def test_english_is_punctuated_in_english():
    for text in words(Language.ENGLISH):
        assert not re.search(r"[\u3000-\u303f\uff00-\uffef]", text), text


@every_language
def test_a_detail_is_a_whole_sentence_and_a_title_is_not(language: Language):
    stop = "." if language is Language.ENGLISH else "。"
    for entry in messages(language).values():
        assert all(text.endswith(stop) for part, text in entry.items() if part != "title")
        assert not entry["title"].endswith(stop)


def test_each_script_uses_its_own_characters():
    assert not set(ONLY_SIMPLIFIED) & set(ONLY_TRADITIONAL)
    simplified, traditional = ("".join(words(language)) for language in CHINESE)
    assert set(simplified) & set(ONLY_TRADITIONAL) == set()
    assert set(traditional) & set(ONLY_SIMPLIFIED) == set()
    assert len(set(simplified) & set(ONLY_SIMPLIFIED)) > 20, "the set is telling"
    assert len(set(traditional) & set(ONLY_TRADITIONAL)) > 20, "the set is telling"


def test_every_detail_names_the_next_action():
    simplified = messages(Language.SIMPLIFIED)
    assert "极星 9.3 电脑版绑定" in simplified["desktop_only"]["title"]
    assert "客服解绑" in simplified["already_bound"]["detail"]
    assert "删除验证器中的令牌并不会解绑" in simplified["already_bound"]["detail"]
    assert "下一个验证码" in simplified["code_used"]["detail"]
