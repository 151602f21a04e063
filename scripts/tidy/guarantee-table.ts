import type { GeneratedSection } from "./generated-section.ts";
import type { SourceFile } from "./source-file.ts";

const GUARANTEES = Array.from({ length: 15 }, (_, index) => `G${index + 1}`);

/** Where each guarantee is kept and shown: the files that cite its number, the product's and the tests'. */
export const guaranteeTable: GeneratedSection = {
  path: "docs/guarantees.md",
  name: "citations",
  render: ({ files }) => {
    const tests = files.filter((file) => file.isTest && file.folder !== "scripts");
    const product = files.filter((file) => file.isProduct || file.folder === "migrations");
    const rows = GUARANTEES.map((name) => `| ${name} | ${listCiting(product, name)} | ${listCiting(tests, name)} |`);
    return ["| | kept in | shown by |", "|---|---|---|", ...rows];
  },
};

function listCiting(files: readonly SourceFile[], name: string): string {
  const pattern = new RegExp(`\\b${name}\\b`);
  const paths = files.filter(({ text }) => pattern.test(text)).map(({ path }) => `\`${path}\``);
  return paths.sort().join(" ");
}
