/** What a word means shows in its first characters; the rest is not kept. */
const wordLength = 300;

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

/** What a program does with the word that is being read. */
type ProgramPlace = "none" | "options" | "option_value" | "code" | "standard_input" | "arguments";

/**
 * One simple command of a shell text as far as it has been read. It answers whether a value may stand in the word that
 * is being read: some commands take a word for code again, and there no quoting of the shell helps. Each word is looked
 * at once, so that a command of any length costs linear time.
 */
export class ShellCommand {
  /** The number of expressions of the text before this command, and before the pipeline that it is part of. */
  readonly holesBefore: number;
  readonly holesBeforePipeline: number;
  /** It reads what a command before it writes. */
  readonly isPiped: boolean;
  /** The first word; empty until it is complete. */
  name = "";
  /** A test compares numbers, which the shell reads as arithmetic. */
  hasArithmeticTest = false;
  #previous = "";
  #word = "";
  #isWordOpen = false;
  #isTarget = false;
  #declaresNumbers = false;
  #codeOption: RegExp | null = null;
  #interpreterPlace: ProgramPlace = "none";
  #awkPlace: ProgramPlace = "none";

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

  get isEmpty(): boolean {
    return this.name === "" && !this.#isWordOpen;
  }

  /** It is `[[ … ]]`, which has words and operators of its own. */
  get isTest(): boolean {
    return this.name === "[[";
  }

  /** A file that it is given is read as code. */
  get runsItsFile(): boolean {
    return this.name === "source" || this.name === "." || this.runsItsInput;
  }

  /** Its standard input is read as code. */
  get runsItsInput(): boolean {
    return this.#interpreterPlace === "options" || this.#interpreterPlace === "standard_input";
  }

  add(text: string): void {
    if (this.#word.length < wordLength) this.#word += text;
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
    if (!this.#isWordOpen) return "";
    const isPrefix = this.name === "" && (reservedPrefixes.has(word) || assignment.test(word));
    if (!isPrefix && !this.#isTarget) this.#take(word);
    this.#isTarget = false;
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
    const word = this.#word + more.slice(0, Math.max(0, wordLength - this.#word.length));
    const previous = this.#previous;
    if (subscript.test(word)) return "a subscript is read as arithmetic";
    if (codeCommands.has(name)) return `\`${name}\` reads its arguments as code`;
    if (declareCommands.has(name)) {
      return assignment.test(word) && !this.#declaresNumbers ? null : `\`${name}\` reads names and numbers as code`;
    }
    if (name === "printf" && previous === "-v") return "`printf -v` reads a name as code";
    if ((name === "test" || name === "[") && (previous === "-v" || previous === "-R")) {
      return `\`${previous}\` reads the name of a variable as code`;
    }
    const isCodeOption = this.#interpreterPlace === "options" && word !== "" && this.#codeOption?.test(word) === true;
    if (this.#interpreterPlace === "code" || isCodeOption) return "the program takes this word for code";
    return this.#awkPlace === "options" && !word.startsWith("-") ? "it is part of an awk program" : null;
  }

  #take(word: string): void {
    if (this.name === "") this.name = word === "" ? "''" : word;
    this.#previous = word;
    if (arithmeticTests.has(word)) this.hasArithmeticTest = true;
    if (/^-[A-Za-z]*[inA]/.test(word)) this.#declaresNumbers = true;
    this.#interpreterPlace = this.#nextInterpreterPlace(word);
    this.#awkPlace = nextAwkPlace(this.#awkPlace, word);
  }

  /** The place after the word. */
  #nextInterpreterPlace(word: string): ProgramPlace {
    switch (this.#interpreterPlace) {
      case "none":
        this.#codeOption = interpreters.find(({ name }) => name.test(word))?.codeOption ?? null;
        return this.#codeOption === null ? "none" : "options";
      case "options":
        if (this.#codeOption?.test(word) === true) return "code";
        if (word === "-" || word === "-s") return "standard_input";
        if (optionWithValue.test(word)) return "option_value";
        return /^[-+]/.test(word) ? "options" : "arguments";
      case "option_value":
        return "options";
      case "standard_input":
        return "standard_input";
      case "code":
      case "arguments":
        return "arguments";
    }
  }
}

/** The first word of awk that is neither an option nor the value of one is its program. */
function nextAwkPlace(place: ProgramPlace, word: string): ProgramPlace {
  if (place === "none") return awk.test(word) ? "options" : "none";
  if (place === "option_value") return "options";
  if (place !== "options") return place;
  if (/^-[vFf]$/.test(word)) return "option_value";
  return word.startsWith("-") ? "options" : "arguments";
}
