import { spawn } from "node:child_process";
import type { Environment } from "#config/environment.ts";

/** Opens an address in the browser of a desktop; does nothing where there is none. Failures are of no interest. */
export function openPage(url: string, environment: Environment): void {
  const command = browserCommand(environment);
  if (command === null) return;
  const [file, ...args] = command;
  const child = spawn(file, [...args, url], { detached: true, stdio: "ignore" });
  child.on("error", () => undefined);
  child.unref();
}

function browserCommand(environment: Environment): readonly [string, ...string[]] | null {
  if (process.platform === "darwin") return ["open"];
  if (process.platform === "win32") return ["cmd", "/c", "start", ""];
  const hasDesktop = (environment["DISPLAY"] ?? "") !== "" || (environment["WAYLAND_DISPLAY"] ?? "") !== "";
  return hasDesktop ? ["xdg-open"] : null;
}
