import { type CodeScan, refused } from "./code-scan.ts";
import { ShellCommand } from "./shell-command.ts";
import { inDoubleQuotes, ShellQuotes } from "./shell-quotes.ts";

/**
 * Finds the expressions of a shell text (POSIX shell and bash) and what may be put in their places. A value goes into
 * the environment and only a reference to it into the text, quoted for its place, so it is never read as code. Where
 * the scanner can't follow the shell's rules, the place is refused. Comments are skipped: expressions there stay text.
 */
export function scanShell(text: string): CodeScan {
  const scanner = new ShellScanner(text);
  scanner.scan();
  return { holes: scanner.holes, issues: scanner.issues };
}

interface HereDocument {
  readonly delimiter: string;
  readonly isQuoted: boolean;
  readonly stripsTabs: boolean;
  readonly isCode: boolean;
}

const hereDocumentStart = /^<<(-?)[ \t]*((?:'[^'\n]*'|"[^"\n]*"|\\.|[^\s;&|()<>'"\\])+)/;
/** Delimiters longer than this are not looked for. */
const maxDelimiterLength = 1000;

class ShellScanner extends ShellQuotes {
  #pending: HereDocument[] = [];
  /** The expressions that were refused last, so that a long pipe looks at each once. */
  #refusedLast = { from: -1, to: 0 };

  scan(): void {
    this.commands(null);
  }

  protected override commands(end: ")" | null): void {
    const start = this.at;
    const pendingBefore = this.#pending.length;
    let depth = 0;
    let command = new ShellCommand(this.holes.length);
    while (!this.isAtEnd) {
      const { character } = this;
      if (this.#wordCharacter(command)) continue;
      if (!command.isTest && (character === "<" || character === ">")) {
        this.#redirection(command);
        continue;
      }
      if (this.#endWord(command, end)) command = new ShellCommand(this.holes.length);
      if (command.isTest) {
        this.#step();
        continue;
      }
      if (character === ")" && depth === 0 && end !== null) {
        this.at += 1;
        this.#endCommand(command);
        if (this.#pending.length > pendingBefore) this.lost = "a here-document begins inside `$( )` and ends outside";
        return;
      }
      if (character === "(") depth += 1;
      if (character === ")") depth = Math.max(0, depth - 1);
      const isPipe = character === "|" && this.next(1) !== "|" && this.next(-1) !== "|";
      // A pipe at the end of a line goes on in the next.
      if (isSeparator(character) && !(character === "\n" && command.isPiped && command.isEmpty)) {
        this.#endCommand(command);
        command = new ShellCommand(this.holes.length, isPipe ? command : null);
      }
      this.#step();
    }
    this.#endWord(command, end);
    this.#endCommand(command);
    if (end !== null) this.unclosed(start);
  }

  /** Reads on within a word, or over what is no word at all; false at the character that ends a word. */
  #wordCharacter(command: ShellCommand): boolean {
    if (this.wordPart(command)) return true;
    const { character } = this;
    if (character === "#" && command.isAtWordStart) {
      this.at = this.lineEnd();
    } else if (!this.#isWordEnd(character)) {
      command.add(character);
      this.at += 1;
    } else if (this.startsWith("((") && command.isAtWordStart && !command.isTest) {
      this.at += 2;
      this.arithmetic();
    } else {
      return false;
    }
    return true;
  }

  /** Over the character that ended a word, and what belongs to it. */
  #step(): void {
    if (this.character === "\n") this.#newline();
    else this.at += 1;
  }

  #endCommand(command: ShellCommand): void {
    if (!command.isPiped || !command.runsItsInput) return;
    this.#pending = this.#pending.map((document) => ({ ...document, isCode: true }));
    this.#refuseSince(command.holesBeforePipeline, "the pipe ends in a program that reads it as code");
  }

  /** `&` in `>&` and `&>` belongs to a redirection. */
  #isWordEnd(character: string): boolean {
    if (character === "&") return !/[<>]/.test(this.next(-1)) && this.next(1) !== ">";
    return isBlank(character) || isSeparator(character) || character === "<" || character === ">";
  }

  /** Ends the word before this place; true when that ends a test, and so its command. */
  #endWord(command: ShellCommand, end: ")" | null): boolean {
    const isCommandName = command.name === "";
    const word = command.endWord();
    if (end !== null && isCommandName && word === "case") this.lost = "a `case` stands inside `$( )`";
    if (!command.isTest || word !== "]]") return false;
    if (command.hasArithmeticTest) {
      this.#refuseSince(command.holesBefore, "`[[ ]]` reads numbers as arithmetic; use `[ ]` instead");
    }
    return true;
  }

  #refuseSince(first: number, reason: string): void {
    const start = first === this.#refusedLast.from ? this.#refusedLast.to : first;
    for (let index = start; index < this.holes.length; index += 1) {
      const hole = this.holes[index];
      if (hole !== undefined) this.holes[index] = { ...hole, place: refused(reason) };
    }
    this.#refusedLast = { from: first, to: this.holes.length };
  }

  #redirection(command: ShellCommand): void {
    if (this.next(1) === "(") {
      this.#endWord(command, null);
      this.at += 2;
      this.substitution(command.findFault() ?? (command.runsItsFile ? "its output is read as code" : null));
    } else if (this.startsWith("<<") && this.next(2) !== "<") {
      this.#endWord(command, null);
      this.#hereDocumentStart(command);
    } else {
      command.redirect();
      this.at += this.startsWith("<<<") ? 3 : 1;
    }
  }

  #hereDocumentStart(command: ShellCommand): void {
    const match = hereDocumentStart.exec(this.text.slice(this.at, this.at + maxDelimiterLength));
    const word = match?.[2] ?? "";
    if (match === null || /[$`]|\{\{/.test(word)) {
      this.lost = "the end of a here-document can't be told";
      this.at += 2;
      return;
    }
    this.#pending.push({
      delimiter: word.replace(/\\(.)/g, "$1").replace(/['"]/g, ""),
      isQuoted: /['"\\]/.test(word),
      stripsTabs: match[1] === "-",
      isCode: command.runsItsInput,
    });
    this.at += match[0].length;
  }

  /** At the end of a line: the bodies of the here-documents that began on it come next. */
  #newline(): void {
    this.at += 1;
    for (const document of this.#pending.splice(0)) this.#hereDocument(document);
  }

  #hereDocument(document: HereDocument): void {
    const outerEnd = this.end;
    const bodyStart = this.at;
    const { bodyEnd, next } = this.#findDelimiter(document);
    this.at = bodyStart;
    this.end = bodyEnd;
    if (document.isQuoted) this.refusing("it stands in a quoted here-document", () => this.#body(true));
    else if (document.isCode) this.refusing("the here-document is read as code", () => this.#body(false));
    else this.#body(false);
    this.end = outerEnd;
    this.at = next;
  }

  #findDelimiter({ delimiter, stripsTabs }: HereDocument): { readonly bodyEnd: number; readonly next: number } {
    while (!this.isAtEnd) {
      const lineStart = this.at;
      const lineEnd = this.lineEnd();
      const line = this.text.slice(lineStart, lineEnd);
      if ((stripsTabs ? line.replace(/^\t+/, "") : line) === delimiter) return { bodyEnd: lineStart, next: lineEnd };
      this.at = Math.min(lineEnd + 1, this.end);
    }
    return { bodyEnd: this.end, next: this.end };
  }

  #body(isQuoted: boolean): void {
    while (!this.isAtEnd) {
      const { character } = this;
      if (this.isAtHole) this.hole(inDoubleQuotes);
      else if (isQuoted) this.at += 1;
      else if (character === "\\") this.escape(null);
      else if (character === "$") {
        this.refusing("it stands in a substitution within a here-document", () => this.dollar(null, true));
      } else if (character === "`") this.backquotes();
      else this.at += 1;
    }
  }
}

function isBlank(character: string): boolean {
  return character === " " || character === "\t" || character === "\r";
}

/** What ends a simple command. */
function isSeparator(character: string): boolean {
  return "\n;&|()".includes(character);
}
