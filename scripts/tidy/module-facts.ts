import { type Comment, parseSync, visitorKeys } from "oxc-parser";

export interface Located {
  readonly text: string;
  /** Counted from 1. */
  readonly line: number;
}

/** What the rules need to know of a module, read from its syntax tree. */
export interface ModuleFacts {
  /** Specifiers of imports, re-exports, dynamic imports and `import()` types. */
  readonly imports: readonly Located[];
  readonly exportCount: number;
  /** It holds nothing but re-exports. */
  readonly isBarrel: boolean;
  /** Each use of an identifier or a member path, longest path only: `Date`, `process.env`; `.then` on anything else. */
  readonly uses: readonly Located[];
  readonly forInLines: readonly number[];
  readonly comments: readonly Located[];
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** Keys under which an identifier names a member or a label, and is no use of a variable. */
const NAMING_KEYS: Readonly<Record<string, readonly string[]>> = {
  MemberExpression: ["property"],
  Property: ["key"],
  MethodDefinition: ["key"],
  PropertyDefinition: ["key"],
  TSPropertySignature: ["key"],
  TSMethodSignature: ["key"],
  TSQualifiedName: ["right"],
  ImportSpecifier: ["imported", "local"],
  ExportSpecifier: ["exported"],
};

/** Parses one file. Throws when it is no valid TypeScript, with the parser's first message. */
export function readModuleFacts(path: string, text: string): ModuleFacts {
  const parsed = parseSync(path, text);
  const error = parsed.errors[0];
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const lineOf = createLineIndex(text);
  const imports: Located[] = [];
  const uses: Located[] = [];
  const forInLines: number[] = [];

  const visit = (node: SyntaxNode): void => {
    if (node.type === "ForInStatement") forInLines.push(lineOf(node.start));
    const specifier = specifierOf(node);
    if (specifier !== null) imports.push({ text: specifier, line: lineOf(node.start) });
    const name = memberPathOf(node);
    if (name !== null) uses.push({ text: name, line: lineOf(node.start) });
    if (name !== null && !name.startsWith(".")) return;
    for (const child of childrenOf(node)) visit(child);
  };
  visit(parsed.program as unknown as SyntaxNode);

  const statements = parsed.program.body;
  return {
    imports,
    exportCount: parsed.module.staticExports.reduce((sum, statement) => sum + statement.entries.length, 0),
    isBarrel: statements.length > 0 && statements.every((statement) => "source" in statement && isReexport(statement)),
    uses,
    forInLines,
    comments: parsed.comments.map((comment: Comment) => ({ text: comment.value, line: lineOf(comment.start) })),
  };
}

function isReexport(statement: { readonly type: string; readonly source: unknown }): boolean {
  return statement.type.startsWith("Export") && statement.source !== null;
}

/** The module that a node imports, when it is written out. */
function specifierOf(node: SyntaxNode): string | null {
  const isImport = /^(?:Import(?:Declaration|Expression)|Export(?:Named|All)Declaration|TSImportType)$/.test(node.type);
  const source = isImport ? (node["source"] ?? node["argument"]) : null;
  return isNode(source) && typeof source["value"] === "string" ? source["value"] : null;
}

/** `a.b.c` for a chain of plain members, `a` for an identifier, `.c` for a member of any other expression, else null. */
function memberPathOf(node: SyntaxNode): string | null {
  if (node.type === "Identifier") return String(node["name"]);
  if (node.type !== "MemberExpression" || node["computed"] === true) return null;
  const { object, property } = node;
  if (!isNode(object) || !isNode(property)) return null;
  const start = memberPathOf(object);
  return `${start === null || start.startsWith(".") ? "" : start}.${String(property["name"])}`;
}

function childrenOf(node: SyntaxNode): readonly SyntaxNode[] {
  const naming = node["computed"] === true ? [] : (NAMING_KEYS[node.type] ?? []);
  return (visitorKeys[node.type] ?? [])
    .filter((key) => !naming.includes(key))
    .flatMap((key) => node[key])
    .filter(isNode);
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value;
}

/** Line of an offset, by the line starts before it. */
function createLineIndex(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
