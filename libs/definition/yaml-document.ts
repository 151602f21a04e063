import { Composer, type Document, Lexer, Parser, type YAMLError } from "yaml";
import { createDepthScan } from "./depth-scan.ts";
import { definitionLimits } from "./limits.ts";
import { createProblemList, type Finding, type ProblemList } from "./problem-list.ts";

/** A file as the YAML parser read it; `document` is null when it can't be used, and the problems say why. */
export interface YamlFile {
  readonly text: string;
  readonly document: Document | null;
  readonly problems: ProblemList;
}

/** Reads one YAML 1.2 document, with every fault of its syntax. Size and depth are checked before the parser runs. */
export function readYaml(text: string, file: string): YamlFile {
  const lineStarts = [0];
  const problems = createProblemList(file, lineStarts);
  const bytes = Buffer.byteLength(text);
  if (bytes > definitionLimits.fileBytes) {
    problems.add({ offset: 0 }, tooLarge(bytes));
    return { text, document: null, problems };
  }
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) lineStarts.push(at + 1);
  const tokens = new TokenSource(text);
  const documents = [...new Composer(parserOptions).compose(tokens.all(), true, text.length)];
  if (tokens.tooDeepAt !== null) {
    problems.add({ offset: tokens.tooDeepAt }, tooDeep);
    return { text, document: null, problems };
  }
  const document = documents[0] ?? null;
  if (document === null || document.contents === null) {
    problems.add({ offset: 0 }, { code: "EMPTY_FILE", message: "the file holds no definition" });
  }
  for (const error of document?.errors ?? []) problems.add({ offset: error.pos[0] }, syntaxFinding(error, text));
  for (const more of documents.slice(1)) problems.add({ offset: more.range[0] }, severalDocuments);
  return { text, document: problems.hasErrors ? null : document, problems };
}

/** Duplicate keys are looked for on the tree: the parser's own check takes quadratic time. */
const parserOptions = { version: "1.2", uniqueKeys: false, prettyErrors: false, keepSourceTokens: false } as const;

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

/** Feeds the parser lexeme by lexeme and stops before one that goes too deep. */
class TokenSource {
  tooDeepAt: number | null = null;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  *all(): Generator<Parameters<Composer["next"]>[0]> {
    const parser = new Parser();
    const depth = createDepthScan();
    for (const lexeme of new Lexer().lex(this.#text)) {
      if (depth.next(lexeme) > definitionLimits.nesting) {
        this.tooDeepAt = parser.offset;
        return;
      }
      yield* parser.next(lexeme);
    }
    yield* parser.end();
  }
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
