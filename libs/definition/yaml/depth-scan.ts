/**
 * Follows how deep lists and maps stand within each other, from the lexemes alone, so that a file of nested brackets
 * is refused before the YAML parser, which is recursive, gets to see them. Scalars are single lexemes, so brackets in
 * quotes, comments and block text do not count. A list at the column of its own key counts as one level with it: the
 * result may be half of the true depth but not less, which is enough to protect the parser; the exact limit is
 * checked again on the tree.
 */
export interface DepthScan {
  /** The depth once this lexeme is read. */
  next(lexeme: string): number;
}

export function createDepthScan(): DepthScan {
  /** Columns at which the open block lists and maps stand. */
  const columns: number[] = [];
  let column = 0;
  let flowDepth = 0;
  /** Where the node began that becomes a key if a colon follows; −1: none yet. */
  let nodeColumn = -1;

  const openBlockAt = (place: number): void => {
    while (columns.length > 0 && (columns.at(-1) ?? 0) >= place) columns.pop();
    columns.push(place);
  };

  const read = (lexeme: string): void => {
    switch (lexeme.charAt(0)) {
      case "[":
      case "{":
        if (nodeColumn === -1) nodeColumn = column;
        flowDepth += 1;
        return;
      case "]":
      case "}":
        flowDepth = Math.max(0, flowDepth - 1);
        return;
      case " ":
      case "\t":
      case "#":
      case "&":
      case "!":
        return;
    }
    if (flowDepth > 0) return;
    if (lexeme === "-" || lexeme === "?") {
      openBlockAt(column);
      nodeColumn = -1;
    } else if (lexeme === ":") {
      openBlockAt(nodeColumn === -1 ? column : nodeColumn);
      nodeColumn = -1;
    } else if (nodeColumn === -1) {
      nodeColumn = column;
    }
  };

  return {
    next(lexeme) {
      if (lexeme === endOfFlow) flowDepth = 0;
      if (isControl(lexeme)) return columns.length + flowDepth;
      const newline = lexeme.lastIndexOf("\n");
      if (newline === lexeme.length - 1 && lexeme.trim() === "") nodeColumn = -1;
      else read(lexeme);
      column = newline === -1 ? column + lexeme.length : lexeme.length - newline - 1;
      return columns.length + flowDepth;
    },
  };
}

/** A lexeme without width that says that brackets stay open at the end of the document. */
const endOfFlow = "\u0018";

/** The lexer's own marks: start of a document, end of flow, a scalar follows, byte order mark. */
function isControl(lexeme: string): boolean {
  return (
    lexeme.length === 1 && (lexeme === "\u0002" || lexeme === endOfFlow || lexeme === "\u001f" || lexeme === "\ufeff")
  );
}
