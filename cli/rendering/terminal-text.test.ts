import { describe, expect, test } from "vitest";
import { clip, displayWidth, harmlessLine, padTo } from "./terminal-text.ts";
import { clockText, durationText, instantText } from "./time-text.ts";

describe("harmlessLine", () => {
  test.each([
    ["plain", "plain"],
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b]0;title\u0007after", "after"],
    ["a\rb\nc", "abc"],
    ["tab\there", "tab  here"],
    ["\u009b31mC1", "C1"],
    ["right\u202eleft", "rightleft"],
    ["back\u0008space\u007f", "backspace"],
  ])("makes %j harmless", (text, expected) => {
    expect(harmlessLine(text)).toBe(expected);
  });
});

describe("widths", () => {
  test("wide characters take two columns, marks that combine none", () => {
    expect(displayWidth("日本")).toBe(4);
    expect(displayWidth("e\u0301")).toBe(1);
    expect(displayWidth("├─ ✓")).toBe(4);
  });

  test("clip never exceeds the width and shows that it cut", () => {
    expect(clip("abcdef", 4)).toBe("abc…");
    expect(clip("日本語", 4)).toBe("日…");
    expect(clip("abc", 3)).toBe("abc");
    expect(clip("abc", 0)).toBe("");
  });

  test("padding counts columns, not characters", () => {
    expect(padTo("日", 4)).toBe("日  ");
    expect(padTo("7", 3, "left")).toBe("  7");
  });
});

describe("times", () => {
  test.each([
    [0, "0 ms"],
    [340.4, "340 ms"],
    [1200, "1.2 s"],
    [59_940, "59.9 s"],
    [59_960, "1m 00s"],
    [123_000, "2m 03s"],
    [3_900_000, "1h 05m"],
    [273_600_000, "3d 04h"],
    [-5, "0 ms"],
  ])("%d ms is %s", (ms, expected) => {
    expect(durationText(ms)).toBe(expected);
  });

  test("instants are UTC", () => {
    const at = Date.UTC(2026, 0, 31, 2, 0, 5, 123);
    expect(instantText(at)).toBe("2026-01-31 02:00:05Z");
    expect(clockText(at)).toBe("02:00:05.123");
  });
});
