import type {
  StoredTemplate,
  TakenTemplate,
  TemplateContent,
  TemplateKey,
  TemplateStore,
} from "#ports/template-store.ts";
import type { MemoryState } from "./memory-state.ts";

interface TemplateRow extends StoredTemplate {
  readonly text: string;
}

export function createMemoryTemplates(state: MemoryState): TemplateStore {
  const { templates, templateInstances: instances } = state;
  return {
    async put(content) {
      const taken = findTaken(content, templates);
      if (taken.length > 0) return taken;
      removeFile(content.filePath, templates);
      for (const template of content.templates) {
        const { filePath, fileHash, text } = content;
        const publishedAt = state.now();
        templates.set(keyOf(template), { ...template, filePath, fileHash, text, isBroken: false, publishedAt });
      }
      state.wake.notify("definitions");
      return [];
    },
    async markBroken(filePath) {
      for (const [key, row] of templates) {
        if (row.filePath === filePath) templates.set(key, { ...row, isBroken: true });
      }
    },
    async withdrawFile(filePath) {
      removeFile(filePath, templates);
    },
    async withdraw(key) {
      return templates.get(keyOf(key))?.filePath === null && templates.delete(keyOf(key));
    },
    async list() {
      return [...templates.values()]
        .map(({ text: _text, ...row }) => row)
        .toSorted((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
    },
    async readText(key) {
      return templates.get(keyOf(key))?.text ?? null;
    },
    async recordInstance(instance) {
      instances.set(instance.dagId, structuredClone(instance));
    },
    async forgetInstances(dagIds) {
      for (const dagId of dagIds) instances.delete(dagId);
    },
    async listInstances() {
      return [...instances.values()]
        .filter(({ dagId }) => state.dags.get(dagId)?.isActive === true)
        .toSorted((a, b) => compare(a.dagId, b.dagId));
    },
  };
}

function findTaken(content: TemplateContent, templates: ReadonlyMap<string, TemplateRow>): readonly TakenTemplate[] {
  return content.templates.flatMap((template) => {
    const known = templates.get(keyOf(template));
    const isOwn = known?.filePath === content.filePath && (content.filePath !== null || known.hash === template.hash);
    if (known === undefined || isOwn) return [];
    return [{ name: template.name, version: template.version, filePath: known.filePath }];
  });
}

function removeFile(filePath: string | null, templates: Map<string, TemplateRow>): void {
  if (filePath === null) return;
  for (const [key, row] of templates) if (row.filePath === filePath) templates.delete(key);
}

function keyOf({ name, version }: TemplateKey): string {
  return `${name}@${version}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
