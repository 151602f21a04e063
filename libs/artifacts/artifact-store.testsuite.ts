import { beforeEach, describe, expect, it } from "vitest";
import type { ArtifactStore, StoredFile } from "#ports/artifact-store.ts";

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function textOf(content: AsyncIterable<Uint8Array> | null): Promise<string | null> {
  if (content === null) return null;
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts).toString();
}

export async function listAll(store: ArtifactStore, after?: string): Promise<readonly StoredFile[]> {
  const files: StoredFile[] = [];
  for await (const file of store.list(after)) files.push(file);
  return files;
}

/** What every artifact store does. */
export function describeArtifactStore(name: string, open: () => Promise<ArtifactStore>): void {
  describe(name, () => {
    let store: ArtifactStore;
    beforeEach(async () => {
      store = await open();
    });

    it("gives back what was written, whole or in part", async () => {
      await store.write("1/0/1.1/a", pieces("hello ", "", "world"), 11);
      expect(await textOf(await store.read("1/0/1.1/a"))).toBe("hello world");
      expect(await textOf(await store.read("1/0/1.1/a", { start: 4, end: 8 }))).toBe("o wo");
      expect(await textOf(await store.read("1/0/1.1/a", { start: 6, end: 99 }))).toBe("world");
      expect(await textOf(await store.read("1/0/1.1/a", { start: 3, end: 3 }))).toBe("");
    });

    it("keeps an object without bytes apart from none", async () => {
      await store.write("1/0/1.1/empty", pieces(), 0);
      expect(await textOf(await store.read("1/0/1.1/empty"))).toBe("");
      expect(await store.read("1/0/1.1/none")).toBeNull();
    });

    it.each([
      ["too short", pieces("ab"), 3],
      ["too long", pieces("ab", "cd"), 3],
    ])("stores nothing of content that is %s", async (_how, content, size) => {
      await expect(store.write("1/0/1.1/b", content, size)).rejects.toMatchObject({ code: "INVALID_ARTIFACT" });
      expect(await store.read("1/0/1.1/b")).toBeNull();
    });

    it("stores nothing of content that breaks off, and says why it did", async () => {
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield Buffer.from("half");
        throw new Error("the worker is gone");
      }
      await expect(store.write("1/0/1.1/c", broken(), 8)).rejects.toThrow("the worker is gone");
      expect(await store.read("1/0/1.1/c")).toBeNull();
    });

    it("removes what is there, and does not mind what is not", async () => {
      await store.write("1/0/1.1/d", pieces("x"), 1);
      await store.remove("1/0/1.1/d");
      await store.remove("1/0/1.1/d");
      expect(await store.read("1/0/1.1/d")).toBeNull();
    });

    it("lists what is there, and when it was written", async () => {
      expect(await listAll(store)).toEqual([]);
      const locations = Array.from({ length: 25 }, (_, place) => `${place % 3}/0/1.1/${place}`);
      for (const location of locations) await store.write(location, pieces("x"), 1);
      await store.remove("0/0/1.1/0");
      const files = await listAll(store);
      expect(files.map(({ location }) => location).toSorted()).toEqual(locations.slice(1).toSorted());
      for (const { modifiedAt } of files) expect(Math.abs(modifiedAt - Date.now())).toBeLessThan(600_000);
    });

    it("goes on behind any file that it listed, with those that come after it", async () => {
      const locations = ["1/0/1.1/a", "1/0/1.1/b", "1/0/1.2/a", "10/0/1.1/a", "2/0/1.1/a", "1/0.x/a", "3"];
      for (const location of locations) await store.write(location, pieces("x"), 1);
      const all = (await listAll(store)).map(({ location }) => location);
      expect(all.toSorted()).toEqual(locations.toSorted());
      for (const [index, location] of all.entries()) {
        const behind = (await listAll(store, location)).map((file) => file.location);
        expect([location, behind]).toEqual([location, all.slice(index + 1)]);
        await store.remove(location);
        expect((await listAll(store, location)).map((file) => file.location)).toEqual(behind);
        await store.write(location, pieces("x"), 1);
      }
    });

    it.each(["../a", "/a", "a//b", "a/../b", ".incoming/x", "", "a/b c"])(
      "refuses the location %j",
      async (location) => {
        await expect(store.read(location)).rejects.toThrow("is no location of an artifact");
        await expect(store.write(location, pieces("x"), 1)).rejects.toThrow("is no location of an artifact");
      },
    );
  });
}
