import { secretNamePattern } from "../expressions/secret-names.ts";

/** Text with references to what only the scheduler knows, in order. */
export type SensorText = readonly (string | SensorReference)[];

export interface SensorReference {
  readonly from: "secrets" | "env";
  readonly name: string;
}

const opening = /\{\{(.*?)\}\}/gs;
const reference = /^\s*(secrets|env)\.([A-Za-z_][A-Za-z0-9_-]*)\s*$/;

/** Variables by which this program is set up: a definition must not read them. */
const ownVariables = /^(?:MILLRACE_|DATABASE_URL$)/;

/**
 * Text in which `{{ secrets.name }}` and `{{ env.NAME }}` stand for values that only the scheduler knows. A text: what is
 * wrong with it.
 */
export function parseSensorText(text: string): SensorText | string {
  const pieces: (string | SensorReference)[] = [];
  let from = 0;
  for (const match of text.matchAll(opening)) {
    const found = readReference(match[1] ?? "");
    if (typeof found === "string") return found;
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push(found);
    from = match.index + match[0].length;
  }
  const rest = text.slice(from);
  if (rest.includes("{{")) return "holds `{{` without `}}`";
  return rest === "" ? pieces : [...pieces, rest];
}

function readReference(text: string): SensorReference | string {
  const [, from, name = ""] = reference.exec(text) ?? [];
  if (from !== "secrets" && from !== "env") {
    return `may hold only \`{{ secrets.name }}\` or \`{{ env.NAME }}\`, not \`{{${text}}}\``;
  }
  if (from === "secrets" && !secretNamePattern.test(name)) {
    return `names the secret \`${name}\`, which can't be one: letters, digits, hyphens and underscores`;
  }
  if (from === "env" && ownVariables.test(name))
    return `reads \`env.${name}\`, a variable of Millrace's own; use a secret`;
  return { from, name };
}

/** Whether the text is one reference and nothing besides. */
export function isReference(text: SensorText): boolean {
  return text.length === 1 && typeof text[0] === "object";
}

/** Whether variables are read, which only the address of a connection may. */
export function readsVariables(text: SensorText): boolean {
  return text.some((piece) => typeof piece === "object" && piece.from === "env");
}
