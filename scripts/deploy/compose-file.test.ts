import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { cleanEnvironment } from "#testing/cluster/child.ts";
import { ROOT } from "../process/run-command.ts";

interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly read_only?: boolean;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, null>>;
}

const text = readFileSync(join(ROOT, "docker-compose.yml"), "utf8");
/** Compose fills `${NAME:-default}` in before it reads the values. */
const file = parse(text.replaceAll(/\$\{\w+:-(\w+)\}/g, "$1"), { merge: true }) as ComposeFile;
const services = Object.entries(file.services);
const ours = services.filter(([, { image }]) => image === "millrace");

const ports: Readonly<Record<string, string>> = {
  gateway: "8080",
  parser: "8081",
  scheduler: "8082",
  executor: "8083",
  worker: "8084",
};

/** What the program says of its settings, started as in the container but for its end. */
function dryRun({ command = [], environment }: ComposeService): Promise<string> {
  const args = [join(ROOT, "bin/millrace.js"), ...command, "--dry-run"];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: "/", env: cleanEnvironment(environment) }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

describe("docker-compose.yml", () => {
  it("runs every service of Millrace, in containers that can't write to themselves", () => {
    expect(ours.map(([name]) => name).toSorted()).toEqual(Object.keys(ports).toSorted());
    for (const [name, { command, read_only: isReadOnly }] of ours) {
      expect(command?.slice(0, 2)).toEqual(["start", name]);
      expect(isReadOnly).toBe(true);
    }
  });

  it.each(ours)("gives %s a command line and settings that it accepts", async (_name, service) => {
    expect(await dryRun(service)).toMatch(/✓ configuration +settings are valid/);
  });

  it("gives no worker the database", () => {
    expect(file.services["worker"]?.environment).not.toHaveProperty("DATABASE_URL");
  });

  it("names hosts and ports that are there", () => {
    const named = ours.flatMap(([, { command = [], environment }]) =>
      [...command, ...Object.values(environment)].flatMap((value) => [...value.matchAll(/([a-z]+):(\d{4})\b/g)]),
    );
    const known = { ...ports, postgres: "5432", kafka: "9092" };
    expect(named.length).toBeGreaterThan(5);
    for (const [address, host = "", port] of named)
      expect([address, (known as typeof ports)[host]]).toEqual([address, port]);
  });

  it("asks each service at its own port whether it is ready", () => {
    for (const [name, { healthcheck }] of ours) expect(healthcheck.test.at(-1)).toBe(ports[name]);
  });

  it("waits only for services that tell when they are healthy", () => {
    const waits = services.flatMap(([, service]) => Object.entries(service.depends_on ?? {}));
    expect(waits.length).toBeGreaterThan(5);
    for (const [name, { condition }] of waits) {
      expect(condition).toBe("service_healthy");
      expect(file.services[name]?.healthcheck.test.length).toBeGreaterThan(0);
    }
  });

  it("publishes the gateway alone, on this machine alone", () => {
    const published = services.flatMap(([name, service]) => (service.ports ?? []).map((port) => [name, port]));
    expect(published).toEqual([["gateway", "127.0.0.1:8080:8080"]]);
  });

  it("declares the volumes that it uses", () => {
    const used = services.flatMap(([, service]) => (service.volumes ?? []).map((volume) => volume.split(":")[0] ?? ""));
    const named = used.filter((volume) => !volume.startsWith("."));
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(file.volumes).toSorted());
  });
});
