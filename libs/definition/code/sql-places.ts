import { scanSql } from "#sql/scan-sql.ts";
import { sqlDialects } from "#sql/sql-dialect.ts";
import type { SqlIssue } from "#sql/sql-statement.ts";
import { splitPipes } from "../expressions/cel-text.ts";
import { type CodePlace, type CodeScan, type Hole, readHole, unbalanced } from "./code-scan.ts";
import { definitionLimits } from "../limits.ts";

const sqlValue: CodePlace = { kind: "sql_value" };
const sqlName: CodePlace = { kind: "sql_name" };

/**
 * Finds the expressions of SQL and whether each is a value or, after `| ident`, a name. The database's dialect is known to
 * the worker alone, which reads the text again: here it is enough that one dialect has a place for every expression.
 * Expressions that are comments to every dialect stay text.
 */
export function scanSqlPlaces(text: string): CodeScan {
  const found = findHoles(text);
  if ("offset" in found) return { holes: [], issues: [found] };
  const ranges = found.map((hole) => ({ ...hole, isName: hole.place.kind === "sql_name" }));
  const scans = sqlDialects.map((dialect) => scanSql(text, ranges, dialect));
  const [best] = scans.toSorted((a, b) => a.issues.length - b.issues.length);
  const refusals = new Map((best?.issues ?? []).map((issue) => [issue.hole, refusalOf(issue)]));
  const ignored = scans.map((scan) => new Set(scan.ignored));
  const holes = found
    .map((hole, index) => ({ ...hole, place: refusals.get(index) ?? hole.place }))
    .filter((_, index) => !ignored.every((each) => each.has(index)));
  return { holes, issues: [] };
}

function findHoles(text: string): readonly Hole[] | ReturnType<typeof unbalanced> {
  const holes: Hole[] = [];
  for (let at = text.indexOf("{{"); at !== -1; ) {
    const hole = readHole(text, at, sqlValue);
    if (hole.end === -1) return unbalanced(at);
    holes.push(isIdent(hole.body) ? { ...hole, place: sqlName } : hole);
    if (holes.length > definitionLimits.expressions) break;
    at = text.indexOf("{{", hole.end);
  }
  return holes;
}

/** Whether its last filter is `ident`. */
function isIdent(body: string): boolean {
  const [, ...filters] = splitPipes(body);
  return /^\s*ident\s*(?:\(\s*\))?\s*$/.test(filters.at(-1)?.text ?? "");
}

function refusalOf({ reason, needsName }: SqlIssue): CodePlace {
  const hint = needsName
    ? "write `{{ … | ident }}`, which quotes it as a name"
    : "a value is a parameter of its own: `{{ … }}` or `'{{ … }}'`; for a name write `{{ … | ident }}`";
  return { kind: "refused", reason, hint, wantsName: needsName };
}
