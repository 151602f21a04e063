/** Shells whose grammar has no more words of its own than these. */
const shells: ReadonlySet<string> = new Set(["bash", "sh", "dash"]);

const ownWords: ReadonlySet<string> = new Set(
  "if then elif else fi for while until do done case esac in select function time coproc".split(" "),
);

const maxLength = 10_000;

const variable = String.raw`\$[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\}`;
const quoted = String.raw`'[^'\0]*'|"(?:[^"\\$\`!\0]|${variable})*"`;
const word = new RegExp(String.raw`(?:[\w./:@%+,=*~-]|${variable}|${quoted})+`, "y");
const blank = /[ \t]*/y;
const errorsToOutput = "2>&1";
const redirection = /2>&1(?=[ \t\n;|&]|$)|[12]?>>?[ \t]*/y;
/** Right behind a word it may make a number of a file of it. */
const glued = /[<>]/y;
const separator = /&&|\|\||[|;\n]|$/y;

/**
 * Whether the text is nothing but plain commands, whose syntax can't be wrong: words, quoted or not, and values of
 * variables, with `>`, `>>`, `|`, `;`, `&&` and `||` between them. A false answer says nothing.
 */
export function isPlainCommands(text: string, shell: string): boolean {
  if (!shells.has(shell) || text.length > maxLength) return false;
  let at = 0;
  let follows = "\n";
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    at += found?.length ?? 0;
    return found;
  };
  while (at < text.length) {
    const words = takeCommand(take);
    const isEmptyLine = words === 0 && follows === "\n";
    const end = take(separator);
    if (words === null || end === null) return false;
    if (words === 0 && !(isEmptyLine && (end === "\n" || end === ""))) return false;
    follows = end;
  }
  return follows === "\n" || follows === "";
}

/** How many words a command has; null: it is no plain one. */
function takeCommand(take: (pattern: RegExp) => string | null): number | null {
  let words = 0;
  for (;;) {
    take(blank);
    const target = take(redirection);
    const found = target === errorsToOutput ? "" : take(word);
    if (found === null) return target === null ? words : null;
    if (ownWords.has(found) || take(glued) !== null) return null;
    words += 1;
  }
}
