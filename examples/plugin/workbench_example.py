"""One of each kind of thing that a package can add to the workbench; CONTRIBUTING.md shows these very lines."""

from __future__ import annotations

from workbench.browse.page import Found, Page
from workbench.parse import Parsed, Unreadable
from workbench.providers import Answer


# provider
class Echo:
    """Answers with the question; `models add parrot --provider echo --name x` reaches it."""

    synthetic = True  # no model wrote it

    def __init__(self, alias: str) -> None:
        self.alias = alias  # `echo`, or `echo:VARIANT`

    async def call(self, request):
        """Whatever happens is an Answer; its outcome says whether the call is made again."""
        text = request.messages[-1]["content"]
        return Answer(
            "ok", body=text.encode(), text=text, finish_reason="stop", tokens_in=len(text), tokens_out=len(text)
        )

    async def aclose(self):
        """Let go of connections."""


# parser
def first_line(raw, options):
    """The first line of an answer that is not blank; `parser: first_line` in a template's front matter."""
    for line in filter(str.strip, raw.splitlines()):
        return Parsed(line.strip(), "ok")
    raise Unreadable("empty", "the answer has no line")


# export
def titles(rows, columns):
    """Write one line a text: its ID and its topic."""
    for row in rows:
        yield f"{row['gen_id']}\t{row['topic'] or ''}"


# page
def gather(db, asked):
    """Count words by template; `rows` are shown as a table, and are the page's JSON."""
    sql = "select template_id, sum(word_count(parsed)) as words from generation_texts group by 1 order by 2 desc"
    rows = [{"template": name, "words": words} for name, words in db.execute(sql)]
    return Found("Words by template", {"rows": rows}, sql)


WORDS = Page("words", gather, label="Words")


# migration
def trim_titles(db):
    """Take blanks from the ends of topics' titles: `workbench migrate apply --kind trim-titles`, and rolled back."""
    changed = db.execute("update topics set title = trim(title) where title <> trim(title)")
    return {"titles trimmed": changed.rowcount}
