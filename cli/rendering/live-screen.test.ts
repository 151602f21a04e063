import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LiveScreen } from "./live-screen.ts";

describe("LiveScreen", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("redraws at most ten times a second however often it is told", () => {
    let drawn = 0;
    const screen = new LiveScreen(silent(), () => {
      drawn += 1;
      return ["x"];
    });
    screen.start();
    for (let ms = 0; ms < 1000; ms += 1) {
      screen.invalidate();
      vi.advanceTimersByTime(1);
    }
    expect(drawn).toBeLessThanOrEqual(11);
    expect(drawn).toBeGreaterThanOrEqual(10);
    screen.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("draws each frame over the one before and clears what is left of it", () => {
    const written: string[] = [];
    let lines = ["a", "b"];
    const screen = new LiveScreen({ ...silent(), write: (text) => void written.push(text) }, () => lines);
    screen.start();
    lines = ["c"];
    screen.stop();
    expect(written[1]).toBe("\ra\u001b[K\n\rb\u001b[K\n\u001b[J");
    expect(written[2]).toBe("\u001b[2A\rc\u001b[K\n\u001b[J");
  });
});

function silent(): { write(text: string): void; columns(): number; rows(): number } {
  return { write: () => undefined, columns: () => 80, rows: () => 24 };
}
