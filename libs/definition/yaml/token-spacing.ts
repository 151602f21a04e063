import type { CST } from "yaml";

/** What may stand between values besides spaces, line ends and comments. */
interface Spacing {
  /** It begins where a comment may stand: in a new line. */
  readonly isNewLine: boolean;
  /** A mark that stands there once; null: there is none. */
  readonly mark: CST.SourceToken["type"] | null;
}

export const spacing = {
  newLine: { isNewLine: true, mark: null },
  sameLine: { isNewLine: false, mark: null },
  documentStart: { isNewLine: true, mark: "doc-start" },
  dash: { isNewLine: true, mark: "seq-item-ind" },
  colon: { isNewLine: false, mark: "map-value-ind" },
  comma: { isNewLine: false, mark: "comma" },
} as const satisfies Readonly<Record<string, Spacing>>;

/** Whether tokens are nothing but such a spacing. Tabs, which YAML forbids in some places, are none. */
export function isSpacing(tokens: readonly CST.SourceToken[], { isNewLine, mark }: Spacing): boolean {
  let mayComment = isNewLine;
  let isMarked = mark === null;
  for (const { type, source } of tokens) {
    switch (type) {
      case "space":
        if (source.includes("\t")) return false;
        mayComment = true;
        break;
      case "newline":
        mayComment = true;
        break;
      case "comment":
        if (!mayComment) return false;
        break;
      default:
        if (isMarked || type !== mark) return false;
        isMarked = true;
        mayComment = false;
    }
  }
  return isMarked;
}
