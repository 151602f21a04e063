import fc from "fast-check";
import { expect, test } from "vitest";
import { characterEdge, createLastLine, createLineSplitter } from "./line-splitter.ts";

function splitInto(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let start = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(start, start + size));
    start += size;
  }
  pieces.push(bytes.subarray(start));
  return pieces.filter((piece) => piece.length > 0);
}

const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 30 });

test("lines come out whole and in order, however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\n", " "))),
      sizes,
      (lines, cuts) => {
        const splitter = createLineSplitter();
        const blocks = splitInto(Buffer.from(lines.map((line) => `${line}\n`).join("")), cuts).map((piece) =>
          splitter.push(piece),
        );
        const found = blocks.flatMap((block) => (block === null ? [] : block.toString("utf8").split("\n")));

        expect(found).toEqual(lines);
        expect(splitter.flush()).toBeNull();
      },
    ),
  );
});

test("a flushed beginning never ends within a character", () => {
  const splitter = createLineSplitter();
  const bytes = Buffer.from("aé€😀");

  splitter.push(bytes.subarray(0, bytes.length - 2));

  expect(splitter.flush()?.toString("utf8")).toBe("aé€");
  splitter.push(bytes.subarray(bytes.length - 2));
  expect(splitter.flush()?.toString("utf8")).toBe("😀");
});

test("at the end nothing is kept back, not even half a character", () => {
  const splitter = createLineSplitter();

  splitter.push(Buffer.from([0xe2, 0x82]));

  expect(splitter.flush()).toEqual(Buffer.from([0xe2, 0x82]));
  expect(splitter.flush()).toBeNull();
});

test("a line without an end is cut at 64 KiB", () => {
  const splitter = createLineSplitter();

  expect(splitter.push(Buffer.alloc(40_000, "x"))).toBeNull();
  expect(splitter.push(Buffer.alloc(40_000, "x"))).toHaveLength(80_000);
  expect(splitter.pendingBytes).toBe(0);
});

test("the edge of a character is found for every cut", () => {
  const text = "aé€😀b";
  const bytes = Buffer.from(text);
  for (let end = 0; end <= bytes.length; end += 1) {
    const cut = bytes.subarray(0, characterEdge(bytes, end)).toString("utf8");
    expect(text.startsWith(cut), `cut at ${end}`).toBe(true);
  }
});

test("the last line is known however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme-ascii" }), { minLength: 1 }),
      fc.boolean(),
      sizes,
      (texts, hasEnd, cuts) => {
        const lines = texts.map((text) => text.replaceAll(/[\r\n]/g, " "));
        const expected = hasEnd || lines.at(-1) !== "" ? (lines.at(-1) ?? "") : (lines.at(-2) ?? "");
        const last = createLastLine(1000);

        for (const piece of splitInto(Buffer.from(lines.join("\n") + (hasEnd ? "\n" : "")), cuts)) last.push(piece);

        expect(last.text()).toBe(expected);
      },
    ),
  );
});

test("a last line is followed up to its limit", () => {
  const last = createLastLine(4);

  for (const text of ["first\nab", "cdef", "ghi"]) last.push(Buffer.from(text));
  expect(last.text()).toBe("abcd");

  last.push(Buffer.from("\nxyzxyz\n"));
  expect(last.text()).toBe("xyzx");
});
