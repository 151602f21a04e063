import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { listDirectory } from "./list-directory.ts";

const name = fc.stringMatching(/^[ab1][ab1._-]{0,2}$/);

it("lists all files in one order, however few names it keeps, and goes on behind each of them", async () => {
  const trees = fc.uniqueArray(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 12, selector: String });
  await fc.assert(
    fc.asyncProperty(trees, fc.integer({ min: 1, max: 4 }), async (paths, namesAtOnce) => {
      const root = mkdtempSync(join(tmpdir(), "millrace-list-"));
      try {
        // A file never lies below another.
        const locations = paths.map((path) => `${path.join("/")}/file`);
        for (const location of locations) {
          mkdirSync(join(root, dirname(location)), { recursive: true });
          writeFileSync(join(root, location), "");
        }
        const list = async (after = ""): Promise<readonly string[]> => {
          const found: string[] = [];
          for await (const { location } of listDirectory(root, after, { namesAtOnce })) found.push(location);
          return found;
        };
        const all = await list();
        expect(all.toSorted()).toEqual(locations.toSorted());
        for (const [index, location] of all.entries()) expect(await list(location)).toEqual(all.slice(index + 1));
      } finally {
        rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 30 },
  );
});
