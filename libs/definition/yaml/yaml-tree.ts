import { Composer, type CST, type Document, Lexer, Parser } from "yaml";
import { definitionLimits } from "../limits.ts";
import type { Json } from "../model.ts";
import { createDepthScan } from "./depth-scan.ts";
import { readPlainTree } from "./plain-tree.ts";

/** One document of a file. */
export interface YamlTree {
  /** Its JSON where it is written plainly, and has no fault then; undefined: its nodes say what it is. */
  readonly plain: Json | undefined;
  /** What the library makes of it, with the place of each value. Of a plain document it is made when it is asked for. */
  readonly nodes: () => Document;
}

/**
 * Feeds the parser lexeme by lexeme and stops before one that goes too deep; then there are no documents. The stages are
 * joined by plain loops: generators within generators take a twentieth of the whole time.
 */
export function parseYaml(text: string): {
  readonly documents: readonly YamlTree[];
  readonly tooDeepAt: number | null;
} {
  const [parser, depth] = [new Parser(), createDepthScan()];
  const tokens: CST.Token[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    if (depth.next(lexeme) > definitionLimits.nesting) return { documents: [], tooDeepAt: parser.offset };
    for (const token of parser.next(lexeme)) tokens.push(token);
  }
  for (const token of parser.end()) tokens.push(token);
  return { documents: toTrees(tokens, text.length), tooDeepAt: null };
}

/** Composing takes a quarter of the whole time, and most files need it neither for their values nor for a place. */
function toTrees(tokens: readonly CST.Token[], end: number): readonly YamlTree[] {
  const only = onlyDocument(tokens);
  const plain = only === null ? undefined : readPlainTree(only);
  if (plain === undefined) return compose(tokens, end).map((document) => ({ plain, nodes: () => document }));
  let composed: Document | undefined;
  const nodes = (): Document => {
    composed ??= compose(tokens, end)[0];
    if (composed === undefined) throw new Error("a document that was read has no nodes");
    return composed;
  };
  return [{ plain, nodes }];
}

/** Null: there are several, or none, or something that tells how to read it. */
function onlyDocument(tokens: readonly CST.Token[]): CST.Document | null {
  let found: CST.Document | null = null;
  for (const token of tokens) {
    if (token.type === "document" && found === null) found = token;
    else if (token.type !== "comment" && token.type !== "newline" && token.type !== "space") return null;
  }
  return found;
}

function compose(tokens: readonly CST.Token[], end: number): readonly Document[] {
  const composer = new Composer(composerOptions);
  const documents: Document[] = [];
  for (const token of tokens) documents.push(...composer.next(token));
  documents.push(...composer.end(true, end));
  return documents;
}

/** Duplicate keys are looked for on the tree: the composer's own check takes quadratic time. */
const composerOptions = { version: "1.2", uniqueKeys: false, prettyErrors: false, keepSourceTokens: false } as const;
