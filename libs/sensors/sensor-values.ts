import type { SensorText } from "#definition/schema/sensor-text.ts";
import { AppError } from "#errors/app-error.ts";
import type { Look } from "./look.ts";

/** The text with its values. Throws SECRET_NOT_FOUND and alike, and SENSOR_FAILED for a variable that is not set. */
export async function resolveText(text: SensorText, { host, signal }: Pick<Look, "host" | "signal">): Promise<string> {
  const pieces = await Promise.all(
    text.map(async (piece) => {
      if (typeof piece === "string") return piece;
      return piece.from === "secrets"
        ? host.secrets.read(piece.name, signal)
        : readVariable(piece.name, host.environment);
    }),
  );
  return pieces.join("");
}

function readVariable(name: string, environment: Look["host"]["environment"]): string {
  const value = environment[name];
  if (value !== undefined && value !== "") return value;
  throw new AppError("SENSOR_FAILED", `the variable ${name} is not set; set it where the scheduler runs`);
}
