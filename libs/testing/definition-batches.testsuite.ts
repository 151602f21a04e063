import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NewVersion } from "#ports/definition-store.ts";
import type { Store } from "#ports/store.ts";
import { newVersion } from "./dag-builder.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const hour = 3_600_000;

const ids = ["a", "b", "c", "d"];

interface Content {
  readonly file: string;
  readonly hash: string;
  readonly hook: string | null;
  readonly sensor: string | null;
}

/** What people see of the definitions whose names begin so, without this beginning. */
async function pictureOf(store: Store, prefix: string): Promise<unknown> {
  const active = await Promise.all(ids.map((id) => store.definitions.getActive(prefix + id)));
  const owners = await Promise.all(["x", "y"].map((name) => store.definitions.findHook(prefix + name)));
  const page = { limit: 100, cursor: null, sort: null };
  const sensors = await Promise.all(
    ids.map((id) => store.sensors.list(page, { dagId: prefix + id, type: null, hasError: null })),
  );
  return {
    dags: active.map((dag) => dag && [dag.version, dag.isActive]),
    files: (await store.definitions.listKnownFiles())
      .filter(({ filePath }) => filePath.startsWith(prefix))
      .map(({ filePath, hash, dagId }) => [filePath, hash, dagId].map((text) => text?.replace(prefix, ""))),
    owners: owners.map((owner) => owner?.replace(prefix, "")),
    sensors: sensors.map(({ items }) => items.map(({ sensorId }) => sensorId)),
  };
}

/** Registering several definitions at once does what registering one after the other does. */
export function describeDefinitionBatches(open: OpenHarness): void {
  describe("registering several at once", () => {
    it("answers for each in order: new, as before, changed, taken, without its webhook", async () => {
      const { store } = await openForTest(open);
      await store.definitions.register(newVersion("same"));
      await store.definitions.register(newVersion("changed"));
      await store.definitions.register(newVersion("taken", { filePath: "first.yaml" }));
      await store.definitions.register(newVersion("owner", { definition: { webhooks: [{ name: "x" }] } }));
      await store.definitions.recordImportError("new.yaml", "bad", []);

      const results = await store.definitions.registerAll([
        newVersion("new", {
          schedule: { text: "@daily", timezone: "UTC", rule: "@daily", firstAt: hour, nextAt: hour },
        }),
        newVersion("same"),
        newVersion("hookless", { definition: { webhooks: [{ name: "x" }] } }),
        newVersion("changed", { hash: "2", tags: ["a", 'b"c'], definition: { priority: 7, text: "ä\n" } }),
        newVersion("taken", { filePath: "second.yaml" }),
        newVersion("also"),
      ]);

      expect(results).toMatchObject([
        { kind: "registered", version: 1, changed: true },
        { kind: "registered", version: 1, changed: false },
        { kind: "hook_taken", hook: "x", dagId: "owner" },
        { kind: "registered", version: 2, changed: true },
        { kind: "taken", filePath: "first.yaml" },
        { kind: "registered", version: 1, changed: true },
      ]);
      expect(await store.definitions.getActive("changed")).toMatchObject({ definition: { priority: 7, text: "ä\n" } });
      expect(await store.queries.getDag("changed")).toMatchObject({ tags: ["a", 'b"c'] });
      expect(await store.definitions.getActive("hookless")).toBeNull();
      expect((await store.definitions.listKnownFiles()).find(({ filePath }) => filePath === "new.yaml")?.hash).not.toBe(
        "bad",
      );
      expect((await store.definitions.listDueSchedules(10)).map((due) => due.dagId)).toEqual(["new"]);
    });

    it("nothing, or one that comes back as it was", async () => {
      const { store } = await openForTest(open);
      expect(await store.definitions.registerAll([])).toEqual([]);
      await store.definitions.register(newVersion("a"));
      await store.definitions.register(newVersion("b", { filePath: "moved.yaml" }));
      await store.definitions.archiveFile("a.yaml");
      const back = await store.definitions.registerAll([newVersion("a"), newVersion("c", { filePath: "moved.yaml" })]);
      expect(back).toMatchObject([
        { version: 1, changed: true },
        { version: 1, changed: true },
      ]);
      expect(await store.definitions.getActive("a")).toMatchObject({ isActive: true, version: 1 });
      expect(await store.definitions.getActive("b")).toMatchObject({ isActive: false });
    });

    it("leaves the same as one after the other, whatever was before", async () => {
      const content: fc.Arbitrary<Content> = fc.record({
        file: fc.constantFrom("1.yaml", "2.yaml", "3.yaml", "4.yaml"),
        hash: fc.constantFrom("h1", "h2"),
        hook: fc.constantFrom(null, null, null, "x", "y"),
        sensor: fc.constantFrom(null, null, null, "s"),
      });
      const batch = fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "d"), content), {
        selector: ([id]) => id,
        maxLength: 4,
      });
      const toVersions = (found: readonly [string, Content][], prefix: string): readonly NewVersion[] => {
        const byFile = new Map(
          found.map(([id, { file, hash, hook, sensor }]): [string, NewVersion] => {
            const webhooks = hook === null ? [] : [{ name: prefix + hook }];
            const definition = {
              webhooks,
              sensors: sensor === null ? [] : [{ id: sensor, source: "s", type: "file" }],
            };
            const changes = { filePath: prefix + file, hash: `${hash}${hook}${sensor}`, definition };
            return [file, newVersion(prefix + id, changes)];
          }),
        );
        return [...byFile.values()];
      };
      const { store } = await openForTest(open);
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { maxLength: 4 }), async (batches) => {
          run += 1;
          const [together, apart] = [`t${run}-`, `p${run}-`];
          for (const found of batches) {
            // As scans do it, until nothing changes: an id may be free once others are registered, each time one more.
            for (const _scan of found) {
              await store.definitions.registerAll(toVersions(found, together));
              for (const version of toVersions(found, apart)) await store.definitions.register(version);
            }
          }
          expect(await pictureOf(store, together)).toEqual(await pictureOf(store, apart));
        }),
        { numRuns: 30 },
      );
    });

    it("that another registers too: one of two gets an id, and none waits for ever", async () => {
      const { store, openAnother } = await openForTest(open);
      const other = await openAnother();
      const [one, two] = await Promise.all([
        store.definitions.registerAll(ids.map((id) => newVersion(id, { filePath: `1/${id}` }))),
        other.definitions.registerAll(ids.toReversed().map((id) => newVersion(id, { filePath: `2/${id}` }))),
      ]);
      const kinds = ids.map((_, place) => new Set([one[place]?.kind, two[ids.length - 1 - place]?.kind]));
      expect(kinds).toEqual(ids.map(() => new Set(["registered", "taken"])));
    });
  });
}
