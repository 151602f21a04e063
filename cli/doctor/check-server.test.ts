import { createClient, createRouterTransport } from "@connectrpc/connect";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { DoctorService } from "#gen/millrace/v1/doctor_service_pb.js";
import { checkPages } from "./check-server.ts";

const now = Date.UTC(2026, 0, 1);

test("all pages of the state are one diagnosis, and the clocks are compared", async () => {
  const cursors: string[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(DoctorService, {
      checkSystem({ cursor, repair }) {
        cursors.push(`${cursor} ${repair}`);
        const page = cursors.length;
        return {
          checks: page === 1 ? [{ name: "database", status: "ok" }] : [],
          findings: [{ check: "run_state", severity: "problem", outcome: "repaired", count: 1 }],
          findingCount: 1,
          checkedRuns: 10,
          nextCursor: page < 3 ? `active:${page}` : "",
          answeredAt: timestampFromMs(now + 5000),
        };
      },
    }),
  );
  const doctor = createClient(DoctorService, transport);
  const { checks, state } = await checkPages(
    { doctor },
    { now: () => now, repair: true, removeUnknownFiles: false, allFiles: false },
  );
  expect(cursors).toEqual([" true", "active:1 true", "active:2 true"]);
  expect(state).toMatchObject({ checkedRuns: 30, findingCount: 3 });
  expect(checks.map(({ name, status }) => [name, status])).toEqual([
    ["server", "ok"],
    ["clock here", "warning"],
    ["database", "ok"],
  ]);
});

test.each([
  { allFiles: false, places: ["", "2"], checkedFiles: 10, hasMoreFiles: true },
  { allFiles: true, places: ["", "2", "a", "b"], checkedFiles: 30, hasMoreFiles: false },
])("files are gone on with when all are asked for, behind the runs (%j)", async ({ allFiles, places, ...expected }) => {
  const asked: string[] = [];
  const next = new Map([
    ["", "a"],
    ["a", "b"],
  ]);
  const transport = createRouterTransport(({ service }) =>
    service(DoctorService, {
      checkSystem({ cursor, filesAfter, removeUnknownFiles }) {
        asked.push(cursor || filesAfter);
        expect(removeUnknownFiles).toBe(true);
        if (cursor !== "") return { checkedRuns: 1 };
        const nextCursor = filesAfter === "" ? "2" : "";
        return {
          checkedFiles: 10,
          nextFiles: next.get(filesAfter) ?? "",
          nextCursor,
          answeredAt: timestampFromMs(now),
        };
      },
    }),
  );
  const doctor = createClient(DoctorService, transport);
  const request = { now: () => now, repair: false, removeUnknownFiles: true, allFiles };
  const { state } = await checkPages({ doctor }, request);
  expect(asked).toEqual(places);
  expect(state).toMatchObject({ checkedRuns: 1, ...expected });
});
