import { describe, expect, test } from "vitest";
import { runStates, taskStates } from "#core/states.ts";
import { createPaint } from "./paint.ts";
import { runStateStyles, spinnerFrame, taskStateStyles } from "./state-style.ts";
import { displayWidth } from "./terminal-text.ts";

describe("state styles", () => {
  test("follow the table of the page: icon and color of each task state", () => {
    expect(Object.fromEntries(taskStates.map((state) => [state, taskStateStyles[state].color]))).toEqual({
      none: "white",
      queued: "gray",
      running: "blue",
      success: "green",
      failed: "red",
      up_for_retry: "violet",
      upstream_failed: "orange",
      skipped: "yellow",
      removed: "light_gray",
    });
    expect(runStateStyles.cancelled.color).toBe("dark_gray");
  });

  test("the word is the state, the icon one column wide and different for each", () => {
    for (const state of taskStates) expect(taskStateStyles[state].word).toBe(state);
    for (const state of runStates) expect(runStateStyles[state].word).toBe(state);
    const icons = [
      ...new Set([...Object.values(taskStateStyles), ...Object.values(runStateStyles)].map((style) => style.icon)),
    ];
    expect(icons).toHaveLength(taskStates.length + 1);
    for (const icon of icons) expect(displayWidth(icon)).toBe(1);
  });

  test("the spinner moves with time", () => {
    expect(spinnerFrame(0)).not.toBe(spinnerFrame(100));
    expect(spinnerFrame(0)).toBe(spinnerFrame(1000));
  });

  test("without colors nothing but the text is left", () => {
    expect(createPaint(false)("red", "x", "bold")).toBe("x");
    expect(createPaint(true)("orange", "x", "bold")).toBe("\u001b[1;38;5;208mx\u001b[0m");
  });
});
