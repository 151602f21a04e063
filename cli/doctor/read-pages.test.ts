import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { type CheckSystemResponse, CheckSystemResponseSchema } from "#gen/millrace/v1/doctor_service_pb.js";
import { type PagePlace, readPages } from "./read-pages.ts";

type Page = Partial<Pick<CheckSystemResponse, "nextCursor" | "nextFiles">> & { readonly unknown?: number };

function pageOf({ unknown = 0, ...page }: Page): CheckSystemResponse {
  const detail = `${unknown} files older than 2 days that no row knows, such as 1/a`;
  const found = { check: "files_unknown", severity: "warning", outcome: "by_hand", count: unknown, detail };
  const findings = unknown === 0 ? [] : [found];
  return create(CheckSystemResponseSchema, { ...page, checkedRuns: 1, findings, findingCount: findings.length });
}

/** Answers page after page, then fails. */
function answer(pages: readonly Page[], asked: PagePlace[] = []) {
  return async (place: PagePlace): Promise<CheckSystemResponse> => {
    const page = pages[asked.length];
    asked.push(place);
    if (page === undefined) throw new AppError("PEER_UNAVAILABLE", "the executor is away");
    return pageOf(page);
  };
}

test("files that no row knows are one finding, however many pages count some", async () => {
  const first = pageOf({ unknown: 90, nextFiles: "a" });
  const ask = answer([{ unknown: 7, nextFiles: "b" }, { nextFiles: "c" }, { unknown: 5 }]);
  const { checks, state } = await readPages({ first, allFiles: true, ask });
  expect(checks).toEqual([]);
  expect(state).toMatchObject({ checkedRuns: 4, findingCount: 1, hasMoreFiles: false });
  const detail = "102 files older than 2 days that no row knows, such as 1/a";
  expect(state.findings).toMatchObject([{ check: "files_unknown", count: 102, detail }]);
});

test.each([
  { what: "runs", first: { nextCursor: "active:2" }, hasMoreFiles: false },
  { what: "runs", first: { nextCursor: "active:2", nextFiles: "a" }, hasMoreFiles: true },
  { what: "files", first: { nextFiles: "a" }, hasMoreFiles: true },
])("what was found is kept when a later page of $what fails", async ({ what, first, hasMoreFiles }) => {
  const ask = answer([{ ...first, unknown: 2 }]);
  const request = { first: pageOf({ ...first, unknown: 1 }), allFiles: true };
  const { checks, state } = await readPages({ ...request, ask: what === "runs" ? ask : answer([]) });
  const detail = `not all ${what} were looked at: the executor is away`;
  expect(checks).toMatchObject([{ name: "state", status: "problem", detail }]);
  expect(state).toMatchObject({ findingCount: 1, hasMoreFiles, findings: [{ count: what === "runs" ? 3 : 1 }] });
});

test("a look at files ends where one failed, and says that there are more", async () => {
  const asked: PagePlace[] = [];
  const ask = answer([{ nextFiles: "b" }, { nextFiles: "b" }, {}], asked);
  const { state } = await readPages({ first: pageOf({ nextFiles: "a" }), allFiles: true, ask });
  expect(asked).toEqual([{ filesAfter: "a" }, { filesAfter: "b" }]);
  expect(state.hasMoreFiles).toBe(true);
});

test("a first look at files that failed has not seen all", async () => {
  const failed = { check: "files_unknown", outcome: "failed", count: 0 };
  const first = create(CheckSystemResponseSchema, { findings: [failed], findingCount: 1 });
  const { state } = await readPages({ first, allFiles: true, ask: answer([]) });
  expect(state).toMatchObject({ hasMoreFiles: true, findingCount: 1, findings: [{ outcome: "failed" }] });
});
