import { bareTemplate } from "../expressions/bare-expression.ts";
import { skipToken } from "../expressions/cel-text.ts";
import { readHole } from "../code/code-scan.ts";
import { compileExpression } from "../expressions/expression.ts";

/** The new ids of tasks by their old ones. */
export type Renames = ReadonlyMap<string, string>;

const word = /[A-Za-z_]\w*/y;
const dotted = /(?:outputs|upstream)\s*\.\s*([A-Za-z_]\w*)/y;
const indexed = /(?:outputs|upstream)\s*\[\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*\]/y;
const pulled = /(xcom_pull\s*\(\s*(?:(?:task|task_ids?)\s*=\s*)?)(?:"([^"\\]*)"|'([^'\\]*)')/y;

/**
 * A text whose expressions read the outputs of renamed tasks. `bare`: the text is one expression. Null: one of them
 * names a task in a way that can't be followed.
 */
export function renameOutputs(text: string, { renames, bare }: { renames: Renames; bare: boolean }): string | null {
  if (bare && bareTemplate(text).shift > 0) return renameInExpression(text, renames);
  let result = "";
  let end = 0;
  for (let at = text.indexOf("{{"); at !== -1; at = text.indexOf("{{", end)) {
    const hole = readHole(text, at, { kind: "text" });
    if (hole.end === -1) break;
    const body = renameInExpression(hole.body, renames);
    if (body === null) return null;
    result += `${text.slice(end, at)}{{${body}}}`;
    end = hole.end;
  }
  return result + text.slice(end);
}

/** What it reads afterwards is compared with what it should read, so that no form is missed in silence. */
function renameInExpression(body: string, renames: Renames): string | null {
  const before = outputsOf(body);
  if (!before.some(({ task }) => renames.has(task))) return body;
  const renamed = rewrite(body, renames);
  const wanted = before.map(({ task, key }) => `${renames.get(task) ?? task} ${key}`);
  const found = outputsOf(renamed).map(({ task, key }) => `${task} ${key}`);
  return wanted.toSorted().join("\n") === found.toSorted().join("\n") ? renamed : null;
}

function outputsOf(body: string): readonly { task: string; key: string }[] {
  return compileExpression(body).names.flatMap(({ outputs }) => outputs);
}

function rewrite(body: string, renames: Renames): string {
  const rename = (task: string): string => JSON.stringify(renames.get(task) ?? task);
  let result = "";
  for (let at = 0; at !== -1 && at < body.length; ) {
    const isStep = /\.\s*$/.test(result);
    const direct = isStep ? null : (matchAt(dotted, body, at) ?? matchAt(indexed, body, at));
    const call = matchAt(pulled, body, at);
    const plain = matchAt(word, body, at);
    let end: number;
    if (direct !== null) {
      result += `outputs[${rename(direct[1] ?? direct[2] ?? "")}]`;
      end = at + direct[0].length;
    } else if (call !== null) {
      result += `${call[1]}${rename(call[2] ?? call[3] ?? "")}`;
      end = at + call[0].length;
    } else {
      end = plain === null ? skipToken(body, at) : at + plain[0].length;
      result += body.slice(at, end === -1 ? body.length : end);
    }
    at = end;
  }
  return result;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
