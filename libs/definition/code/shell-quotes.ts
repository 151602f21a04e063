import { type CodePlace, refused } from "./code-scan.ts";
import { ShellCommand } from "./shell-command.ts";
import { ShellCursor } from "./shell-cursor.ts";

const bare: CodePlace = { kind: "shell", before: '"', after: '"' };
const inSingleQuotes: CodePlace = { kind: "shell", before: `'"`, after: `"'` };
export const inDoubleQuotes: CodePlace = { kind: "shell", before: "", after: "" };

/** Reads what may stand within a word: quotes, substitutions, expressions. */
export abstract class ShellQuotes extends ShellCursor {
  /** Reads commands up to the bracket that closes a substitution. */
  protected abstract commands(end: ")" | null): void;

  /** Reads one such part of a word, if there is one here. */
  protected wordPart(command: ShellCommand): boolean {
    const start = this.at;
    const { character } = this;
    if (this.isAtHole) {
      const fault = command.findFault();
      this.hole(fault === null ? bare : refused(fault));
      command.addHole();
      return true;
    }
    if (character === "\\") this.escape(command);
    else if (character === "'") this.#singleQuotes(command);
    else if (character === '"') this.#doubleQuotes(command);
    else if (character === "$") this.dollar(command, false);
    else if (character === "`") this.backquotes();
    else return false;
    // The name of a command may be written in quotes.
    const written = this.text.slice(start, this.at);
    if (character === "'" || character === '"') command.add(written.slice(1, -1));
    else if (character !== "\\") command.add(written);
    return true;
  }

  protected escape(command: ShellCommand | null): void {
    if (this.startsWith("{{", 1)) {
      this.at += 1;
      this.hole(refused("a backslash stands before it; remove it"));
      return;
    }
    if (this.next(1) !== "\n") command?.add(this.next(1));
    this.at += 2;
  }

  protected dollar(command: ShellCommand | null, isInQuotes: boolean): void {
    this.nested(() => this.#dollar(command, isInQuotes));
  }

  #dollar(command: ShellCommand | null, isInQuotes: boolean): void {
    const next = this.next(1);
    if (this.startsWith("{{", 1)) {
      this.at += 1;
      this.hole(refused("a `$` stands before it; remove it"));
    } else if (this.startsWith("((", 1)) {
      this.at += 3;
      this.arithmetic();
    } else if (next === "(") {
      this.at += 2;
      this.substitution(command?.findFault() ?? null);
    } else if (next === "{") {
      this.refusing("it stands inside `${ }`", () => this.#expansion("}", isInQuotes));
    } else if (next === "[") {
      this.refusing("it stands inside `$[ ]`", () => this.#expansion("]", isInQuotes));
    } else if (next === "'" && !isInQuotes) {
      this.refusing("it stands inside `$' '`", () => this.#ansiQuotes());
    } else if (next === '"' && !isInQuotes) {
      this.at += 1;
      this.refusing('it stands inside `$" "`', () => this.#doubleQuotes(command));
    } else {
      this.at += /[#?$!@*\-0-9]/.test(next) ? 2 : 1;
    }
  }

  /** After the opening bracket of `$(`, `<(` or `>(`; `fault`: why what comes out is read as code. */
  protected substitution(fault: string | null): void {
    this.nested(() => {
      if (fault === null) this.commands(")");
      else this.refusing(fault, () => this.commands(")"));
    });
  }

  protected backquotes(): void {
    const start = this.at;
    this.refusing("it stands inside backquotes; write `$( )` instead", () => {
      this.#until("`", start, (character) => {
        if (character === "{") this.hole(bare);
        else this.at += character === "\\" ? 2 : 1;
      });
    });
  }

  /** After `((`. A subshell within a subshell begins alike, but does not end in `))`. */
  protected arithmetic(): void {
    const start = this.at;
    this.refusing("arithmetic reads a value as code", () => {
      let depth = 2;
      while (!this.isAtEnd && depth > 0) {
        if (this.wordPart(new ShellCommand())) continue;
        const { character } = this;
        if (character === "#" && /\s/.test(this.next(-1))) this.lost = "a comment may stand inside `(( ))`";
        if (character === "(") depth += 1;
        if (character === ")") depth -= 1;
        this.at += 1;
      }
    });
    if (!this.text.slice(start, this.at).endsWith("))")) {
      this.lost = "a subshell may begin with `((`; put a space between the brackets";
    }
  }

  #singleQuotes(command: ShellCommand): void {
    const start = this.at;
    this.#until("'", start, (character) => {
      if (character === "{") this.#holeInWord(inSingleQuotes, command, start);
      else this.at += 1;
    });
  }

  #doubleQuotes(command: ShellCommand | null): void {
    const start = this.at;
    this.#until('"', start, (character) => {
      if (character === "{") this.#holeInWord(inDoubleQuotes, command, start);
      else if (character === "\\") this.escape(null);
      else if (character === "$") this.dollar(command, true);
      else this.backquotes();
    });
  }

  #holeInWord(place: CodePlace, command: ShellCommand | null, quoteStart: number): void {
    const fault = command?.findFault(this.text.slice(quoteStart + 1, this.at)) ?? null;
    this.hole(fault === null ? place : refused(fault));
  }

  /** Reads from one mark to the next; `special` reads expressions, escapes and what begins a substitution. */
  #until(mark: string, start: number, special: (character: string) => void): void {
    this.at += 1;
    while (!this.isAtEnd) {
      const { character } = this;
      if (character === mark) {
        this.at += 1;
        return;
      }
      if (this.isAtHole) special("{");
      else if (character === "\\" || character === "$" || character === "`") special(character);
      else this.at += 1;
    }
    this.unclosed(start);
  }

  /** `${…}` or `$[…]`, with the bracket that closes it. */
  #expansion(close: "}" | "]", isInQuotes: boolean): void {
    const start = this.at;
    this.at += 2;
    while (!this.isAtEnd) {
      const { character } = this;
      if (character === close) {
        this.at += 1;
        return;
      }
      if (character === "'" && isInQuotes) {
        this.lost = "a single quote stands inside `${ }` within double quotes";
        this.at += 1;
      } else if (!this.wordPart(new ShellCommand())) {
        this.at += 1;
      }
    }
    this.unclosed(start);
  }

  #ansiQuotes(): void {
    const start = this.at;
    this.at += 2;
    while (!this.isAtEnd && this.character !== "'") {
      if (this.isAtHole) this.hole(bare);
      else this.at += this.character === "\\" ? 2 : 1;
    }
    if (this.isAtEnd) this.unclosed(start);
    this.at += 1;
  }
}
