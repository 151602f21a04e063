import { AppError, describeError } from "#errors/app-error.ts";
import type { CheckSystemResponse, ConsistencyFinding } from "#gen/millrace/v1/doctor_service_pb.js";
import type { Check, StateDiagnosis, StateFinding } from "./diagnosis.ts";

const maxFindings = 1000;

/** Where a page goes on: in the runs, or behind a file of artifacts. */
export type PagePlace = { readonly cursor: string } | { readonly filesAfter: string };

export interface PagesRequest {
  readonly first: CheckSystemResponse;
  /** Whether files are gone on with too. */
  readonly allFiles: boolean;
  readonly ask: (place: PagePlace) => Promise<CheckSystemResponse>;
}

/**
 * The pages behind the first, all in one: those of the runs, then those of files. Where one fails, what was found until then
 * is kept, and a check says that the look is not whole.
 */
export async function readPages({
  first,
  allFiles,
  ask,
}: PagesRequest): Promise<{ readonly checks: readonly Check[]; readonly state: StateDiagnosis }> {
  const sums = { checkedRuns: 0, checkedFiles: 0, findingCount: 0, findings: new Array<StateFinding>() };
  addPage(sums, first);
  let { nextCursor: cursor, nextFiles: filesAfter } = first;
  let checks: readonly Check[] = [];
  try {
    while (cursor !== "") {
      const page = await ask({ cursor });
      addPage(sums, page);
      cursor = page.nextCursor;
    }
    while (allFiles && filesAfter !== "") {
      const page = await ask({ filesAfter });
      addPage(sums, page);
      // A look at files that failed answers where it began.
      if (page.nextFiles === filesAfter) break;
      filesAfter = page.nextFiles;
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    checks = [toBroken(error, cursor === "" ? "files" : "runs")];
  }
  // A first look that failed is one from the beginning, whose place is as empty as that behind the last file.
  const hasMoreFiles = filesAfter !== "" || first.findings.some(isFailedLook);
  return { checks, state: { ...sums, hasMoreFiles } };
}

function isFailedLook({ check, outcome }: Pick<StateFinding, "check" | "outcome">): boolean {
  return check === "files_unknown" && outcome === "failed";
}

interface Sums {
  checkedRuns: number;
  checkedFiles: number;
  findingCount: number;
  readonly findings: StateFinding[];
}

function addPage(sums: Sums, page: CheckSystemResponse): void {
  sums.checkedRuns += page.checkedRuns;
  sums.checkedFiles += page.checkedFiles;
  sums.findingCount += page.findingCount;
  for (const finding of page.findings.map(toFinding)) {
    const same = sums.findings.findIndex((other) => isSameSum(other, finding));
    const found = sums.findings[same];
    if (found !== undefined) {
      sums.findings[same] = sumOf(found, finding.count);
      sums.findingCount -= 1;
    } else if (sums.findings.length < maxFindings) sums.findings.push(finding);
  }
}

/** Each page of files counts its own. */
function isSameSum(one: StateFinding, other: StateFinding): boolean {
  const isSum = one.check === "files_unknown" && !isFailedLook(one);
  return isSum && one.check === other.check && one.outcome === other.outcome;
}

/** The detail begins with the count. */
function sumOf(finding: StateFinding, more: number): StateFinding {
  const count = finding.count + more;
  return { ...finding, count, detail: finding.detail.replace(/^\d+/, String(count)) };
}

function toBroken(error: AppError, what: "runs" | "files"): Check {
  const detail = `not all ${what} were looked at: ${describeError(error)}`;
  return { name: "state", status: "problem", detail, fix: "see what the error says, then look again" };
}

function toFinding(finding: ConsistencyFinding): StateFinding {
  const { check, severity, guarantee, dagRunId, subject, count, detail, outcome, advice } = finding;
  return { check, severity, guarantee, dagRunId, subject, count, detail, outcome, advice };
}
