import type { Repository } from "./repository.ts";

export interface Finding {
  readonly path: string;
  /** Counted from 1; null when the whole file is meant. */
  readonly line: number | null;
  readonly message: string;
}

/** One rule of the house that neither the compiler nor the linter can check. */
export interface Rule {
  readonly name: string;
  readonly check: (repository: Repository) => readonly Finding[];
}

/** `path:line rule: message`, so that editors and terminals can jump there. */
export function formatFinding(rule: Rule, finding: Finding): string {
  const place = finding.line === null ? finding.path : `${finding.path}:${finding.line}`;
  return `${place} ${rule.name}: ${finding.message}`;
}
