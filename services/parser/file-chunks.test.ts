import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReadFile } from "./file-registrar.ts";
import { inChunks } from "./file-chunks.ts";

const limits = { files: 5, characters: 100, tasks: 10 };

interface Content {
  readonly characters: number;
  readonly tasks: number;
}

/** Null: a file that could not be read as a definition. */
function fileOf(content: Content | null, place: number): ReadFile {
  const path = `${place}.yaml`;
  if (content === null) return { path, read: { kind: "invalid", hash: "", problems: [] } };
  const definition = { tasks: Array.from({ length: content.tasks }) };
  const read = {
    kind: "valid",
    text: "x".repeat(content.characters),
    definition,
    hash: "",
    origin: null,
    warnings: [],
  };
  return { path, read: read as unknown as ReadFile["read"] };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function chunksOf(contents: readonly (Content | null)[]): Promise<readonly (readonly ReadFile[])[]> {
  const chunks: (readonly ReadFile[])[] = [];
  for await (const chunk of inChunks(each(contents.map(fileOf)), limits)) chunks.push(chunk);
  return chunks;
}

function sumOf(files: readonly ReadFile[], what: keyof Content): number {
  return files.reduce((sum, { read }) => {
    if (read.kind === "invalid") return sum;
    return sum + (what === "tasks" ? read.definition.tasks.length : read.text.length);
  }, 0);
}

const small = { characters: 1, tasks: 1 };

describe("files in chunks", () => {
  test.each<[string, readonly (Content | null)[], readonly number[]]>([
    ["none", [], []],
    ["the last chunk is what is left", Array.from({ length: 7 }, () => small), [5, 2]],
    ["nothing is left", Array.from({ length: 5 }, () => small), [5]],
    ["one large file ends its chunk", [small, { characters: 100, tasks: 1 }, small], [2, 1]],
    ["many tasks end it, however short their text is", [small, { characters: 9, tasks: 10 }, small, small], [2, 2]],
    ["broken files count as files", [null, null, null, null, null, small], [5, 1]],
  ])("%s", async (_, contents, sizes) => {
    expect((await chunksOf(contents)).map((chunk) => chunk.length)).toEqual(sizes);
  });

  test("come in their order, each once, and no chunk goes on beyond a limit", async () => {
    const content = fc.record({ characters: fc.integer({ min: 0, max: 150 }), tasks: fc.integer({ min: 0, max: 15 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(content), { maxLength: 30 }), async (contents) => {
        const chunks = await chunksOf(contents);
        expect(chunks.flat().map(({ path }) => path)).toEqual(contents.map((_, place) => `${place}.yaml`));
        for (const chunk of chunks) {
          const before = chunk.slice(0, -1);
          expect(chunk.length).toBeGreaterThan(0);
          expect(chunk.length).toBeLessThanOrEqual(limits.files);
          expect(sumOf(before, "characters")).toBeLessThan(limits.characters);
          expect(sumOf(before, "tasks")).toBeLessThan(limits.tasks);
        }
      }),
    );
  });

  test("are read no further than they are asked for", async () => {
    let readCount = 0;
    async function* reading(): AsyncGenerator<ReadFile> {
      for (let place = 0; place < 20; place += 1) {
        readCount += 1;
        yield fileOf(small, place);
      }
    }
    for await (const chunk of inChunks(reading(), limits)) {
      expect(chunk).toHaveLength(5);
      break;
    }
    expect(readCount).toBe(5);
  });
});
