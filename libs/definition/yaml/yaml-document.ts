import type { YAMLError } from "yaml";
import { definitionLimits } from "../limits.ts";
import { createProblemList, type Finding, type ProblemList } from "../problem-list.ts";
import { parseYaml, type YamlTree } from "./yaml-tree.ts";

/** A file as the YAML parser read it; `document` is null when it can't be used, and the problems say why. */
export interface YamlFile {
  readonly text: string;
  readonly document: YamlTree | null;
  readonly problems: ProblemList;
}

/** A file with any number of documents; there are none when the problems hold an error. */
export interface YamlDocuments {
  readonly text: string;
  /** The offsets at which lines begin. */
  readonly lineStarts: readonly number[];
  readonly documents: readonly YamlTree[];
  readonly problems: ProblemList;
}

/** Reads one YAML 1.2 document, with every fault of its syntax. Size and depth are checked before the parser runs. */
export function readYaml(text: string, file: string): YamlFile {
  const { documents, problems } = composeYaml(text, file);
  const [document = null, ...others] = documents;
  reportEmpty(document, problems);
  reportSyntax(document === null ? [] : [document], text, problems);
  for (const more of others) problems.add({ offset: more.nodes().range?.[0] ?? 0 }, severalDocuments);
  return { text, document: problems.hasErrors ? null : document, problems };
}

/** Reads the documents of a file; those without content are left out, unless there is no other. */
export function readYamlDocuments(text: string, file: string): YamlDocuments {
  const { documents, problems, lineStarts } = composeYaml(text, file);
  const filled = documents.filter((document) => !isEmpty(document) || errorsOf(document).length > 0);
  if (filled.length === 0) reportEmpty(null, problems);
  reportSyntax(filled, text, problems);
  return { text, lineStarts, documents: problems.hasErrors ? [] : filled, problems };
}

function composeYaml(
  text: string,
  file: string,
): { documents: readonly YamlTree[]; problems: ProblemList; lineStarts: readonly number[] } {
  const lineStarts = [0];
  const problems = createProblemList(file, lineStarts);
  const bytes = Buffer.byteLength(text);
  if (bytes > definitionLimits.fileBytes) {
    problems.add({ offset: 0 }, tooLarge(bytes));
    return { documents: [], problems, lineStarts };
  }
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  const { documents, tooDeepAt } = parseYaml(text);
  if (tooDeepAt !== null) problems.add({ offset: tooDeepAt }, tooDeep);
  return { documents, problems, lineStarts };
}

/** A file that was not read is not empty. */
function reportEmpty(document: YamlTree | null, problems: ProblemList): void {
  if (problems.hasErrors || (document !== null && !isEmpty(document))) return;
  problems.add({ offset: 0 }, { code: "EMPTY_FILE", message: "the file holds no definition" });
}

function isEmpty(document: YamlTree): boolean {
  return document.plain === undefined && document.nodes().contents === null;
}

function reportSyntax(documents: readonly YamlTree[], text: string, problems: ProblemList): void {
  for (const document of documents) {
    for (const error of errorsOf(document)) problems.add({ offset: error.pos[0] }, syntaxFinding(error, text));
  }
}

function errorsOf(document: YamlTree): readonly YAMLError[] {
  return document.plain === undefined ? document.nodes().errors : [];
}

export const tooDeep: Finding = {
  code: "TOO_DEEP",
  message: `lists and maps stand more than ${definitionLimits.nesting} levels within each other`,
  hint: "flatten the structure",
};

const severalDocuments: Finding = {
  code: "SEVERAL_DOCUMENTS",
  message: "the file holds more than one YAML document",
  hint: "write one definition per file",
};

function tooLarge(bytes: number): Finding {
  return {
    code: "FILE_TOO_LARGE",
    message: `the file has ${bytes} bytes; the limit is ${definitionLimits.fileBytes} (1 MiB)`,
    hint: "split the definition, or move scripts into files of their own",
  };
}

function syntaxFinding(error: YAMLError, text: string): Finding {
  const lineEnd = text.indexOf("\n", error.pos[0]);
  const lineStart = text.lastIndexOf("\n", Math.max(0, error.pos[0] - 1)) + 1;
  const line = text.slice(lineStart, lineEnd === -1 ? text.length : lineEnd);
  const message = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  if (error.code === "TAB_AS_INDENT") {
    return { code: "TAB_INDENTATION", message: "a tab is used as indentation", hint: "indent with spaces" };
  }
  if (/:\s*\{\{/.test(line)) {
    return { code: "YAML_SYNTAX", message, hint: 'put text with an expression in quotes: "{{ … }}"' };
  }
  const hint = /closing/i.test(message) ? "close the quote or bracket" : (syntaxHints[error.code] ?? "");
  return { code: "YAML_SYNTAX", message, hint };
}

const syntaxHints: Readonly<Record<string, string>> = {
  BAD_INDENT: "align the entries of one list or map in one column",
  BAD_SCALAR_START: "put the text in quotes",
  BLOCK_AS_IMPLICIT_KEY: "text that holds `: ` belongs in quotes",
  MULTILINE_IMPLICIT_KEY: "a `:` is missing, or the text belongs in quotes",
  MISSING_CHAR: "align the entries of one list or map in one column",
  UNEXPECTED_TOKEN: "text that holds special characters belongs in quotes",
};
