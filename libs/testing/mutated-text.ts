/** What breaks a file in ways that people and programs do: marks of YAML, odd ids and values, expressions, code. */
const pieces = [
  "{{",
  "}}",
  "[",
  "]",
  "{",
  "}",
  ":",
  "- ",
  "\n",
  "  ",
  "\t",
  "'",
  '"',
  "|",
  ">",
  "&d ",
  "*d",
  "<<: *d\n",
  "!x ",
  "!!binary ",
  "#",
  "\\",
  "\u0000",
  "\u2028",
  "\ud800",
  "🎈",
  "null",
  "~",
  "1",
  "-1",
  "1e999",
  ".nan",
  "0x10",
  "yes",
  "$(",
  "`",
  "${",
  "eval ",
  "id: a",
  "id: ../a",
  "id: __proto__",
  "constructor: 1\n",
  "tasks: ",
  "dependencies: [a]",
  "depends_on: [b]",
  "for_each: [1, 2]",
  "when: ",
  "schedule: '* * * * *'",
  "timeout: 1s",
  "{{ params.a }}",
  "{{ outputs.a.b | default([]) }}",
  "{{ 'a'.matches('(a*)*$') }}",
  "---\n",
  "...\n",
  "%YAML 1.2\n---\n",
  "? ",
  "[[[[[[[[",
  "{a: {a: {a: {a: ",
  "template: {name: t}\n",
  "from_template: t\n",
];

/** A number from 0 to 1 that follows from the seed and the calls before (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The text with one to eight changes: pieces put in, parts removed, doubled, swapped and moved, characters replaced. */
export function mutateText(text: string, random: () => number): string {
  const below = (limit: number): number => Math.floor(random() * limit);
  let changed = text;
  for (let change = below(8); change >= 0; change -= 1) {
    const at = below(changed.length + 1);
    const end = Math.min(changed.length, at + 1 + below(40));
    const part = changed.slice(at, end);
    const piece = pieces[below(pieces.length)] ?? "";
    switch (below(6)) {
      case 0:
        changed = changed.slice(0, at) + piece + changed.slice(at);
        break;
      case 1:
        changed = changed.slice(0, at) + piece + changed.slice(end);
        break;
      case 2:
        changed = changed.slice(0, at) + changed.slice(end);
        break;
      case 3:
        changed = changed.slice(0, at) + part.repeat(1 + below(50)) + changed.slice(at);
        break;
      case 4: {
        const rest = changed.slice(0, at) + changed.slice(end);
        const to = below(rest.length + 1);
        changed = rest.slice(0, to) + part + rest.slice(to);
        break;
      }
      default:
        changed = changed.slice(0, at) + String.fromCharCode(below(256)) + changed.slice(at + 1);
    }
  }
  return changed;
}
