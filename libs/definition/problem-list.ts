import { definitionLimits } from "./limits.ts";
import type { Problem } from "./model.ts";

/** Keys and list places from the root of the file. */
export type Path = readonly (string | number)[];

export interface Finding {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly warning?: boolean;
}

/** Where a finding stands: in the file's text, from 0. */
export interface Place {
  readonly offset: number;
}

/** Gathers what is wrong with one file, so that all of it is reported at once. */
export interface ProblemList {
  add(place: Place, finding: Finding): void;
  readonly hasErrors: boolean;
  /** By place, the same finding at the same place once, at most `definitionLimits.problems`. */
  sorted(): readonly Problem[];
}

/** `lineStarts` are the offsets at which lines begin, ascending; the first is 0. */
export function createProblemList(file: string, lineStarts: readonly number[]): ProblemList {
  const found: { offset: number; finding: Finding }[] = [];
  let hasErrors = false;
  return {
    add(place, finding) {
      found.push({ offset: place.offset, finding });
      if (finding.warning !== true) hasErrors = true;
    },
    get hasErrors() {
      return hasErrors;
    },
    sorted() {
      const ordered = found.toSorted((a, b) => a.offset - b.offset);
      const seen = new Set<string>();
      const problems: Problem[] = [];
      for (const { offset, finding } of ordered) {
        const key = `${offset} ${finding.code} ${finding.message}`;
        if (seen.has(key)) continue;
        seen.add(key);
        if (problems.length === definitionLimits.problems) {
          problems.push(toProblem(file, lineStarts, offset, tooMany(found.length)));
          break;
        }
        problems.push(toProblem(file, lineStarts, offset, finding));
      }
      return problems;
    },
  };
}

function tooMany(count: number): Finding {
  return {
    code: "TOO_MANY_PROBLEMS",
    message: `${count - definitionLimits.problems} more problems are not listed`,
    hint: "correct the listed ones first",
  };
}

function toProblem(file: string, lineStarts: readonly number[], offset: number, finding: Finding): Problem {
  const line = lineOf(lineStarts, offset);
  return {
    file,
    line: line + 1,
    column: offset - (lineStarts[line] ?? 0) + 1,
    code: finding.code,
    message: finding.message,
    hint: finding.hint ?? "",
    warning: finding.warning ?? false,
  };
}

/** The last line that begins at or before the offset. */
function lineOf(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** "did you mean …" when there is a near name, else empty. */
export function proposal(name: string | null): string {
  return name === null ? "" : `did you mean \`${name}\`?`;
}
