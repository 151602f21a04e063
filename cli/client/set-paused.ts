import { AppError } from "#errors/app-error.ts";
import { DagSchema } from "#gen/millrace/v1/dag_service_pb.js";
import type { ClientFlags } from "../command-flags.ts";
import type { CliContext } from "../context.ts";
import { writeResult } from "../write-result.ts";
import { withGateway } from "./gateway-client.ts";
import { messageToJson } from "#rpc/rest/write-json.ts";

/** Pauses or resumes a DAG and says what it is now. */
export async function setPaused(
  dagId: string,
  options: { isPaused: boolean; flags: ClientFlags; context: CliContext },
): Promise<void> {
  const { isPaused, flags, context } = options;
  const { dag } = await withGateway({ flags: { ...flags }, context }, (gateway) =>
    gateway.dags.updateDag({ dagId, isPaused }),
  );
  if (dag === undefined) throw new AppError("DAG_NOT_FOUND", `there is no DAG ${dagId}`);
  await writeResult(context, {
    format: flags.output,
    json: () => messageToJson(DagSchema, dag),
    lines: ({ paint }) => [
      dag.isPaused
        ? `${paint("yellow", "‖ paused")} ${dag.dagId}: no new scheduled runs; \`millrace resume ${dag.dagId}\` goes on`
        : `${paint("green", "● active")} ${dag.dagId}`,
    ],
  });
}
