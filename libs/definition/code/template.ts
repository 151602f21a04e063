import { LRUCache } from "lru-cache";
import { type CodePlace, type CodeScan, type Hole, readHole, refused, unbalanced } from "./code-scan.ts";
import type { ExpressionIssue, ExpressionNames } from "../expressions/expression-names.ts";
import { compileExpression, type Expression } from "../expressions/expression.ts";
import { isSecret } from "../expressions/secret-names.ts";
import { scanPython } from "./python-scanner.ts";
import { scanShell } from "./shell-scanner.ts";
import { scanSqlPlaces } from "./sql-places.ts";

/** What a text with expressions is: the rules for what may be put in their places follow from it. */
export type TemplateLanguage = "text" | "shell" | "other_shell" | "python" | "sql";

export interface TemplatePart {
  readonly expression: Expression;
  readonly place: CodePlace;
}

/** A text with its expressions cut out and compiled. */
export interface Template {
  readonly pieces: readonly (string | TemplatePart)[];
}

/** What one expression of a template reads; `offset` is where its body begins in the text. */
export interface TemplateRead {
  readonly offset: number;
  readonly names: readonly ExpressionNames[];
  readonly expression: Expression | null;
}

export interface TemplateResult {
  /** Null when an issue is no mere warning. */
  readonly template: Template | null;
  readonly reads: readonly TemplateRead[];
  readonly issues: readonly ExpressionIssue[];
}

/** Characters of a text whose template is kept, and of all of them together. */
const keptLength = 10_000;
const keptLengths = 1_000_000;

/** Texts are compiled when a file is checked, again when another part of it has changed, and when its definition is used. */
const kept = new LRUCache<string, TemplateResult>({
  maxSize: keptLengths,
  maxEntrySize: keptLength,
  sizeCalculation: (_, key) => key.length,
});

/** Compiles a text; offsets of issues count in the text. */
export function compileTemplate(text: string, language: TemplateLanguage): TemplateResult {
  if (!text.includes("{{") || text.length > keptLength) return compileNewTemplate(text, language);
  const key = `${language}:${text}`;
  const known = kept.get(key);
  if (known !== undefined) return known;
  // Parts of the key, not of the text: that is a part of its file, all of which would be kept with it.
  const result = compileNewTemplate(key.slice(language.length + 1), language);
  kept.set(key, result);
  return result;
}

function compileNewTemplate(text: string, language: TemplateLanguage): TemplateResult {
  const scan = scanLanguage(text, language);
  const issues: ExpressionIssue[] = [...scan.issues];
  const reads: TemplateRead[] = [];
  const pieces: (string | TemplatePart)[] = [];
  let end = 0;
  for (const hole of scan.holes) {
    const { expression, names, issues: own } = compileExpression(hole.body);
    const offset = hole.start + 2;
    issues.push(...own.map((issue) => ({ ...issue, offset: issue.offset + offset })));
    reads.push({ offset, names, expression });
    if (expression === null) continue;
    const issue = placeIssue(hole, expression, language);
    if (issue !== null) issues.push(issue);
    if (hole.start > end) pieces.push(text.slice(end, hole.start));
    pieces.push({ expression, place: hole.place });
    end = hole.end;
  }
  if (end < text.length) pieces.push(text.slice(end));
  const isUsable = issues.every((issue) => issue.warning === true);
  return { template: isUsable ? { pieces } : null, reads, issues };
}

function scanLanguage(text: string, language: TemplateLanguage): CodeScan {
  if (!text.includes("{{")) return { holes: [], issues: [] };
  switch (language) {
    case "text":
      return scanText(text, { kind: "text" });
    case "other_shell":
      return scanText(text, refused("expressions are understood in code of bash, sh and dash only"));
    case "shell":
      return scanShell(text);
    case "python":
      return scanPython(text);
    case "sql":
      return scanSqlPlaces(text);
  }
}

function placeIssue(
  { start, place }: Hole,
  expression: Expression,
  language: TemplateLanguage,
): ExpressionIssue | null {
  const { isRaw, source } = expression;
  if (isRaw) {
    if (language === "text") return null;
    if (language === "sql") {
      const hint = "a value is always a parameter of the query; for a name use `| ident`";
      return { offset: start, code: "UNSAFE_PLACE", message: "the filter `raw` does not exist in SQL", hint };
    }
    const message = `{{ ${source} }} puts a value into the code as it is`;
    return {
      offset: start,
      code: "RAW_EXPRESSION",
      message,
      hint: "make sure that nobody can choose the value",
      warning: true,
    };
  }
  if (language === "python" && isSecret(expression)) {
    const hint = "give it to the process through `environment` and read it from `os.environ`";
    return { offset: start, code: "UNSAFE_PLACE", message: "a secret can't stand in Python code", hint };
  }
  if (place.kind !== "refused") return null;
  return {
    offset: start,
    code: "UNSAFE_PLACE",
    message: `an expression can't stand here: ${place.reason}`,
    hint: place.hint ?? "give the value to the process through `environment` and use the variable here",
  };
}

/** The expressions of a text without places of its own. */
function scanText(text: string, place: CodePlace): CodeScan {
  const holes: Hole[] = [];
  for (let at = text.indexOf("{{"); at !== -1; ) {
    const hole = readHole(text, at, place);
    if (hole.end === -1) return { holes, issues: [unbalanced(at)] };
    holes.push(hole);
    at = text.indexOf("{{", hole.end);
  }
  return { holes, issues: [] };
}
