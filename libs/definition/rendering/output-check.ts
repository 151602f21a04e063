import type { DeclaredOutputs, Json } from "../model.ts";
import { findViolations, kindOf } from "./parameter-value.ts";

/** One output as an attempt leaves it. */
interface LeftOutput {
  readonly key: string;
  /** JSON text. */
  readonly json: string;
}

/**
 * What the outputs of a success lack of what its task declares: every broken rule with its key and the kind of the
 * value, never the value itself; null when they fit. Outputs that are not declared are nobody's business.
 */
export function findOutputProblem(declared: DeclaredOutputs, outputs: readonly LeftOutput[]): string | null {
  const left = new Map(outputs.map(({ key, json }) => [key, json]));
  const broken = Object.entries(declared).flatMap(([key, definition]) => {
    const json = left.get(key);
    if (json === undefined) return definition.required ? [`\`${key}\` is declared and was not left (required)`] : [];
    const violations = findViolations(JSON.parse(json) as Json, definition, kindOf);
    return violations.map(({ rule, message }) => `\`${key}\` ${message} (${rule})`);
  });
  return broken.length === 0 ? null : broken.join("; ");
}
