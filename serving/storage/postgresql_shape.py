"""Whether the schema of a PostgreSQL database is the one that the migrations make.

What can change an answer is compared: which relations there are, their columns and types,
indexes and what they are over, triggers and the function they run, rules, and policies that hide
rows. Comments, statistics, grants and settings of storage are the operator's.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from serving.storage.differences import differences

_RELATIONS = """
    SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
                          WHEN 'm' THEN 'view' WHEN 'f' THEN 'foreign table' END,
           c.relname,
           (SELECT string_agg(format('%s %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
                                     CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END),
                              ', ' ORDER BY a.attnum)
            FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
           || CASE WHEN c.relrowsecurity THEN ', rows hidden' ELSE '' END
           || CASE WHEN c.relpersistence <> 'p' THEN ', not kept' ELSE '' END
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
_INDEXES = """
    SELECT 'index', i.relname,
           format('%s%s (%s)%s', t.relname, CASE WHEN x.indisunique THEN ' unique' ELSE '' END,
                  (SELECT string_agg(pg_get_indexdef(x.indexrelid, k, true), ', ' ORDER BY k)
                   FROM generate_series(1, x.indnkeyatts) k),
                  CASE WHEN x.indisvalid THEN '' ELSE ' not valid' END)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = current_schema()
"""
_TRIGGERS = """
    SELECT 'trigger', g.tgname,
           format('%s %s %s %s %s', t.relname, g.tgtype, g.tgenabled, p.proname, md5(p.prosrc))
    FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_proc p ON p.oid = g.tgfoid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = current_schema() AND NOT g.tgisinternal
"""
_RULES = """
    SELECT 'rule', r.rulename, t.relname
    FROM pg_rewrite r JOIN pg_class t ON t.oid = r.ev_class
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = current_schema() AND r.rulename <> '_RETURN'
"""
_CONSTRAINTS = """
    SELECT 'constraint', k.conname, format('%s %s', t.relname, pg_get_constraintdef(k.oid))
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = current_schema() AND k.contype IN ('c', 'f', 'p', 'u', 'x')
"""
_QUERIES = (_RELATIONS, _INDEXES, _TRIGGERS, _RULES, _CONSTRAINTS)


def shape(connection: Any) -> frozenset[tuple[str, str, str]]:
    """Kind, name and definition of everything in the schema of a connection."""
    return frozenset(
        (str(kind), str(name), str(definition))
        for query in _QUERIES
        for kind, name, definition in connection.execute(query).fetchall()
    )


@cache
def own_shape() -> frozenset[tuple[str, str, str]]:
    """What the migrations make of an empty database; kept beside them, and tested."""
    path = files("serving.storage").joinpath("migrations", "postgresql", "shape.json")
    return frozenset(
        (kind, name, definition) for kind, name, definition in json.loads(path.read_text())
    )


def foreign(connection: Any) -> tuple[str, ...]:
    """Where the schema is not what the migrations make, in words; sorted."""
    return differences(own_shape(), shape(connection))
