import { type DefinitionChanges, renderChanges } from "./change-lines.ts";
import type { Paint } from "./paint.ts";
import { harmlessLine } from "./terminal-text.ts";

/** What one content of a definition has that another has not. */
export interface ContentDiff {
  /** What is compared with what. */
  readonly title: string;
  /** Null: it can't be told. */
  readonly changes: DefinitionChanges | null;
  /** A unified diff; empty: the texts are the same. */
  readonly textDiff: string;
}

export function renderDiff({ title, changes, textDiff }: ContentDiff, paint: Paint): readonly string[] {
  const head = paint("plain", harmlessLine(title), "bold");
  const isSame = changes !== null && isUnchanged(changes);
  if (textDiff === "" && (isSame || changes === null)) return [`${head} says the same`];
  const meaning = changes === null ? [] : isSame ? ["    the meaning is the same"] : renderChanges(changes, paint);
  return [head, ...meaning, ...textLines(textDiff).map((line) => paintLine(harmlessLine(line), paint))];
}

function isUnchanged({ keysChanged, tasksAdded, tasksRemoved, tasksChanged }: DefinitionChanges): boolean {
  return [keysChanged, tasksAdded, tasksRemoved, tasksChanged].every((list) => list.length === 0);
}

/** The lines of a text, without a last one that is empty. */
export function textLines(text: string): readonly string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

function paintLine(line: string, paint: Paint): string {
  if (/^(?:\+\+\+|---|@@)/.test(line)) return paint("gray", line);
  if (line.startsWith("+")) return paint("green", line);
  return line.startsWith("-") ? paint("red", line) : line;
}
