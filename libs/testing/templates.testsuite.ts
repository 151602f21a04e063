import { describe, expect, it } from "vitest";
import type { TemplateContent, TemplateInstance } from "#ports/template-store.ts";
import { newVersion } from "./dag-builder.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

function content(
  filePath: string | null,
  templates: readonly string[],
  changes: Partial<TemplateContent> = {},
): TemplateContent {
  return {
    filePath,
    fileHash: `hash of ${templates.join()}`,
    text: `text of ${templates.join()}`,
    templates: templates.map((each) => {
      const [name = "", version = "", hash = "h"] = each.split("@");
      return { name, version, hash, docs: `about ${name}` };
    }),
    ...changes,
  };
}

function instance(dagId: string, changes: Partial<TemplateInstance> = {}): TemplateInstance {
  return {
    dagId,
    instanceName: dagId,
    template: { name: "etl", version: "1.0.0" },
    range: "^1",
    givenId: null,
    filePath: `${dagId}.yaml`,
    fileHash: "f",
    versionHash: "v",
    parameters: { table: "orders", list: [1, null] },
    uses: ["base@1.0.0", "etl@1.0.0"],
    ...changes,
  };
}

/** What every store of templates does. */
export function describeTemplates(open: OpenHarness): void {
  describe("a content", () => {
    it("is stored with its templates, and a file's others go", async () => {
      const { store, openAnother } = await openForTest(open);
      expect(await store.templates.put(content("a.yaml", ["etl@1.0.0", "base@1.0.0"]))).toEqual([]);
      expect(await store.templates.put(content("a.yaml", ["etl@1.1.0", "base@1.0.0@h2"]))).toEqual([]);
      const found = await (await openAnother()).templates.list();
      expect(found).toEqual([
        expect.objectContaining({ name: "base", version: "1.0.0", hash: "h2", docs: "about base", isBroken: false }),
        expect.objectContaining({
          name: "etl",
          version: "1.1.0",
          filePath: "a.yaml",
          fileHash: "hash of etl@1.1.0,base@1.0.0@h2",
        }),
      ]);
      expect(Math.abs((found[0]?.publishedAt ?? 0) - store.now())).toBeLessThan(60_000);
      expect(await store.templates.readText({ name: "etl", version: "1.1.0" })).toBe("text of etl@1.1.0,base@1.0.0@h2");
      expect(await store.templates.readText({ name: "etl", version: "1.0.0" })).toBeNull();
    });

    it("with a version that another file has is refused as a whole", async () => {
      const { store } = await openForTest(open);
      await store.templates.put(content("a.yaml", ["etl@1.0.0"]));
      const taken = [{ name: "etl", version: "1.0.0", filePath: "a.yaml" }];
      expect(await store.templates.put(content("b.yaml", ["other@1.0.0", "etl@1.0.0"]))).toEqual(taken);
      expect(await store.templates.put(content(null, ["etl@1.0.0"]))).toEqual(taken);
      expect((await store.templates.list()).map(({ name }) => name)).toEqual(["etl"]);
    });

    it("that was pushed keeps what its versions say", async () => {
      const { store } = await openForTest(open);
      expect(await store.templates.put(content(null, ["etl@1.0.0@one"]))).toEqual([]);
      expect(await store.templates.put(content(null, ["etl@1.0.0@one", "etl@1.1.0@two"]))).toEqual([]);
      expect(await store.templates.put(content(null, ["etl@1.0.0@other"]))).toEqual([
        { name: "etl", version: "1.0.0", filePath: null },
      ]);
      expect(await store.templates.withdraw({ name: "etl", version: "1.0.0" })).toBe(true);
      expect(await store.templates.withdraw({ name: "etl", version: "1.0.0" })).toBe(false);
      expect(await store.templates.put(content(null, ["etl@1.0.0@other"]))).toEqual([]);
    });

    it("of two at once with one version, one wins", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const results = await Promise.all([
        store.templates.put(content("a.yaml", ["etl@1.0.0"])),
        other.templates.put(content("b.yaml", ["etl@1.0.0"])),
      ]);
      expect(results.filter((taken) => taken.length === 0)).toHaveLength(1);
    });

    it("of a file is broken until the file is right again, and goes with it", async () => {
      const { store } = await openForTest(open);
      await store.templates.put(content("a.yaml", ["etl@1.0.0"]));
      await store.templates.markBroken("a.yaml");
      await store.templates.markBroken("b.yaml");
      expect(await store.templates.list()).toEqual([expect.objectContaining({ isBroken: true })]);
      await store.templates.put(content("a.yaml", ["etl@1.0.0"]));
      expect(await store.templates.list()).toEqual([expect.objectContaining({ isBroken: false })]);
      expect(await store.templates.withdraw({ name: "etl", version: "1.0.0" })).toBe(false);
      await store.templates.withdrawFile("a.yaml");
      expect(await store.templates.list()).toEqual([]);
    });
  });

  it("instances are known as long as their DAG is in force and made from a template", async () => {
    const { store, openAnother } = await openForTest(open);
    for (const dagId of ["a", "b", "c"]) await store.definitions.register(newVersion(dagId));
    await store.templates.recordInstance(instance("b"));
    await store.templates.recordInstance(instance("a", { filePath: null, givenId: "a" }));
    await store.templates.recordInstance(instance("c"));
    await store.templates.recordInstance(instance("b", { template: { name: "etl", version: "1.1.0" }, uses: [] }));
    await store.templates.forgetInstances(["c"]);
    const other = await openAnother();
    expect(await other.templates.listInstances()).toEqual([
      instance("a", { filePath: null, givenId: "a" }),
      instance("b", { template: { name: "etl", version: "1.1.0" }, uses: [] }),
    ]);
    await store.definitions.archiveFile("b.yaml");
    expect((await store.templates.listInstances()).map(({ dagId }) => dagId)).toEqual(["a"]);
  });
}
