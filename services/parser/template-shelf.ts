import type { Problem } from "#definition/model.ts";
import {
  mayUseTemplates,
  readDefinitionDocuments,
  type TemplateDocument,
} from "#definition/templates/definition-documents.ts";
import { emptyCatalog, type TemplateCatalog } from "#definition/templates/template-catalog.ts";
import type { KnownFile } from "#ports/definition-store.ts";
import type { StoredTemplate, TakenTemplate, TemplateInstance } from "#ports/template-store.ts";
import type { Store } from "#ports/store.ts";
import { hashContent } from "./list-folder.ts";
import { decodeText } from "./read-definition.ts";

/** What became of a file that may hold templates. */
export type ShelvedFile =
  /** There is a definition in it, or nothing that could be read: whoever reads definitions goes on. */
  | { readonly kind: "definition" }
  /** It holds templates alone, which are known now. */
  | { readonly kind: "templates" }
  /** Another content has one of its templates; nothing of it is known. */
  | { readonly kind: "taken"; readonly hash: string; readonly problems: readonly Problem[] };

/** Keeps the templates of files in the store, and all templates at hand for instances. The store says what is known. */
export class TemplateShelf {
  readonly #store: Store;
  readonly #documents = new Map<string, readonly TemplateDocument[]>();
  #known = new Map<string, StoredTemplate>();
  #instances: readonly TemplateInstance[] = [];
  #catalog: TemplateCatalog = emptyCatalog;
  readonly #changed = new Set<string>();
  #refreshing: Promise<void> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  get catalog(): TemplateCatalog {
    return this.#catalog;
  }

  /** Names of templates whose instances have not been looked at since they became other than before. */
  get changed(): ReadonlySet<string> {
    return new Set(this.#changed);
  }

  /** The instances of these have been looked at. */
  settle(names: ReadonlySet<string>): void {
    for (const name of names) this.#changed.delete(name);
  }

  /** Reads what the store knows; one after the other, so that no older answer wins. */
  refresh(): Promise<void> {
    const refreshing = this.#refreshing.then(() => this.#refresh());
    this.#refreshing = refreshing.catch(() => undefined);
    return refreshing;
  }

  async #refresh(): Promise<void> {
    const { templates } = this.#store;
    this.#instances = await templates.listInstances();
    const rows = await templates.list();
    const known = new Map(rows.map((row) => [keyOf(row), row]));
    const changed = [...known, ...this.#known].filter(([key]) => !isSame(known.get(key), this.#known.get(key)));
    this.#known = known;
    if (changed.length > 0) this.#catalog = await this.#load(rows);
    for (const [, { name }] of changed) this.#changed.add(name);
  }

  /** The files as they count for a scan: an instance by its own content, and files of templates alone too. */
  withTemplates(files: readonly KnownFile[]): readonly KnownFile[] {
    const byFile = new Map(this.#instances.map((instance) => [instance.filePath, instance]));
    const known = files.map((file) => {
      const instance = byFile.get(file.filePath);
      return instance !== undefined && file.hash === instance.versionHash ? { ...file, hash: instance.fileHash } : file;
    });
    const present = new Set(files.map(({ filePath }) => filePath));
    const others = new Map<string, KnownFile>();
    for (const { filePath, fileHash: hash } of this.#known.values()) {
      if (filePath === null || present.has(filePath)) continue;
      others.set(filePath, { filePath, hash, dagId: null, isActive: true });
    }
    return [...known, ...others.values()];
  }

  /** Files of instances that one of the templates stands behind. */
  instancesOf(names: ReadonlySet<string>): readonly string[] {
    const uses = ({ uses: keys }: TemplateInstance): boolean => keys.some((key) => names.has(nameOf(key)));
    return this.#instances.flatMap((each) => (each.filePath !== null && uses(each) ? [each.filePath] : []));
  }

  /** Takes the templates of a changed file over. */
  async putFile(filePath: string, content: Uint8Array): Promise<ShelvedFile> {
    const { templates } = this.#store;
    const isKnown = this.#isFile(filePath);
    const text = decodeText(content);
    if (text === null || !mayUseTemplates(text)) {
      if (isKnown) await templates.withdrawFile(filePath);
      return { kind: "definition" };
    }
    const documents = readDefinitionDocuments(text, filePath);
    if (documents.problems.some((problem) => !problem.warning)) {
      if (isKnown) await templates.markBroken(filePath);
      return { kind: "definition" };
    }
    if (documents.templates.length === 0 && !isKnown) return { kind: "definition" };
    const hash = hashContent(content);
    const taken = await templates.put({ filePath, fileHash: hash, text, templates: documents.templates });
    if (taken.length > 0) return { kind: "taken", hash, problems: taken.map((each) => takenTemplate(each, filePath)) };
    return { kind: documents.instance === null && !documents.isPlain ? "templates" : "definition" };
  }

  /** The file is gone, and its templates with it. */
  async withdrawFile(filePath: string): Promise<void> {
    if (this.#isFile(filePath)) await this.#store.templates.withdrawFile(filePath);
  }

  #isFile(filePath: string): boolean {
    return [...this.#known.values()].some((template) => template.filePath === filePath);
  }

  async #load(rows: readonly StoredTemplate[]): Promise<TemplateCatalog> {
    const templates: TemplateDocument[] = [];
    const broken: { name: string; version: string; file: string }[] = [];
    const contents = new Set<string>();
    for (const row of rows) {
      const { name, version } = row;
      const content = `${row.filePath ?? ""} ${row.fileHash}`;
      contents.add(content);
      const documents = this.#documents.get(content) ?? (await this.#read(row));
      this.#documents.set(content, documents);
      const found = documents.find((each) => each.name === name && each.version === version);
      if (found === undefined || row.isBroken) broken.push({ name, version, file: row.filePath ?? keyOf(row) });
      else templates.push(found);
    }
    for (const content of this.#documents.keys()) if (!contents.has(content)) this.#documents.delete(content);
    return { templates, broken };
  }

  async #read(row: StoredTemplate): Promise<readonly TemplateDocument[]> {
    const text = await this.#store.templates.readText(row);
    return text === null ? [] : readDefinitionDocuments(text, row.filePath ?? keyOf(row)).templates;
  }
}

function keyOf({ name, version }: { name: string; version: string }): string {
  return `${name}@${version}`;
}

/** Of `name@version`. */
function nameOf(key: string): string {
  return key.slice(0, key.lastIndexOf("@"));
}

function isSame(one: StoredTemplate | undefined, other: StoredTemplate | undefined): boolean {
  return one?.hash === other?.hash && one?.isBroken === other?.isBroken && one?.fileHash === other?.fileHash;
}

/** The problem of a file that holds a version which is known from somewhere else. */
export function takenTemplate({ name, version, filePath }: TakenTemplate, file: string): Problem {
  const owner = filePath ?? "what was published";
  return {
    file,
    line: 1,
    column: 1,
    code: "TEMPLATE_TAKEN",
    message: `the template ${name} ${version} in ${file} is that of ${owner}, which stays in force`,
    hint: "raise the version in one of the two",
    warning: false,
  };
}
