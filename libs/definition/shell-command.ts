/** Stands for an expression in the text of a word. */
const holeMark = "\u0001";

const reservedPrefixes = new Set([
  "if",
  "then",
  "elif",
  "else",
  "while",
  "until",
  "do",
  "!",
  "{",
  "time",
  "command",
  "builtin",
]);
const assignment = /^[A-Za-z_]\w*\+?=/;
const subscript = /^[A-Za-z_]\w*\[[^\]]*$/;
const codeCommands = new Set(["eval", "let", "trap", "unset", "read", "mapfile", "readarray", "getopts", "alias"]);
const declareCommands = new Set(["declare", "typeset", "local", "readonly", "export"]);
const arithmeticTests = new Set(["-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"]);
const awk = /^(?:.*\/)?[gmn]?awk$/;

/** Programs that take code as an argument, with the option before it. */
const interpreters: readonly { readonly name: RegExp; readonly codeOption: RegExp }[] = [
  { name: /^(?:.*\/)?(?:ba|da|z|k|a|mk|fi|c|tc)?sh$/, codeOption: /^-[A-Za-z]*c$/ },
  { name: /^(?:.*\/)?(?:python|pypy)[\d.]*$/, codeOption: /^-[A-Za-z]*c/ },
  { name: /^(?:.*\/)?(?:perl|ruby|lua|Rscript)$/, codeOption: /^-[A-Za-z]*[eE]/ },
  { name: /^(?:.*\/)?(?:node|deno|bun)$/, codeOption: /^(?:-e|-p|-pe|--eval|--print|eval)$/ },
  { name: /^(?:.*\/)?php$/, codeOption: /^(?:-[rBRE]|--run)/ },
  { name: /^(?:.*\/)?su$/, codeOption: /^(?:-c|--command)$/ },
];
const optionWithValue = /^(?:[-+][oO]|-[WXI]|--require|--import|--rcfile|--init-file)$/;

/** What an interpreter does with the word that is being read. */
type InterpreterPlace = "none" | "options" | "code" | "standard_input" | "arguments";

/**
 * One simple command of a shell text as far as it has been read. It answers whether a value may stand in the word that
 * is being read: some commands take a word for code again, and there no quoting of the shell helps.
 */
export class ShellCommand {
  /** The number of expressions of the text before this command, and before the pipeline that it is part of. */
  readonly holesBefore: number;
  readonly holesBeforePipeline: number;
  /** It reads what a command before it writes. */
  readonly isPiped: boolean;
  readonly #words: string[] = [];
  #word = "";
  #isWordOpen = false;
  #isTarget = false;

  /** `pipedFrom` is the command before the pipe; null where there is none. */
  constructor(holesBefore = 0, pipedFrom: ShellCommand | null = null) {
    this.holesBefore = holesBefore;
    this.holesBeforePipeline = pipedFrom?.holesBeforePipeline ?? holesBefore;
    this.isPiped = pipedFrom !== null;
  }

  /** True where a comment or a keyword may begin. */
  get isAtWordStart(): boolean {
    return !this.#isWordOpen;
  }

  /** The first word of the command; empty until it is complete. */
  get name(): string {
    return this.#words[0] ?? "";
  }

  get isEmpty(): boolean {
    return this.#words.length === 0 && !this.#isWordOpen;
  }

  /** It is `[[ … ]]`, which has words and operators of its own. */
  get isTest(): boolean {
    return this.name === "[[";
  }

  /** A test compares numbers, which the shell reads as arithmetic. */
  get hasArithmeticTest(): boolean {
    return this.#words.some((word) => arithmeticTests.has(word));
  }

  /** A file that it is given is read as code. */
  get runsItsFile(): boolean {
    return this.name === "source" || this.name === "." || this.runsItsInput;
  }

  /** Its standard input is read as code. */
  get runsItsInput(): boolean {
    const place = this.#interpreterPlace();
    return place === "options" || place === "standard_input";
  }

  add(text: string): void {
    this.#word += text;
    this.#isWordOpen = true;
  }

  addHole(): void {
    this.add(holeMark);
  }

  /** A redirection begins: a number before it and the word after it are no words of the command. */
  redirect(): void {
    if (/^\d+$/.test(this.#word)) {
      this.#word = "";
      this.#isWordOpen = false;
    }
    this.endWord();
    this.#isTarget = true;
  }

  /** The word that ends here; empty between words. */
  endWord(): string {
    const word = this.#word;
    const isPrefix = this.#words.length === 0 && (reservedPrefixes.has(word) || assignment.test(word));
    if (this.#isWordOpen && !isPrefix && !this.#isTarget) this.#words.push(word);
    if (this.#isWordOpen) this.#isTarget = false;
    this.#word = "";
    this.#isWordOpen = false;
    return word;
  }

  /**
   * Why a value in the present word could become code; null when it stays a value. `more` is text of the word that has
   * been read but not added.
   */
  findFault(more = ""): string | null {
    const { name } = this;
    const word = this.#word + more;
    const previous = this.#words.at(-1) ?? "";
    if (subscript.test(word)) return "a subscript is read as arithmetic";
    if (codeCommands.has(name)) return `\`${name}\` reads its arguments as code`;
    if (declareCommands.has(name)) {
      const isPlain = assignment.test(word) && !this.#words.some((each) => /^-[A-Za-z]*[inA]/.test(each));
      return isPlain ? null : `\`${name}\` reads names and numbers as code`;
    }
    if (name === "printf" && previous === "-v") return "`printf -v` reads a name as code";
    if ((name === "test" || name === "[") && (previous === "-v" || previous === "-R")) {
      return `\`${previous}\` reads the name of a variable as code`;
    }
    if (this.#interpreterPlace(word) === "code") return "the program takes this word for code";
    return this.#isAwkProgram(word) ? "it is part of an awk program" : null;
  }

  #interpreterPlace(word = ""): InterpreterPlace {
    const at = this.#words.findIndex((each) => interpreters.some(({ name }) => name.test(each)));
    const found = interpreters.find(({ name }) => name.test(this.#words[at] ?? ""));
    if (found === undefined) return "none";
    const given = this.#words.slice(at + 1);
    for (let place = 0; place < given.length; place += 1) {
      const option = given[place] ?? "";
      if (found.codeOption.test(option)) return place === given.length - 1 ? "code" : "arguments";
      if (option === "-" || option === "-s") return "standard_input";
      if (optionWithValue.test(option)) place += 1;
      else if (!/^[-+]/.test(option)) return "arguments";
    }
    return word !== "" && found.codeOption.test(word) ? "code" : "options";
  }

  /** The first word of awk that is neither an option nor the value of one. */
  #isAwkProgram(word: string): boolean {
    const at = this.#words.findIndex((each) => awk.test(each));
    if (at === -1 || word.startsWith("-")) return false;
    const given = this.#words.slice(at + 1);
    const isOptionValue = (place: number): boolean => /^-[vFf]$/.test(given[place - 1] ?? "");
    return !isOptionValue(given.length) && given.every((each, place) => each.startsWith("-") || isOptionValue(place));
  }
}
