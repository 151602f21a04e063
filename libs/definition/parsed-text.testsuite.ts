import type { OperatorSchemas } from "#ports/operator-schema.ts";
import type { Definition } from "./model.ts";
import { parseDefinition } from "./parse-definition.ts";

/** What a definition's text comes to where there are these operators. */
export interface TextReader {
  /** As `line:column CODE message`. */
  readonly problemsOf: (text: string) => string[];
  /** Throws where there are problems. */
  readonly definitionOf: (text: string) => Definition;
}

export function readTexts(operators: OperatorSchemas, maxTaskTimeoutMs: number): TextReader {
  const parse = (text: string) => parseDefinition(text, { file: "dag.yaml", operators, maxTaskTimeoutMs });
  return {
    problemsOf: (text) =>
      parse(text).problems.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`),
    definitionOf(text) {
      const { definition, problems } = parse(text);
      if (definition === null) throw new Error(JSON.stringify(problems));
      return definition;
    },
  };
}
