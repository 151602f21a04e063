import type { Definition, Problem } from "#definition/model.ts";
import { parseDefinition } from "#definition/parse-definition.ts";
import type { TemplateCatalog } from "#definition/templates/template-catalog.ts";
import { describeError } from "#errors/app-error.ts";
import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { hashContent } from "./list-folder.ts";
import { readInstance, type TemplateOrigin } from "./read-instance.ts";

/** What definitions are checked against. */
export interface DefinitionRules {
  readonly operators: OperatorSchemas;
  readonly maxTaskTimeoutMs: number;
  /** What instances may be made from; absent: nothing. */
  readonly templates?: TemplateCatalog;
}

/** A content that can be put in force. */
export interface ValidDefinition {
  readonly kind: "valid";
  readonly definition: Definition;
  readonly text: string;
  /** SHA-256 of the content, hex. */
  readonly hash: string;
  /** Null: it is a definition as such. */
  readonly origin: TemplateOrigin | null;
  readonly warnings: readonly Problem[];
}

/** A content that was read and checked. */
export type ReadDefinition =
  | ValidDefinition
  | { readonly kind: "invalid"; readonly hash: string; readonly problems: readonly Problem[] };

/**
 * Checks a content; `file` names it in problems. Synchronous: the largest definition takes up to a second. Never throws:
 * a content that the check can't cope with is a broken one, and stops no other.
 */
export function readDefinition(content: Uint8Array, file: string, rules: DefinitionRules): ReadDefinition {
  const hash = hashContent(content);
  const refuse = (code: string, message: string, hint: string): ReadDefinition => {
    return { kind: "invalid", hash, problems: [{ file, line: 1, column: 1, code, message, hint, warning: false }] };
  };
  const text = decodeText(content);
  if (text === null) return refuse("NOT_UTF8", "the file is not UTF-8 text", "save it as UTF-8");
  try {
    const made = readInstance(text, file, rules) ?? { ...parseDefinition(text, { file, ...rules }), origin: null };
    const { definition, problems, origin } = made;
    const isBroken = definition === null || problems.some((problem) => !problem.warning);
    return isBroken
      ? { kind: "invalid", hash, problems }
      : { kind: "valid", definition, text, hash, origin, warnings: problems };
  } catch (thrown) {
    return refuse("NOT_CHECKED", `checking the file failed: ${describeError(thrown)}`, "report it with the file");
  }
}

/** Line of the definition's `id` key, from 1; for a problem that concerns the id as a whole. */
export function lineOfId(text: string): number {
  const at = text.search(/^["']?id["']?\s*:/m);
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
}

/** Null: it is not UTF-8. */
export function decodeText(content: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    return null;
  }
}
