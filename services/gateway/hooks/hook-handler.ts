import { create, type JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { evaluateWebhook } from "#definition/rendering/evaluate-webhook.ts";
import type { Definition, Json } from "#definition/model.ts";
import type { WebhookDefinition } from "#definition/schema/webhook-definition.ts";
import { AppError } from "#errors/app-error.ts";
import { RunType, TriggerDagRunRequestSchema } from "#gen/millrace/v1/run_service_pb.js";
import { SchedulerService } from "#gen/millrace/v1/scheduler_service_pb.js";
import type { DefinitionStore } from "#ports/definition-store.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "#rpc/http/exchange.ts";
import { parseJson } from "#rpc/rest/parse-body.ts";
import { unaryTimeoutMs } from "#rpc/wire-limits.ts";
import type { Logger } from "#telemetry/logger.ts";
import { readSignedHeaders, type SignedHeaders, verifySignature } from "./hook-signature.ts";

/** Where webhooks are: the name follows. */
export const hookPath = "/api/v1/hooks/";

/** Larger bodies are refused. */
const maxBodyBytes = 1024 * 1024;

export interface HookDeps {
  readonly definitions: Pick<DefinitionStore, "findHook" | "getActive">;
  readonly scheduler: Transport;
  /** The secret of a name. */
  readonly secrets: (name: string) => Promise<string>;
  readonly now: () => number;
  readonly logger: Logger;
}

/**
 * Makes a run of a signed request. Nothing of the request is read before its signature is checked, and none of it goes
 * to another service before. Throws METHOD_NOT_ALLOWED, HOOK_NOT_FOUND, HOOK_SIGNATURE_INVALID, HOOK_UNAVAILABLE,
 * BODY_TOO_LARGE, and what the evaluation and the trigger throw.
 */
export function createHookHandler(deps: HookDeps): HttpHandler {
  const scheduler = createClient(SchedulerService, deps.scheduler);
  return async (request) => {
    if (request.method !== "POST") throw notAllowed(request);
    const name = readName(request.path);
    const { definition, webhook } = await findWebhook(deps, name);
    const signed = readSignedHeaders(request.header, deps.now());
    const bytes = await readBytes(request);
    verifySignature(signed, bytes, await readSecret(deps, webhook));
    const body = parseJson(bytes) as Json;
    const outcome = evaluateWebhook(definition, webhook, { body, header: request.header });
    if (outcome.kind === "ignored") return answer(200, { ignored: outcome.reason });
    const { parameters, logicalAt } = outcome;
    const made = await scheduler.createRun(
      {
        trigger: create(TriggerDagRunRequestSchema, {
          dagId: definition.id,
          parameters: parameters as JsonObject,
          requestId: deliveryOf(signed),
          externalTriggerId: signed.deliveryId === "" ? `webhook_${deliveryOf(signed).slice(0, 8)}` : signed.deliveryId,
          ...(logicalAt === null ? {} : { executionDate: timestampFromMs(logicalAt) }),
        }),
        caller: `webhook:${name}`,
        runType: RunType.WEBHOOK,
        traceparent: request.header("traceparent") ?? "",
      },
      { headers: { "x-request-id": request.id }, timeoutMs: unaryTimeoutMs },
    );
    const { dagRunId, repeatedRequest, warnings } = made;
    return answer(202, { dag_id: definition.id, dag_run_id: dagRunId, repeated: repeatedRequest, warnings });
  };
}

/** What is delivered twice is one run: by its id, or where it has none by its signature, which no other request has. */
function deliveryOf({ deliveryId, signature }: SignedHeaders): string {
  return deliveryId === "" ? signature.toString("hex") : deliveryId;
}

function readName(path: string): string {
  const text = path.slice(hookPath.length);
  try {
    return decodeURIComponent(text);
  } catch {
    throw notFound(text);
  }
}

async function findWebhook(
  { definitions }: HookDeps,
  name: string,
): Promise<{ readonly definition: Definition; readonly webhook: WebhookDefinition }> {
  const dagId = await definitions.findHook(name);
  const active = dagId === null ? null : await definitions.getActive(dagId);
  if (active?.isActive !== true) throw notFound(name);
  const definition = active.definition as Definition;
  const webhook = definition.webhooks?.find((each) => each.name === name);
  if (webhook === undefined) throw notFound(name);
  return { definition, webhook };
}

/** Strangers learn neither the name of the secret nor what is wrong with it; the log has both. */
async function readSecret({ secrets, logger }: HookDeps, { name, secret }: WebhookDefinition): Promise<string> {
  try {
    return await secrets(secret);
  } catch (thrown) {
    logger.error({ err: thrown, hook: name, secret }, "the secret of a webhook can't be read where the gateway runs");
    throw new AppError("HOOK_UNAVAILABLE", `webhook ${name} can't check signatures now; try again later`, {
      details: { hook: name },
    });
  }
}

async function readBytes(request: HttpRequest): Promise<Uint8Array> {
  const announced = Number(request.header("content-length") ?? 0);
  const bytes = announced > maxBodyBytes ? null : await request.readBody();
  if (bytes !== null && bytes.length <= maxBodyBytes) return bytes;
  throw new AppError("BODY_TOO_LARGE", `a webhook takes at most ${maxBodyBytes} bytes; send less`, {
    details: { limit_bytes: maxBodyBytes },
  });
}

function answer(status: number, content: object): HttpResponse {
  return { status, headers: { "content-type": "application/json" }, body: `${JSON.stringify(content)}\n` };
}

function notFound(name: string): AppError {
  return new AppError("HOOK_NOT_FOUND", `there is no webhook ${name}`, { details: { hook: name } });
}

function notAllowed({ method, path }: HttpRequest): AppError {
  return new AppError("METHOD_NOT_ALLOWED", `${path} does not take ${method}, only POST`, {
    details: { allow: ["POST"] },
  });
}
