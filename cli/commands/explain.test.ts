import { createClient, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { RunService } from "#gen/millrace/v1/run_service_pb.js";
import { explainRun } from "./explain.ts";

test("an instance that comes on two pages is told with what the earlier one said", async () => {
  const pages = new Map([
    ["", { reasons: [{ id: "r__a", code: "retry_due" }], more: 2n, nextCursor: "1" }],
    [
      "1",
      {
        reasons: ["r__a", "r__b", "r__b"].map((id, place) => ({ id, code: `later ${place}` })),
        more: 0n,
        nextCursor: "",
      },
    ],
  ]);
  const transport = createRouterTransport(({ service }) =>
    service(RunService, { explainDagRun: ({ cursor }) => ({ explanation: pages.get(cursor) ?? {} }) }),
  );
  const { reasons, more } = await explainRun(
    { runs: createClient(RunService, transport) },
    { dagRunId: "r", limit: 100 },
  );
  expect(reasons.map(({ id, code }) => [id, code])).toEqual([
    ["r__a", "retry_due"],
    ["r__b", "later 1"],
    ["r__b", "later 2"],
  ]);
  expect(more).toBe(0n);
});
