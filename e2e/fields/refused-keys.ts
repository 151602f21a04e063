const task = (fields: string, keys = ""): string =>
  `id: refused\ntasks:\n  - {id: a, type: bash, operator: {bash_command: "true"${fields}}${keys}}\n`;

/**
 * What no version acts on yet, so that nothing is ignored in silence: the error names it. What becomes supported leaves
 * this list, and gets a row.
 */
export const refusedKeys: readonly { readonly what: string; readonly yaml: string; readonly error: RegExp }[] = [
  {
    what: "executor: kubernetes",
    yaml: task("", ", executor: kubernetes"),
    error: /:3:\d+ NOT_SUPPORTED `executor: kubernetes`/,
  },
];
