import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Settings } from "#config/settings-schema.ts";
import { AppError, describeError } from "#errors/app-error.ts";
import type { CheckSystemResponse, SystemCheck } from "#gen/millrace/v1/doctor_service_pb.js";
import { type GatewayClient, withGateway } from "../client/gateway-client.ts";
import type { CliContext } from "../context.ts";
import type { Flags } from "../settings-from-flags.ts";
import type { Check, Diagnosis } from "./diagnosis.ts";
import { type PagePlace, readPages } from "./read-pages.ts";

/** A page may wait for a lease between its two looks. */
const pageTimeoutMs = 300_000;
const skewLimitMs = 2000;

export interface Asked {
  readonly repair: boolean;
  readonly removeUnknownFiles: boolean;
  /** Looks at files of artifacts for as long as it takes; else for half a minute. */
  readonly allFiles: boolean;
}

/** Asks the server for its installation and for the state, page by page; when none answers, that is the problem. */
export async function checkServer(options: {
  flags: Flags;
  context: CliContext;
  settings: Settings;
  asked: Asked;
}): Promise<Diagnosis> {
  const { context, settings, asked } = options;
  try {
    return await withGateway(options, (gateway) => checkPages(gateway, { now: context.now, ...asked }));
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const name = "server";
    const fix = "start one with `millrace dev`, or name it with --server URL";
    // The message of a gateway that is away ends with the same advice.
    const detail = describeError(error).replace(`; ${fix}`, "");
    const away: Check = { name, status: "problem", detail, fix };
    const { url } = settings.database;
    return { checks: url === null ? [away] : [away, await checkDatabaseFromHere(url)], state: null };
  }
}

/** The first page's answer stands for the whole; the others add runs and findings. */
export async function checkPages(
  gateway: Pick<GatewayClient, "doctor">,
  { now, allFiles, ...asked }: Asked & { readonly now: () => number },
): Promise<Diagnosis> {
  const options = { timeoutMs: pageTimeoutMs };
  const first = await gateway.doctor.checkSystem(asked, options);
  const reached: Check = { name: "server", status: "ok", detail: "answers", fix: "" };
  const checks = [reached, checkClock(first, now()), ...first.checks.map(toCheck)];
  // Without an executor nobody has looked.
  if (checks.some(({ name, status }) => name === "executor" && status === "problem")) return { checks, state: null };
  const ask = (place: PagePlace): Promise<CheckSystemResponse> =>
    gateway.doctor.checkSystem({ ...asked, ...place }, options);
  const read = await readPages({ first, allFiles, ask });
  return { checks: [...checks, ...read.checks], state: read.state };
}

function checkClock({ answeredAt }: CheckSystemResponse, now: number): Check {
  const name = "clock here";
  const skewMs = answeredAt === undefined ? 0 : Math.round(timestampMs(answeredAt) - now);
  const detail = `the server is ${Math.abs(skewMs)} ms ${skewMs < 0 ? "behind" : "ahead of"} this machine`;
  if (Math.abs(skewMs) <= skewLimitMs) return { name, status: "ok", detail, fix: "" };
  return { name, status: "warning", detail, fix: "synchronize the clocks of both machines, e.g. with chrony" };
}

/** Whether it answers here, and what of its tables is missing: no server can tell. */
async function checkDatabaseFromHere(connectionString: string): Promise<Check> {
  const { migrationStatus } = await import("#store/postgres/migrate.ts");
  const name = "database";
  try {
    const missing = (await migrationStatus({ connectionString })).filter(({ state }) => state === "pending");
    if (missing.length === 0)
      return { name, status: "ok", detail: "answers from here, all migrations are applied", fix: "" };
    const detail = `${missing.length} migrations are not applied`;
    return { name, status: "warning", detail, fix: "run `millrace db migrate`; a server does it when it starts" };
  } catch (error) {
    const fix = "see that the database runs and that DATABASE_URL is right";
    return { name, status: "problem", detail: describeError(error), fix };
  }
}

/** A server newer than this program may have other words: they count as warnings. */
function toCheck({ name, status, detail, fix }: SystemCheck): Check {
  return { name, status: status === "ok" || status === "problem" ? status : "warning", detail, fix };
}
