/** Lines that are shown around each change. */
const contextLines = 3;

/** Texts that differ in more lines are shown as one replaced by the other: the search grows with the square of it. */
const maxEdits = 1000;

type Step = { readonly sign: " " | "-" | "+"; readonly line: string };

/** What is other in `after`, line by line, as a unified diff; empty where the texts are the same. */
export function diffText(before: string, after: string, names: { before: string; after: string }): string {
  if (before === after) return "";
  const steps = diffLines(splitLines(before), splitLines(after));
  return `--- ${names.before}\n+++ ${names.after}\n${hunksOf(steps).map(renderHunk).join("")}`;
}

/** Each line has its line break, so that a missing one at the end is a difference. */
function splitLines(text: string): readonly string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

/** The lines of both in order; what both begin and end with is not searched. */
function diffLines(old: readonly string[], now: readonly string[]): readonly Step[] {
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const middle = [old, now].map((lines) => lines.slice(head, lines.length - tail));
  const [oldMiddle = [], nowMiddle = []] = middle;
  return [
    ...old.slice(0, head).map(keep),
    ...(searchSteps(oldMiddle, nowMiddle) ?? [...oldMiddle.map(drop), ...nowMiddle.map(add)]),
    ...old.slice(old.length - tail).map(keep),
  ];
}

const keep = (line: string): Step => ({ sign: " ", line });
const drop = (line: string): Step => ({ sign: "-", line });
const add = (line: string): Step => ({ sign: "+", line });

/**
 * The shortest way from one to the other (E. Myers, An O(ND) Difference Algorithm, 1986): after `edits` edits, `reach[k]`
 * is the furthest line of `old` on the diagonal where `old` is k lines ahead. Null: it takes too many edits.
 */
function searchSteps(old: readonly string[], now: readonly string[]): readonly Step[] | null {
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= Math.min(maxEdits, old.length + now.length); edits += 1) {
    trace.push(reach);
    const next = new Map<number, number>();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = entryOf(reach, diagonal, edits).x;
      while (x < old.length && x - diagonal < now.length && old[x] === now[x - diagonal]) x += 1;
      next.set(diagonal, x);
      if (x >= old.length && x - diagonal >= now.length) return walkBack(old, now, trace);
    }
    reach = next;
  }
  return null;
}

/** Where an edit enters a diagonal: from above by an added line, or from the left by a dropped one. */
function entryOf(
  reach: ReadonlyMap<number, number>,
  diagonal: number,
  edits: number,
): { readonly x: number; readonly isAdded: boolean } {
  const left = reach.get(diagonal - 1) ?? -1;
  const above = reach.get(diagonal + 1) ?? -1;
  const isAdded = diagonal === -edits || (diagonal !== edits && left < above);
  return { x: isAdded ? above : left + 1, isAdded };
}

function walkBack(
  old: readonly string[],
  now: readonly string[],
  trace: readonly ReadonlyMap<number, number>[],
): readonly Step[] {
  const steps: Step[] = [];
  let x = old.length;
  let y = now.length;
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const entry = entryOf(trace[edits] ?? new Map(), x - y, edits);
    while (x > entry.x) steps.push(keep(old[((y -= 1), (x -= 1))] ?? ""));
    if (edits === 0) break;
    if (entry.isAdded) steps.push(add(now[(y -= 1)] ?? ""));
    else steps.push(drop(old[(x -= 1)] ?? ""));
  }
  return steps.toReversed();
}

interface Hunk {
  readonly oldStart: number;
  readonly nowStart: number;
  readonly steps: readonly Step[];
}

/** The changes with the lines around them; those whose lines touch are one. */
function hunksOf(steps: readonly Step[]): readonly Hunk[] {
  const hunks: Hunk[] = [];
  let open: { oldStart: number; nowStart: number; from: number; to: number } | null = null;
  const close = (): void => {
    if (open !== null) hunks.push({ ...open, steps: steps.slice(open.from, open.to) });
  };
  let oldLine = 0;
  let nowLine = 0;
  for (const [place, { sign }] of steps.entries()) {
    if (sign !== " ") {
      const from = Math.max(0, place - contextLines);
      if (open === null || from > open.to) {
        close();
        const back = place - from;
        open = { oldStart: oldLine - back, nowStart: nowLine - back, from, to: 0 };
      }
      open.to = Math.min(steps.length, place + 1 + contextLines);
    }
    if (sign !== "+") oldLine += 1;
    if (sign !== "-") nowLine += 1;
  }
  close();
  return hunks;
}

function renderHunk({ oldStart, nowStart, steps }: Hunk): string {
  const oldCount = steps.filter(({ sign }) => sign !== "+").length;
  const nowCount = steps.filter(({ sign }) => sign !== "-").length;
  const lines = steps.map(
    ({ sign, line }) => `${sign}${line}${line.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`,
  );
  return `@@ -${rangeOf(oldStart, oldCount)} +${rangeOf(nowStart, nowCount)} @@\n${lines.join("")}`;
}

/** The first line and how many; an empty range names the line before it. */
function rangeOf(start: number, count: number): string {
  return `${count === 0 ? start : start + 1},${count}`;
}
