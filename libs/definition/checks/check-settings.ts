import type { OperatorSchemas } from "#ports/operator-schema.ts";
import { formatDuration, parseDuration } from "#schedule/duration.ts";
import { hasExpression } from "../code/code-scan.ts";
import { variablePattern } from "../schema/id-forms.ts";
import { isJsonObject, ownValue } from "../json.ts";
import type { JsonObject, ParameterDefinition } from "../model.ts";
import type { Report, TaskOutline } from "../outline.ts";
import { retryDefaults } from "../normalize-definition.ts";
import { findViolations } from "../rendering/parameter-value.ts";
import type { Path } from "../problem-list.ts";
import { describeValue } from "../schema/schema-problems.ts";

export interface SettingsCheck {
  readonly parameters: Readonly<Record<string, ParameterDefinition>>;
  /** Milliseconds; a longer `timeout` is refused. */
  readonly maxTaskTimeoutMs: number;
  readonly operators: OperatorSchemas;
  readonly report: Report;
}

/** Checks what a task, or the defaults of all tasks, says once for itself. */
function checkTaskSettings(settings: JsonObject, path: Path, check: SettingsCheck): void {
  const { report, operators } = check;
  // What only waits holds nothing up, so that it may take as long as it takes.
  const type = ownValue(settings, "type");
  const isWait = typeof type === "string" && operators.get(type)?.runsIn === "executor";
  if (!isWait) checkTimeout(settings, path, check);
  checkRetry(settings, path, report);
  checkEnvironment(settings, path, report);
  const own = ownValue(settings, "parameters");
  for (const [name, value] of Object.entries(isJsonObject(own) ? own : {})) {
    const parameter = Object.hasOwn(check.parameters, name) ? check.parameters[name] : undefined;
    if (parameter === undefined || hasExpression(value)) continue;
    for (const { message } of findViolations(value, parameter)) {
      report([...path, "parameters", name], { code: "INVALID_PARAMETER", message: `the value ${message}` });
    }
  }
}

/** The settings of all tasks and their defaults. */
export function checkAllSettings(root: JsonObject, tasks: readonly TaskOutline[], check: SettingsCheck): void {
  const defaults = ownValue(root, "default_task_config");
  if (isJsonObject(defaults)) checkTaskSettings(defaults, ["default_task_config"], check);
  for (const { body, path } of tasks) checkTaskSettings(body, path, check);
}

function checkTimeout(settings: JsonObject, path: Path, { maxTaskTimeoutMs, report }: SettingsCheck): void {
  const text = ownValue(settings, "timeout");
  const timeoutMs = typeof text === "string" ? parseDuration(text) : null;
  if (timeoutMs === null || timeoutMs <= maxTaskTimeoutMs) return;
  const message = `\`timeout: ${formatDuration(timeoutMs)}\` is longer than this server allows (${formatDuration(maxTaskTimeoutMs)})`;
  report([...path, "timeout"], {
    code: "TIMEOUT_TOO_LONG",
    message,
    hint: "shorten it, or raise `limits.max_task_timeout`",
  });
}

function checkRetry(settings: JsonObject, path: Path, report: Report): void {
  const retry = ownValue(settings, "retry");
  if (!isJsonObject(retry)) return;
  checkDelay(retry, path, report);
  if (Object.hasOwn(settings, "retries") && Object.hasOwn(retry, "max_retries")) {
    report(
      [...path, "retries"],
      {
        code: "DUPLICATE_KEY",
        message: "`retries` and `retry.max_retries` say the same thing",
        hint: "keep one of the two",
      },
      "key",
    );
  }
  if (Object.hasOwn(settings, "retry_timeout") && Object.hasOwn(retry, "retry_timeout")) {
    report(
      [...path, "retry_timeout"],
      {
        code: "DUPLICATE_KEY",
        message: "`retry_timeout` stands beside `retry` and within it",
        hint: "keep one of the two",
      },
      "key",
    );
  }
}

/** A delay beyond the longest one is cut to it, which few expect. */
function checkDelay(retry: JsonObject, path: Path, report: Report): void {
  const [delayMs, maxDelayMs = retryDefaults.maxDelayMs] = ["delay", "max_delay"].map((key) => {
    const text = ownValue(retry, key);
    return typeof text === "string" ? (parseDuration(text) ?? undefined) : undefined;
  });
  if (delayMs === undefined || delayMs <= maxDelayMs) return;
  const message = `\`delay\` is longer than \`max_delay\` (${formatDuration(maxDelayMs)}), which is what retries wait`;
  report([...path, "retry", "delay"], { code: "RETRY_DELAY", message, hint: "raise `max_delay`", warning: true });
}

function checkEnvironment(settings: JsonObject, path: Path, report: Report): void {
  const environment = ownValue(settings, "environment");
  for (const [name, value] of Object.entries(isJsonObject(environment) ? environment : {})) {
    const at = [...path, "environment", name];
    if (!variablePattern.test(name)) {
      report(
        at,
        {
          code: "INVALID_KEY",
          message: `${JSON.stringify(name)} can't be the name of an environment variable`,
          hint: "letters, digits and `_`",
        },
        "key",
      );
    }
    if (value === null || typeof value === "object") {
      report(at, {
        code: "INVALID_TYPE",
        message: `the variable \`${name}\` must be text, not ${describeValue(value)}`,
        hint: 'write text, also "" for an empty one',
      });
    }
  }
}
