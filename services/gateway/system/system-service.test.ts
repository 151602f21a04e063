import { expect, test } from "vitest";
import type { BreakerStatus } from "#ports/breaker-status.ts";
import { httpRequest, memoryStore, openGateway, textOf } from "../gateway-harness.testsuite.ts";

const open: BreakerStatus = {
  name: "database write",
  state: "open",
  changes: [{ state: "open", at: Date.UTC(2026, 0, 31), cause: "5 calls failed" }],
};

test("health has the breakers of the process with their changes, and how many dead letters there are", async () => {
  const store = memoryStore();
  const { gateway } = openGateway({ ...store, breakers: [open] });
  const place = { topic: "millrace.tasks.default", partition: 0, offset: 1, reason: "it has no value" };
  const content = { key: null, value: null, headers: [], size: 0, isCut: false, reportedBy: "w" };
  await store.deadLetters.park({ ...place, ...content }, 1000);
  const answer = await gateway.handleHttp(httpRequest("GET", "/health"));
  expect(JSON.parse(await textOf(answer))).toMatchObject({
    status: "degraded",
    components: {
      breakers: { status: "degraded", detail: "database write open: 5 calls failed" },
      dead_letters: { status: "healthy", detail: expect.stringContaining("1 parked") },
    },
    breakers: [
      {
        name: "database write",
        state: "open",
        changes: [{ state: "open", timestamp: "2026-01-31T00:00:00.000Z", cause: "5 calls failed" }],
      },
    ],
  });
});
