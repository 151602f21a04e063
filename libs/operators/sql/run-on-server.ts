import type { ServerConnection } from "#connections/sessions/session-pools.ts";
import type { OperatorContext, OperatorResult } from "../operator.ts";
import { runRequest } from "./run-request.ts";
import { toOutputs } from "./sql-outputs.ts";
import type { SqlRequest } from "./sql-request.ts";

/** Runs a query on a session of the connection's pool. */
export async function runOnServer(
  { host, signal }: OperatorContext,
  request: SqlRequest & { readonly connection: ServerConnection },
): Promise<OperatorResult> {
  const ran = await host.sessions.use(request.connection, signal, (session) => runRequest(session, request, signal));
  if (ran.kind === "failed") return { kind: "failed", ...ran.failure };
  return { kind: "success", outputs: { ...toOutputs(ran.last, request.result) } };
}
