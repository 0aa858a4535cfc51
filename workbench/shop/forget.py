"""A person is taken out of everything the home holds, and a search over all of it proves it.

Rows in the shop, its snapshots and the versions' vectors and predictions are deleted and the files written anew, so that
no freed block keeps them. Other files that still hold a trace (what runs left, uploads, groups that were derived) are removed.
Which rows, texts and vectors are the person's is known from the shop alone: it is changed last and all at once, so that a
forgetting that a kill or a full disk ended is asked for again and does the rest.
What a model's weights learned from the person cannot be taken out of them: the report names the versions that did.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from workbench.errors import WorkbenchError
from workbench.files import read_json, sha256, write_json
from workbench.home import Home
from workbench.registry import ADDED, EVALUATION, MANIFEST, ModelVersion, Registry
from workbench.run import runs
from workbench.shop import traces
from workbench.shop.importers import personal
from workbench.shop.plain import clean
from workbench.shop.schema import TABLES
from workbench.shop.store import NEXT_VERSION, Connection, Store, connect, quote
from workbench.shop.traces import Person

TEXT_LETTERS = 20  # shorter texts may be anybody's
FORGOTTEN = "[forgotten]"
OWN = ("reviews", "events", "tickets", "users")
WRITTEN = {"reviews": ("title", "body", "concat_ws('. ', nullif(title, ''), nullif(body, ''))"), "tickets": ("body",), "events": ()}
PREDICTED = {"sentiment": "reviews", "category": "products", "intent": "tickets", "return": "users"}  # what the built-in tasks tell of


def forget(home: Home, user: str) -> dict[str, Any]:
    """Delete `user` everywhere in the home; what was removed, rewritten, searched, and what cannot be unlearned.

    Raises WorkbenchError where nobody of this id is known, a run is at work, or another process holds the shop.
    """
    need_quiet(home)
    with Store.open(home) as store:
        person = _find(store, user)
        if not _known(home, store, person):
            raise WorkbenchError(
                f"There is no trace of a user {user!r} in {home.root}.",
                "Look up the id as the shop has it, for example on the page Segments.",
            )
    learned = [version.id for version in Registry(home).versions()]
    rewritten = [
        path for path in sorted(home.snapshots.glob("*.duckdb")) if traces.holds(path, person) and _rewrite(path, _rows_of(person))
    ]
    for version in Registry(home).versions():
        rewritten += _from_version(version, person)
    deleted = _delete_what_still_holds(home, person)
    removed = _from_shop(home, person)
    rewritten.append(home.shop_file)
    found = _search(home, person)
    return {
        "user": user,
        "removed": removed,
        "rewritten": [str(path.relative_to(home.root)) for path in rewritten],
        "deleted": [str(path.relative_to(home.root)) for path in deleted],
        "searched": len(traces.files(home)) + 1,
        "found": found,
        "cannot": _cannot(learned),
    }


def held(store: Store, user: str) -> dict[str, int]:
    """Rows of `user`, by its id or the hash of it, in each of the shop's tables that has any."""
    ids = list(_ids(store, user))
    found = {name: int(store.value(f"SELECT count(*) FROM {name} WHERE user_id IN (SELECT unnest(?))", [ids])) for name in OWN}
    return {name: rows for name, rows in found.items() if rows}


def in_words(document: dict[str, Any]) -> list[str]:
    """What `forget` did and proves, one line each."""
    lines = [f"Removed: {rows_in_words(document['removed']) or 'no rows of the shop'}"]
    lines += [f"Written anew: {', '.join(document['rewritten'])}"] if document["rewritten"] else []
    lines += [f"Deleted: {', '.join(document['deleted'])}"] if document["deleted"] else []
    left = f"traces are left in {', '.join(document['found'])}" if document["found"] else "no trace is left"
    searched = f"{document['searched']:,} file{'' if document['searched'] == 1 else 's'}"
    return [*lines, f"Searched {searched}: {left}", document["cannot"]]


def rows_in_words(rows: dict[str, int]) -> str:
    """Rows by table: "reviews 3, events 12"."""
    return ", ".join(f"{name} {count:,}" for name, count in rows.items())


def _cannot(learned: list[str]) -> str:
    if not learned:
        return "No model learned from this person. Files outside the home, such as the exports that were imported, are not touched."
    return (
        f"The weights of {', '.join(learned)} may have learned from this person; that cannot be taken out of them. Train anew and delete "
        "these versions to be rid of it. Files outside the home, such as the exports that were imported and backups, are not touched."
    )


def need_quiet(home: Home) -> None:
    """Raises WorkbenchError where a run is at work: it reads rows that would be deleted."""
    for run in runs(home):
        if not run.ended() and run.status().state in ("queued", "running"):
            raise WorkbenchError(f"Run {run.id} is at work and reads the shop's rows.", "Wait for it or cancel it, then try again.")


def _ids(store: Store, user: str) -> tuple[str, ...]:
    """The id, as it is written and as it is hashed, and the hashes that can stand for it where the home has a key for such."""
    written = tuple(dict.fromkeys((user, personal.one_spelling(user))))
    if not (store.home.settings / "pseudonyms.key").exists():
        return written
    return (*written, *(personal.pseudonym(store.home, one) for one in written))


def _find(store: Store, user: str) -> Person:
    ids = _ids(store, user)
    keys: dict[str, tuple[str, ...]] = {}
    texts: list[str] = []
    for name in ("reviews", "tickets", "events"):
        wrote = ", ".join(WRITTEN[name]) or "NULL"
        rows = store.rows(f"SELECT {TABLES[name].key}, {wrote} FROM {name} WHERE user_id IN (SELECT unnest(?))", [list(ids)])
        keys[TABLES[name].key] = tuple(key for key, *_ in rows)
        texts += dict.fromkeys(text for _, *written in rows for text in written if text and len(text) >= TEXT_LETTERS)
    spelled = _spellings(store, texts)
    shared = {text for text, each in zip(texts, spelled, strict=True) if any(_is_of_others(store, one, ids) for one in each)}
    looked_for = dict.fromkeys(one for text, each in zip(texts, spelled, strict=True) if text not in shared for one in each)
    about = store.rows("SELECT task, coalesce(arg_max(attributes->>'about', created_at), 'reviews') FROM labels GROUP BY task")
    predicted = {task: TABLES[table].key for task, table in {**dict(about), **PREDICTED}.items() if table in TABLES}
    return Person(ids, keys, tuple(looked_for), predicted)


def _spellings(store: Store, texts: Sequence[str]) -> list[list[str]]:
    """Each text as it was written and as labels keep it: cleaned, and without what is personal."""
    plain = [clean(text) for text in texts]
    masked = personal.masked_texts(store, [*texts, *plain]) if texts else []
    each = zip(texts, plain, masked[: len(texts)], masked[len(texts) :], strict=True)
    return [[text, *(one for one in dict.fromkeys(others) if one != text and len(one) >= TEXT_LETTERS)] for text, *others in each]


def _is_of_others(store: Store, text: str, ids: Iterable[str]) -> bool:
    """Whether others wrote the text too, or a product is called or described so: then it tells of nobody."""
    if store.rows("SELECT 1 FROM products WHERE contains(title, ?) OR contains(description, ?) LIMIT 1", [text, text]):
        return True
    others = "SELECT 1 FROM {} WHERE ({}) AND (user_id IS NULL OR user_id NOT IN (SELECT unnest(?))) LIMIT 1"
    holds = {name: " OR ".join(f"contains({column}, ?)" for column in WRITTEN[name]) for name in ("reviews", "tickets")}
    return any(store.rows(others.format(name, where), [text] * len(WRITTEN[name]) + [list(ids)]) for name, where in holds.items())


def _known(home: Home, store: Store, person: Person) -> bool:
    with store.cursor() as cursor:
        if traces.connection_holds(cursor, person):
            return True
    return any(traces.holds(path, person) for path in traces.files(home))


# -- the shop, its snapshots, the versions -------------------------------------------------------


def _from_shop(home: Home, person: Person) -> dict[str, int]:
    """Put a copy without the person in the place of the shop's file, which is held meanwhile; how many rows are gone."""
    beside, delete = home.shop_file.with_name(f"{uuid4().hex}.forget"), _rows_of(person)
    try:
        with Store.open(home) as store:
            with store.cursor() as cursor:
                cursor.execute("CHECKPOINT")  # no write-ahead log of the old file may stand beside the new one
            store.copy_to(beside)
            connection = connect(beside, allow=(home.data,))
            try:
                connection.execute("BEGIN")
                removed = delete(connection)
                connection.execute(NEXT_VERSION)
                connection.execute("COMMIT")
            finally:
                connection.close()
            _compact(beside).chmod(home.shop_file.stat().st_mode & 0o777)
            beside.replace(home.shop_file)
    finally:
        beside.unlink(missing_ok=True)
    return removed


def _rows_of(person: Person) -> Callable[[Connection], dict[str, int]]:
    """What takes the person's rows out of a shop's tables and says how many."""

    def delete(cursor: Connection) -> dict[str, int]:
        removed = {}
        ids, texts = list(person.ids), list(person.texts)
        for name in OWN:
            removed[name] = _count(cursor.execute(f"DELETE FROM {name} WHERE user_id IN (SELECT unnest(?))", [ids]))
        held = "len(list_filter(?::VARCHAR[], lambda t: contains(text, t))) > 0"
        removed["labels"] = _count(cursor.execute(f"DELETE FROM labels WHERE {held}", [texts]))
        for name, table in TABLES.items() if person.within else ():
            for column in (c for c in table.columns if c.type in traces.TEXTS and c.name != table.key):
                value = f"regexp_replace({column.name}::VARCHAR, $1, '{FORGOTTEN}', 'g')::{column.type}"
                cursor.execute(
                    f"UPDATE {name} SET {column.name} = {value} WHERE regexp_matches({column.name}::VARCHAR, $1)", [person.within]
                )
        cursor.execute("DROP SCHEMA IF EXISTS undo CASCADE")
        return {name: count for name, count in removed.items() if count}

    return delete


def _count(result: Connection) -> int:
    return int(result.fetchall()[0][0])


def _from_version(version: ModelVersion, person: Person) -> list[Path]:
    """Take the person out of a version's vectors and predictions; the manifest that names a file is signed just before it changes."""

    def delete(cursor: Connection) -> None:
        tables = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
        for (table,) in tables:
            columns = {row[0] for row in cursor.execute(f"DESCRIBE {quote(table)}").fetchall()}
            for key in columns & {"user_id", "review_id", "key"}:
                cursor.execute(f"DELETE FROM {quote(table)} WHERE {key} IN (SELECT unnest(?))", [person.known_in(key, table)])

    def sign(path: Path, fresh: Path) -> None:
        for manifest in [version.folder / MANIFEST, *version.folder.glob(ADDED)]:
            _sign_again(manifest, path.name, sha256(fresh))

    return [path for path in (version.vectors_file, *version.added) if traces.holds(path, person) and _rewrite(path, delete, sign)]


def _sign_again(manifest: Path, name: str, digest: str) -> None:
    """Let a manifest that names a file tell its new digest.

    A kill before the file itself is replaced leaves the old one, which still holds the person: the next forgetting writes and signs it.
    """
    told = read_json(manifest)
    if name in told.get("files", {}):
        told["files"][name] = digest
    elif told.get("file") == name:
        told["sha256"] = digest
    else:
        return
    write_json(manifest, told)
    manifest.chmod(0o444)


def _rewrite(path: Path, delete: Callable[[Connection], Any], sign: Callable[[Path, Path], None] = lambda path, fresh: None) -> bool:
    """Delete rows of a closed DuckDB file and write it anew beside its name, then, `sign`ed, in its place."""
    mode = path.stat().st_mode
    beside = path.with_name(f"{uuid4().hex}.forget")
    shutil.copyfile(path, beside)
    try:
        connection = connect(beside, allow=(path.parent,))
        try:
            delete(connection)
            connection.execute("CHECKPOINT")
        finally:
            connection.close()
        fresh = _compact(beside)
        fresh.chmod(mode & 0o777)
        sign(path, fresh)
        fresh.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return True


def _compact(path: Path) -> Path:
    """Write a DuckDB file anew in its own place, without the blocks that deleted rows left."""
    fresh = path.with_name(f"{uuid4().hex}.fresh")
    connection = connect(path, allow=(path.parent,))
    try:
        name = connection.execute("SELECT current_database()").fetchall()[0][0]
        connection.execute(f"ATTACH '{str(fresh).replace(chr(39), chr(39) * 2)}' AS fresh")
        connection.execute(f"COPY FROM DATABASE {quote(name)} TO fresh")
        connection.execute("DETACH fresh")
    finally:
        connection.close()
    fresh.replace(path)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    return path


# -- all other files -----------------------------------------------------------------------------


def _delete_what_still_holds(home: Home, person: Person) -> list[Path]:
    """Remove what runs left, uploads, derived files and readings that may still hold a trace; they can be made again."""
    signed = {version.folder / name for version in Registry(home).versions() for name in version.manifest["files"]}
    gone = [path for path in traces.files(home) if path not in signed and traces.holds(path, person)]
    gone += sorted(home.readings.glob("*"))  # what a model's layers said of the person's texts is no text, yet comes from it
    derived = {path.parent for path in gone if path.parent.name == "derived"}  # its files belong together: what is left would lack a part
    gone += [path for folder in derived for path in folder.iterdir() if path not in gone and path.name != Path(EVALUATION).name]
    for path in reversed(gone):  # what holds a trace goes last: by it one who was killed here finds the rest again
        path.unlink(missing_ok=True)
    return gone


def _search(home: Home, person: Person) -> list[str]:
    """Files that hold a trace after all: none, if the person was forgotten."""
    left = [str(path.relative_to(home.root)) for path in traces.files(home) if traces.holds(path, person)]
    if traces.duckdb_holds(home.shop_file, person):
        left.append(str(home.shop_file.relative_to(home.root)))
    return left
