/** Values that a file may hold, and some that it may not. */
const values = [
  "0",
  "1",
  "-1",
  "1000000",
  "1.5",
  "null",
  "true",
  "[]",
  "{}",
  "a",
  "x_1",
  '""',
  "'0'",
  "10m",
  "1h30m",
  "2026-01-31",
  '"{{ params.a }}"',
  '"{{ run.id }}"',
  "\"{{ 1 + 2 }}-{{ 'a' | upper }}\"",
  "echo $HOME; (cat <<X)",
  "'it''s'",
];

const word = /[A-Za-z0-9_]+/g;
const keyAndValue = /^(\s*(?:- )?[\w-]+: +)(\S.*)$/;

/**
 * The text with one or two changes that a person makes who knows the format: a value becomes another one of the file or of
 * `values`, a word inside a value becomes another word, lines are doubled, swapped or left out. Much of what comes out is
 * still a definition, so that it reaches the checks behind the first ones.
 */
export function mutateGently(text: string, random: () => number): string {
  let changed = text;
  for (let change = random() < 0.5 ? 1 : 2; change > 0; change -= 1) {
    const lines = changed.split("\n");
    if (random() < 0.25) changeLines(lines, random);
    else changeValue(lines, random);
    changed = lines.join("\n");
  }
  return changed;
}

function changeLines(lines: string[], random: () => number): void {
  const [at, other] = [below(lines.length, random), below(lines.length, random)];
  const line = lines[at] ?? "";
  const kind = below(3, random);
  if (kind === 0) lines.splice(at, 1);
  else if (kind === 1) lines.splice(at, 0, line);
  else [lines[at], lines[other]] = [lines[other] ?? "", line];
}

function changeValue(lines: string[], random: () => number): void {
  const places = lines.flatMap((line, place) => (keyAndValue.test(line) ? [place] : []));
  const at = pick(places, random) ?? 0;
  const [, key = "", value = ""] = keyAndValue.exec(lines[at] ?? "") ?? [];
  lines[at] = key + otherValue(value, lines, random);
}

function otherValue(value: string, lines: readonly string[], random: () => number): string {
  const kind = below(4, random);
  if (kind === 0) return pick(values, random) ?? "";
  if (kind === 1) return keyAndValue.exec(pick(lines, random) ?? "")?.[2] ?? value;
  const own = pick(value.match(word) ?? [], random);
  if (own === undefined) return value;
  const next = kind === 2 ? pick(lines.join("\n").match(word) ?? [], random) : own.slice(1) + own.slice(0, 1);
  return value.replace(own, () => next ?? own);
}

function pick<T>(list: readonly T[], random: () => number): T | undefined {
  return list[below(list.length, random)];
}

function below(limit: number, random: () => number): number {
  return Math.floor(random() * limit);
}
