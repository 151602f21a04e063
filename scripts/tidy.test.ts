import { describe, expect, test } from "vitest";
import { folderDrawing } from "./tidy/folder-drawing.ts";
import { definitionReference } from "./tidy/definition-reference.ts";
import { operatorSections } from "./tidy/field-tables.ts";
import { fillSection, newPage, sectionMarkers } from "./tidy/generated-section.ts";
import { guaranteeTable } from "./tidy/guarantee-table.ts";
import { pageRules } from "./tidy/page-rules.ts";
import { createRepository } from "./tidy/repository.ts";
import { tidyRules } from "./tidy-rules.ts";

const packageJson = JSON.stringify({
  imports: {
    "#core/*.ts": "./libs/core/*.ts",
    "#errors/*.ts": "./libs/errors/*.ts",
    "#testing/*.ts": "./libs/testing/*.ts",
    "#services/*.ts": "./services/*.ts",
  },
});
/** A checkout that keeps every rule; each case below adds or replaces files in it. */
const clean: Readonly<Record<string, string>> = {
  "package.json": packageJson,
  "package-lock.json": JSON.stringify({ packages: { "": {} } }),
  "tsconfig.json": references("libs/errors", "libs/core", "services/worker"),
  "libs/errors/tsconfig.json": "{}",
  "libs/core/tsconfig.json": references("../errors"),
  "services/worker/tsconfig.json": references("../../libs/core"),
  "libs/errors/app-error.ts": "export const code = 1;\n",
  "libs/core/graph.ts": 'import { code } from "#errors/app-error.ts";\nexport const graph = { process: code };\n',
  "libs/core/graph.test.ts": 'import { build } from "#testing/build.ts";\nbuild(process.env);\n',
  "libs/testing/build.ts": "export const build = (from: unknown) => from;\n",
  "libs/config/read.ts": "export const home = process.env;\n",
  "services/worker/claim.ts": 'import { graph } from "#core/graph.ts";\nexport const claim = graph;\n',
  "cli/main.ts": 'console.log("x");\nprocess.exit(0);\n',
  "README.md": "[guide](docs/guide.md#start) [site](https://example.com)\n",
  "docs/guide.md": "[back](../README.md) [code](../libs/core/)\n",
};

interface Violation {
  readonly rule: string;
  readonly files: Readonly<Record<string, string>>;
  /** Expected in the message. */
  readonly says: RegExp;
}

const violations: readonly Violation[] = [
  { rule: "file-size", files: { "libs/core/long.ts": "const a = 1;\n".repeat(301) }, says: /301 lines, 300/ },
  { rule: "file-size", files: { "libs/core/long.test.ts": "f();\n".repeat(501) }, says: /501 lines, 500/ },
  { rule: "export-count", files: { "libs/core/many.ts": exportsOf(9) }, says: /9 exports/ },
  { rule: "file-name", files: { "libs/core/RunState.ts": "" }, says: /kebab-case/ },
  { rule: "file-name", files: { "libs/core/helpers.ts": "" }, says: /"helpers"/ },
  { rule: "file-name", files: { "libs/core/run-manager.ts": "" }, says: /"manager"/ },
  { rule: "no-barrel", files: { "libs/core/all.ts": 'export * from "./graph.ts";\n' }, says: /only re-exports/ },
  {
    rule: "folder-imports",
    files: { "services/worker/claim.ts": 'import { code } from "#errors/app-error.ts";\n' },
    says: /libs\/errors is not a direct reference of services\/worker/,
  },
  {
    rule: "folder-imports",
    files: { "services/worker/claim.ts": 'export const load = () => import("#errors/app-error.ts");\n' },
    says: /not a direct reference/,
  },
  {
    rule: "folder-imports",
    files: { "services/worker/claim.ts": 'export type E = import("#errors/app-error.ts").E;\n' },
    says: /not a direct reference/,
  },
  { rule: "folder-imports", files: { "libs/core/a.ts": 'import "#core/graph.ts";\n' }, says: /are relative/ },
  { rule: "folder-imports", files: { "libs/core/a.ts": 'import "../errors/app-error.ts";\n' }, says: /leaves/ },
  { rule: "folder-imports", files: { "libs/core/a.ts": 'import "#nowhere/x.ts";\n' }, says: /not in package\.json/ },
  { rule: "folder-imports", files: { "e2e/run.test.ts": 'import "#core/graph.ts";\n' }, says: /reference of e2e/ },
  {
    rule: "testing-stays-in-tests",
    files: { "libs/core/a.ts": 'import { build } from "#testing/build.ts";\n' },
    says: /never imports test code/,
  },
  {
    rule: "service-references",
    files: { "services/worker/tsconfig.json": references("../parser") },
    says: /only cli, sdk, simulation/,
  },
  {
    rule: "service-references",
    files: { "services/worker/tsconfig.json": references("../../libs/testing") },
    says: /may not refer to libs\/testing/,
  },
  {
    rule: "root-references",
    files: { "tsconfig.json": references("libs/errors", "libs/core") },
    says: /services\/worker/,
  },
  {
    rule: "unused-references",
    files: { "libs/core/tsconfig.json": references("../errors", "../config") },
    says: /nothing here imports libs\/config/,
  },
  { rule: "environment", files: { "cli/run.ts": 'export const a = process.env["A"];\n' }, says: /only libs\/config/ },
  { rule: "process-exit", files: { "services/worker/main.ts": "process.exit(1);\n" }, says: /cli\/main\.ts/ },
  { rule: "pure-core", files: { "libs/core/a.ts": "export const at = new Date();\n" }, says: /Date: core is pure/ },
  { rule: "pure-core", files: { "libs/core/a.ts": "export const a = Math.random();\n" }, says: /Math\.random/ },
  { rule: "pure-core", files: { "libs/core/a.ts": "setTimeout(() => {}, 1);\n" }, says: /setTimeout/ },
  { rule: "pure-core", files: { "libs/core/a.ts": "export const p = process.pid;\n" }, says: /process\.pid/ },
  { rule: "pure-core", files: { "libs/core/a.ts": 'import { x } from "node:fs";\n' }, says: /no dependencies/ },
  { rule: "pure-core", files: { "libs/core/a.ts": "for (const k in {}) void k;\n" }, says: /for…in/ },
  { rule: "no-console", files: { "libs/core/a.ts": "console.error(1);\n" }, says: /logger/ },
  { rule: "no-mocks", files: { "libs/core/a.test.ts": 'vi.mock("./graph.ts");\n' }, says: /vi\.mock/ },
  { rule: "no-mocks", files: { "libs/core/a.test.ts": "expect(f()).toMatchSnapshot();\n" }, says: /say what/ },
  { rule: "no-waivers", files: { "libs/core/a.ts": "// @ts-ignore\nexport const a = 1;\n" }, says: /never waived/ },
  { rule: "open-notes", files: { "libs/core/a.ts": unmarked("// TO|DO later\n") }, says: /open an issue/ },
  { rule: "machine-paths", files: { "docs/guide.md": unmarked("cd /ho|me/ada/millrace\n") }, says: /one machine/ },
  { rule: "registry-hosts", files: { ".npmrc": unmarked("x=https://registry.n|pmjs.org/\n") }, says: /own setting/ },
  {
    rule: "lock-file",
    files: { "package-lock.json": lockOf({ version: "1.0.0", resolved: "https://example.com/a.tgz" }) },
    says: /names the host/,
  },
  {
    rule: "lock-file",
    files: { "package-lock.json": lockOf({ optionalDependencies: { "a-linux-x64": "1.0.0" } }) },
    says: /a-linux-x64 is missing/,
  },
  { rule: "document-links", files: { "README.md": "[guide](docs/gone.md)\n" }, says: /docs\/gone\.md does not exist/ },
  { rule: "document-links", files: { "docs/guide.md": "see `libs/core/gone.ts`\n" }, says: /core\/gone\.ts does not/ },
  { rule: "operator-pages", files: { "docs/operators/dance.md": "# dance\n" }, says: /no kind of work/ },
  { rule: "generated-sections", files: { "docs/architecture.md": "# Page\n" }, says: /no markers for "folders"/ },
  {
    rule: "generated-sections",
    files: { "docs/guarantees.md": sectionMarkers(guaranteeTable).join("\n") },
    says: /"citations" is old/,
  },
];

describe("tidy rules", () => {
  test("find nothing in a checkout that keeps them", () => {
    const repository = createRepository(new Map(Object.entries(clean)));
    expect(tidyRules.flatMap((rule) => rule.check(repository))).toEqual([]);
  });

  test.each(violations)("$rule finds the planted violation ($says)", ({ rule, files, says }) => {
    const repository = createRepository(new Map(Object.entries({ ...clean, ...files })));
    const findings = tidyRules.find(({ name }) => name === rule)?.check(repository) ?? [];
    expect(findings.map(({ message }) => message)).toEqual([expect.stringMatching(says)]);
    expect(Object.keys(files)).toContain(findings[0]?.path);
  });

  test("each has a planted violation", () => {
    const planted = new Set(violations.map(({ rule }) => rule));
    expect(tidyRules.map(({ name }) => name).filter((name) => !planted.has(name))).toEqual([]);
  });

  test("report the line that breaks the rule", () => {
    const repository = createRepository(new Map([["cli/run.ts", "// one\n\nconst a = 1;\nprocess.exit(a);\n"]]));
    expect(tidyRules.flatMap((rule) => rule.check(repository)).map(({ line }) => line)).toEqual([4]);
  });
});

describe("generated sections", () => {
  const page = `# Page\n${sectionMarkers(folderDrawing).join("\n")}\nafter\n`;
  const repository = createRepository(
    new Map([
      ["libs/errors/tsconfig.json", "{}"],
      ["libs/core/tsconfig.json", references("../errors")],
      ["cli/tsconfig.json", references("../libs/core", "../libs/errors")],
      ["libs/core/claim.ts", "// One attempt at a time (G3).\n"],
      ["libs/core/claim.test.ts", 'test("G3 and G15", f);\n'],
    ]),
  );

  test("draw only the arrows that no longer way implies, and list all references", () => {
    const drawn = fillSection(page, folderDrawing, repository);
    expect(drawn).toContain("cli --> libs_core");
    expect(drawn).not.toContain("cli --> libs_errors");
    expect(drawn).toContain("| `cli` | `libs/core` `libs/errors` |");
  });

  test("name the files that cite a guarantee", () => {
    const lines = guaranteeTable.render(repository);
    expect(lines).toContain("| G3 | `libs/core/claim.ts` | `libs/core/claim.test.ts` |");
    expect(lines).toContain("| G1 |  |  |");
    expect(lines).toContain("| G15 |  | `libs/core/claim.test.ts` |");
  });

  test("replace what stood between the markers and nothing else", () => {
    const drawn = fillSection(page, folderDrawing, repository) ?? "";
    expect(fillSection(drawn, folderDrawing, repository)).toBe(drawn);
    expect(drawn).toMatch(/^# Page\n[^]*\nafter\n$/);
  });
});

describe("pages that follow from the schema of definitions", () => {
  const duration = { type: "string", pattern: "^(?=.*[1-9])x$" };
  const wait = {
    description: "Waits.",
    required: ["until"],
    properties: {
      until: { enum: ["day", "night"], description: "Which | when." },
      pause: { if: { type: "string", pattern: String.raw`\{\{` }, else: duration },
      again: { type: "array", items: { type: "object", properties: { every: { type: "integer", minimum: 2 } } } },
    },
  };
  const consequence: [string, object] = ["then", { properties: { operator: wait } }];
  const rule = { if: { properties: { type: { const: "wait" } } }, ...Object.fromEntries([consequence]) };
  const schema = JSON.stringify({ definitions: { operatorFields: { allOf: [rule] }, template: wait } });
  const repositoryWith = (...pages: readonly (readonly [string, string])[]) =>
    createRepository(new Map([["gen/schemas/dag.json", schema], ...pages]));

  test("list each field with what it may be, and what is within it", () => {
    const [section] = operatorSections(repositoryWith());
    expect(section?.path).toBe("docs/operators/wait.md");
    expect(section?.render(repositoryWith()).slice(2)).toEqual([
      "| `until`* | `day`, `night` | Which \\| when. |",
      "| `pause` | duration |  |",
      "| `again` | list of map |  |",
      "| `again.every` | whole number, at least 2 |  |",
    ]);
    expect(definitionReference.render(repositoryWith())).toContain("## A template");
  });

  test("are missed, old, and too many", () => {
    const messages = (...pages: readonly (readonly [string, string])[]) =>
      pageRules.flatMap((rule) =>
        rule.check(repositoryWith(...pages)).map(({ path, message }) => `${path} ${message}`),
      );
    expect(messages()).toEqual(["docs/operators/wait.md is missing: it tells of fields of wait"]);
    const [section] = operatorSections(repositoryWith());
    const page = section === undefined ? "" : newPage(section);
    expect(messages(["docs/operators/wait.md", page])).toEqual([
      'docs/operators/wait.md "fields of wait" is old: run npm run gen',
    ]);
    const filled = section === undefined ? null : fillSection(page, section, repositoryWith());
    expect(messages(["docs/operators/wait.md", filled ?? ""], ["docs/operators/dance.md", ""])).toEqual([
      "docs/operators/dance.md tells of no kind of work that there is",
    ]);
  });
});

function references(...paths: readonly string[]): string {
  return JSON.stringify({ references: paths.map((path) => ({ path })) });
}

/** Drops the marks that keep a planted text from being a violation of this file. */
function unmarked(text: string): string {
  return text.replaceAll("|", "");
}

function exportsOf(count: number): string {
  return Array.from({ length: count }, (_, index) => `export const a${index} = ${index};\n`).join("");
}

function lockOf(entry: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ packages: { "": {}, "node_modules/a": entry } });
}
