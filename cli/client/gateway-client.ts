import { type Client, createClient } from "@connectrpc/connect";
import type { Settings } from "#config/settings-schema.ts";
import { AppError } from "#errors/app-error.ts";
import { ApprovalService } from "#gen/millrace/v1/approval_service_pb.js";
import { ArtifactService } from "#gen/millrace/v1/artifact_service_pb.js";
import { BackfillService } from "#gen/millrace/v1/backfill_service_pb.js";
import { DagService } from "#gen/millrace/v1/dag_service_pb.js";
import { DagVersionService } from "#gen/millrace/v1/dag_version_service_pb.js";
import { DeadLetterService } from "#gen/millrace/v1/dead_letter_service_pb.js";
import { DoctorService } from "#gen/millrace/v1/doctor_service_pb.js";
import { EventService } from "#gen/millrace/v1/event_service_pb.js";
import { PoolService } from "#gen/millrace/v1/pool_service_pb.js";
import { RunService } from "#gen/millrace/v1/run_service_pb.js";
import { SensorService } from "#gen/millrace/v1/sensor_service_pb.js";
import { SystemService } from "#gen/millrace/v1/system_service_pb.js";
import { TaskService } from "#gen/millrace/v1/task_service_pb.js";
import { TemplateService } from "#gen/millrace/v1/template_service_pb.js";
import { WorkerAdminService } from "#gen/millrace/v1/worker_admin_service_pb.js";
import { createPeerTransport } from "#rpc/transport.ts";
import { createLogger } from "#telemetry/logger.ts";
import type { CliContext } from "../context.ts";
import { type Flags, settingsFromFlags } from "../settings-from-flags.ts";

/** The public services of a server, over gRPC. */
export interface GatewayClient {
  readonly dags: Client<typeof DagService>;
  readonly dagVersions: Client<typeof DagVersionService>;
  readonly runs: Client<typeof RunService>;
  readonly tasks: Client<typeof TaskService>;
  readonly artifacts: Client<typeof ArtifactService>;
  readonly templates: Client<typeof TemplateService>;
  readonly backfills: Client<typeof BackfillService>;
  readonly sensors: Client<typeof SensorService>;
  readonly events: Client<typeof EventService>;
  readonly deadLetters: Client<typeof DeadLetterService>;
  readonly approvals: Client<typeof ApprovalService>;
  readonly workers: Client<typeof WorkerAdminService>;
  readonly pools: Client<typeof PoolService>;
  readonly system: Client<typeof SystemService>;
  readonly doctor: Client<typeof DoctorService>;
}

/**
 * Calls `use` with a client of the server that flags, environment or file name, and closes its connections. When nothing
 * answers there the error says how to start a server.
 */
export async function withGateway<T>(
  { flags, context }: { flags: Flags; context: CliContext },
  use: (gateway: GatewayClient) => Promise<T>,
): Promise<T> {
  const settings = await settingsFromFlags(flags, context);
  const logger = createLogger({ level: "silent", format: "json", component: "cli" });
  const transport = createPeerTransport({ addresses: settings.peers.server, logger });
  try {
    return await use({
      dags: createClient(DagService, transport),
      dagVersions: createClient(DagVersionService, transport),
      runs: createClient(RunService, transport),
      tasks: createClient(TaskService, transport),
      artifacts: createClient(ArtifactService, transport),
      templates: createClient(TemplateService, transport),
      backfills: createClient(BackfillService, transport),
      sensors: createClient(SensorService, transport),
      events: createClient(EventService, transport),
      deadLetters: createClient(DeadLetterService, transport),
      approvals: createClient(ApprovalService, transport),
      workers: createClient(WorkerAdminService, transport),
      pools: createClient(PoolService, transport),
      system: createClient(SystemService, transport),
      doctor: createClient(DoctorService, transport),
    });
  } catch (thrown) {
    throw explainUnreachable(thrown, settings);
  } finally {
    transport.close();
  }
}

/** The gateway's own peers may be away too; then its error already names them. */
function explainUnreachable(thrown: unknown, settings: Settings): unknown {
  if (!(thrown instanceof AppError) || thrown.code !== "PEER_UNAVAILABLE") return thrown;
  if (thrown.details["service"] !== undefined && !isOwnService(thrown.details["service"])) return thrown;
  const message = `no server answers at ${settings.peers.server.join(", ")}; start one with \`millrace dev\`, or name it with --server URL`;
  return new AppError("PEER_UNAVAILABLE", message, { cause: thrown });
}

function isOwnService(service: unknown): boolean {
  return [
    DagService,
    DagVersionService,
    RunService,
    TaskService,
    ArtifactService,
    TemplateService,
    BackfillService,
    SensorService,
    EventService,
    DeadLetterService,
    ApprovalService,
    WorkerAdminService,
    PoolService,
    SystemService,
    DoctorService,
  ].some((own) => own.name === service);
}
