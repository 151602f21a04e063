import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { compilePattern } from "#definition/expressions/text-pattern.ts";
import type { HttpSensor } from "#definition/schema/sensor-definition.ts";
import { AppError } from "#errors/app-error.ts";
import type { OutboundResponse } from "#outbound/outbound-exchange.ts";
import { sendOutside } from "#outbound/outbound-request.ts";
import { baseline, type Look, type LookResult, quiet } from "../look.ts";
import { resolveText } from "../sensor-values.ts";
import { usePattern } from "../use-pattern.ts";
import { hashFields, pickFields } from "./response-fields.ts";

const limits = { responseBytes: 8 * 1024 * 1024, headerBytes: 64 * 1024, connectMs: 10_000 };
const firstPauseMs = 500;
const longestPauseMs = 5000;

/** Asks a server: an event when its answer becomes as it should be, or changes. */
export async function pollHttp(sensor: HttpSensor, look: Look): Promise<LookResult> {
  // It starts armed, and looks for real once that is kept.
  if (look.state === null && sensor.firesOn === "condition") return { ...baseline({ armed: true }), lookAt: look.now };
  const answer = await ask(sensor, look);
  return sensor.firesOn === "change" ? judgeChange(sensor, look, answer) : judgeCondition(sensor, look, answer);
}

/** The answer, or what kept it from coming. */
type Answer = OutboundResponse | AppError;

function judgeCondition(sensor: HttpSensor, { state }: Look, answer: Answer): LookResult {
  const isArmed = state?.get("armed") === true;
  const problem = answer instanceof AppError ? answer.message : null;
  const isMet = !(answer instanceof AppError) && meets(sensor, answer);
  if (!isMet) return { ...quiet, patch: isArmed ? null : { put: new Map([["armed", true]]), drop: [] }, problem };
  if (!isArmed) return quiet;
  const data = { url: sensor.url, status: answer.status };
  return {
    ...quiet,
    firings: [{ event: { subject: sensor.url, data }, patch: { put: new Map([["armed", false]]), drop: [] } }],
  };
}

function meets({ expectedStatus, contentPattern }: HttpSensor, { status, body }: OutboundResponse): boolean {
  if (!expectedStatus.includes(status)) return false;
  return contentPattern === null || holdsMatch(contentPattern, body.toString("utf8"));
}

/** Text without special characters is searched for as it is, in a body of any length. */
function holdsMatch(pattern: string, text: string): boolean {
  if (!/[\\^$.|?*+()[\]{}]/.test(pattern)) return text.includes(pattern);
  return usePattern("response_content_pattern", () => compilePattern(pattern).test(text));
}

function judgeChange(sensor: HttpSensor, { state }: Look, answer: Answer): LookResult {
  if (answer instanceof AppError) throw answer;
  if (!meets(sensor, answer)) {
    throw new AppError("SENSOR_FAILED", `${sensor.url} answers ${answer.status}, which is not what is expected`);
  }
  const fields = sensor.responseFields === null ? null : pickFields(sensor.responseFields, answer.body);
  const hash = fields === null ? createHash("sha256").update(answer.body).digest("hex") : hashFields(fields);
  if (state === null) return baseline({ hash });
  if (state.get("hash") === hash) return quiet;
  const data = {
    url: sensor.url,
    status: answer.status,
    hash: `sha256:${hash}`,
    ...(fields === null ? {} : { fields }),
  };
  return {
    ...quiet,
    firings: [{ event: { subject: sensor.url, data }, patch: { put: new Map([["hash", hash]]), drop: [] } }],
  };
}

/** What another request may find otherwise is asked for again. What never can be is thrown. */
async function ask(sensor: HttpSensor, look: Look): Promise<Answer> {
  const { signal, host } = look;
  const { method, url, body, requestTimeoutMs, retryAttempts, expectedStatus } = sensor;
  const isExpected = (status: number): boolean => expectedStatus.includes(status);
  const headers: Record<string, string> = { accept: "*/*", "user-agent": "millrace" };
  for (const [name, text] of Object.entries(sensor.headers)) headers[name] = await resolveText(text, look);
  const request = { method, url, headers, body: body === null ? null : Buffer.from(body) };
  const options = {
    policy: host.outbound,
    limits,
    timeoutMs: requestTimeoutMs,
    followRedirects: true,
    readBody: () => true,
    isExpected,
    signal,
  };
  for (let attempt = 0; ; attempt += 1) {
    try {
      const response = await sendOutside(request, options);
      if (response.status < 500 || isExpected(response.status) || attempt === retryAttempts) return response;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AppError) || !error.retryable) throw error;
      if (attempt === retryAttempts) return error;
    }
    await delay(Math.min(firstPauseMs * 2 ** attempt, longestPauseMs), undefined, { signal });
  }
}
