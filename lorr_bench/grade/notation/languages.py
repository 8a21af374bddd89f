"""Words that graders must know, by language: tables, so that another language is a line here and no code."""

from __future__ import annotations

from typing import Final

CONNECTIVES: Final = {
    "or": "or",
    "and": "and",
    "und": "and",
    "oder": "or",
    "或者": "or",
    "或": "or",
    "和": "and",
    "且": "and",
    "または": "or",
    "или": "or",
    "또는": "or",
}
"""Words between parts of an answer, by what they mean."""

SHORT_CONNECTIVES: Final = {"y": "and", "o": "or", "e": "and", "et": "and", "ou": "or", "и": "and"}
"""Those that are letters of a variable too, and therefore read between boxes only."""

ANSWER_WORDS: Final = (
    "final answer",
    "correct answer",
    "answer",
    "final result",
    "réponse finale",
    "réponse",
    "respuesta final",
    "respuesta correcta",
    "respuesta",
    "antwort",
    "risposta",
    "resposta",
    "ответ",
    "odpowiedź",
    "cevap",
    "jawaban",
    "jawabannya",
    "đáp án",
    "正确答案",
    "最终答案",
    "答案",
    "正解",
    "答え",
    "解答",
    "정답",
    "답",
    "الإجابة",
    "الجواب",
    "उत्तर",
)
"""What stands before the answer of a text, long ones before those that they begin with."""

COPULAS: Final = (
    "is equal to",
    "would be",
    "must be",
    "should be",
    "is therefore",
    "is thus",
    "equals",
    "is",
    "are",
    "was",
    "est donc",
    "est",
    "es",
    "ist",
    "lautet",
    "è",
    "é",
    "adalah",
    "là",
    "to",
    "应选",
    "应该选",
    "选择",
    "选",
    "應選",
    "選",
    "应该是",
    "应为",
    "是",
    "为",
    "為",
    "は",
    "은",
    "는",
    "هو",
    "هي",
    "है",
)
"""What may stand between such a word and the answer; a colon does as well."""

COUNTERS: Final = (
    *(
        "个",
        "個",
        "元",
        "人",
        "名",
        "只",
        "本",
        "张",
        "張",
        "次",
        "岁",
        "歲",
        "天",
        "年",
        "月",
        "日",
        "小时",
        "分钟",
    ),
    *(
        "秒",
        "米",
        "厘米",
        "千米",
        "公里",
        "千克",
        "公斤",
        "克",
        "吨",
        "升",
        "度",
        "块",
        "条",
        "件",
        "台",
        "辆",
        "棵",
    ),
    *(
        "种",
        "組",
        "组",
        "页",
        "頁",
        "题",
        "分",
        "平方米",
        "平方厘米",
        "立方厘米",
        "立方米",
        "円",
        "匹",
        "枚",
        "冊",
    ),
    *(
        "개",
        "명",
        "원",
        "마리",
        "권",
        "장",
        "살",
        "번",
        "시간",
        "분",
        "초",
        "руб",
        "рублей",
        "шт",
        "Uhr",
        "Stück",
    ),
)
"""Counting words and units of other scripts behind a number; they change no value."""

FOREIGN_SCALES: Final = {
    "百": 10**2,
    "千": 10**3,
    "万": 10**4,
    "萬": 10**4,
    "亿": 10**8,
    "億": 10**8,
    "만": 10**4,
    "억": 10**8,
}

CHOICE_WORDS: Final = (
    "option",
    "choice",
    "answer",
    "letter",
    "选项",
    "選項",
    "答案",
    "opción",
    "réponse",
    "antwort",
)

NEGATIONS: Final = ("not", "n't", "nicht", "pas", "no")
DENIALS: Final = (
    "incorrect",
    "wrong",
    "false",
    "inaccurate",
    "impossible",
    "partially",
    "partly",
    "falsch",
    "faux",
    "incorrecta",
    "incorrecto",
)
"""Words behind an answer and a form of "be" that say it is not the answer, or not the whole of it."""
APPROVALS: Final = ("correct", "right", "true", "answer", "possible", "valid", "richtig", "correcta")
"""Words that say so behind a negation."""

CHOICE_VERBS: Final = ("正确选项", "选项", "選項", "答案", "选", "選")
CHINESE_COPULAS: Final = ("是", "为", "為")
COLONS: Final = ":\uff1a"
SENTENCE_ENDS: Final = "。\uff1b"
"""Signs of other scripts that end a sentence or clause."""

TURNS: Final = frozenset(
    word
    for line in (
        "so hence thus therefore then wait no not but actually rather instead is are was were",
        "gives give giving makes making leads leading yields equals correction corrected error",
        "mistake wrong hmm oops finally because since which where if when check checking donc",
        "also mais nein aber sondern",
    )
    for word in line.split()
)
"""Words that end one thought and begin another: boxes on both sides of one are steps, not parts."""

SHORT_WORDS: Final = frozenset(
    word
    for line in (
        "a so it is we an as be by do if in of on to he my no up us at go am has get the and for",
        "was are",
    )
    for word in line.split()
)
"""Words of prose that are as short as products of variables."""

PLACEHOLDERS: Final = frozenset(
    {
        "",
        "...",
        r"\ldots",
        r"\dots",
        "answer",
        "your answer",
        "the answer",
        "final answer",
        "your final answer",
        "the final answer",
        "answer here",
        "your answer here",
        "result",
        "solution",
        "?",
        "??",
        "???",
        "_",
        "__",
        "___",
        "ans",
        "number",
        r"\cdot",
        r"\;",
        r"\,",
        r"\ ",
        "~",
        "答案",
        "réponse",
        "respuesta",
        "antwort",
    }
)
"""What a box holds that is spoken of, not filled in."""

SHORT_ANSWERS: Final = frozenset({"no", "yes"})
"""Answers that are words, though as short as products of variables."""

FINAL_VERBS: Final = ("です", "でした", "となります", "입니다", "이다", "이에요", "है", " dir")
"""Words that end a sentence behind the answer, in languages whose verb comes last."""

SYNONYMS: Final = {
    r"\mathbb{R}^+": (
        "positive real numbers",
        "all positive real numbers",
        "positive reals",
        "all positive reals",
    ),
    r"\mathbb{R}_{\ge 0}": (
        "nonnegative real numbers",
        "non-negative real numbers",
        "all nonnegative real numbers",
        "all non-negative real numbers",
        "nonnegative reals",
        "non-negative reals",
    ),
    r"\mathbb{R}": (
        "all real numbers",
        "all reals",
        "the real numbers",
        "real numbers",
        "the set of all real numbers",
        "set of all real numbers",
        "set of real numbers",
        "the set of real numbers",
        "any real number",
        "every real number",
        "全体实数",
        "所有实数",
    ),
    r"\emptyset": ("empty set", "the empty set", "空集"),
    r"\infty": ("infinity", "infinite", "infinitely many"),
    "no solution": (
        "no solutions",
        "no real solution",
        "no real solutions",
        "there is no solution",
        "there are no solutions",
        "there is no real solution",
        "there are no real solutions",
        "has no solution",
        "has no solutions",
        "no such solution exists",
        "无解",
    ),
    "does not exist": ("dne", "doesn't exist", "limit does not exist", "the limit does not exist", "不存在"),
    "undefined": ("not defined", "is undefined"),
    "yes": ("是", "oui", "sí", "ja"),
    "no": ("否", "non", "nein"),
}
"""Words and signs for the same thing, by the writing that stands for all."""
