import { expect, test } from "vitest";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import { breakerComponent } from "./breaker-component.ts";

const closed: BreakerStatus = { name: "database read", state: "closed", changes: [] };
const open: BreakerStatus = {
  name: "database write",
  state: "open",
  changes: [{ state: "open", at: 0, cause: "5 calls failed" }],
};

test("closed breakers, or none, are healthy and need no words", () => {
  expect(breakerComponent([])).toEqual({ status: "healthy", detail: "" });
  expect(breakerComponent([closed])).toEqual({ status: "healthy", detail: "" });
});

test("one that holds calls back degrades its service, and says why", () => {
  const detail = "database write open: 5 calls failed; host a half open: ";
  const halfOpen = { name: "host a", state: "half_open", changes: [] } as const;
  expect(breakerComponent([closed, open, halfOpen])).toEqual({ status: "degraded", detail });
});
