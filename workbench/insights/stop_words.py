"""Words that say nothing of a topic: English, German, French, Spanish, Chinese."""

STOP_WORDS = frozenset(
    (
    "about", "after", "again", "all", "also", "and", "any", "are", "auf", "avec", "because",
    "been", "before", "being", "bit",
    "but", "can", "con", "could", "das", "del", "der", "des", "did", "didn't", "die", "does",
    "doing", "don't", "ein", "eine",
    "est", "even", "for", "from", "für", "get", "got", "had", "has", "have", "her", "here", "him",
    "his", "how", "i'm", "i've",
    "ich", "into", "ist", "it's", "its", "just", "las", "les", "like", "los", "lot", "many", "mit",
    "more", "most", "much", "muy",
    "nicht", "not", "one", "only", "our", "out", "over", "own", "pas", "por", "pour", "que",
    "really", "same", "she", "should",
    "some", "such", "than", "that", "the", "them", "then", "there", "these", "they", "this",
    "those", "too", "two", "una", "und",
    "une", "very", "was", "well", "were", "what", "when", "which", "while", "who", "why", "will",
    "with", "would", "you", "your",
    "的", "了", "是", "我", "很", "在", "也", "都", "就", "和", "有", "不", "一个", "没有", "非常", "这个", "这款", "还",
    "说", "要", "用", "买", "到",
    )
)  # fmt: skip
