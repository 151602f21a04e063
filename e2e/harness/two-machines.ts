import { spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Runs a command on a host of its own that is linked to one other machine, and both to nothing else. Started in fresh namespaces
 * of networks, mounts and processes it becomes that host; its arguments are the address of the host's server of names and the
 * command. The addresses are public ones, since the policy of outgoing requests tells those from private ones.
 */
export const host = {
  address: "1.2.3.1",
  machine: "1.2.3.2",
  names: { "machine.test": "1.2.3.2", "inside.test": "127.0.0.1" },
  /** All servers listen there and say their names. */
  port: 8080,
};

const isMain = process.argv[1] === fileURLToPath(import.meta.url);
const [first = "", ...rest] = process.argv.slice(2);
if (isMain) await (first === "other" ? beOther(rest[0] ?? "") : beHost(first, rest));

/** What unshare starts: this file as the host, and the command on it. */
export function hostCommand(resolver: string, command: readonly string[]): readonly string[] {
  const apart = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return [...apart, process.execPath, fileURLToPath(import.meta.url), resolver, ...command];
}

async function beHost(resolver: string, command: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "millrace-host-"));
  ip("link set lo up");
  // The other program tells its place once it is in a network of its own.
  const otherArguments = ["--net", process.execPath, fileURLToPath(import.meta.url), "other", resolver];
  const other = spawn("unshare", otherArguments, { stdio: ["pipe", "pipe", "inherit"] });
  await once(other.stdout, "data");
  ip(`link add host0 type veth peer name other0 netns ${other.pid}`);
  ip(`addr add ${host.address}/24 dev host0`);
  ip("link set host0 up");
  ip(`route add default via ${host.machine}`);
  other.stdin.write("linked\n");
  await once(other.stdout, "data");
  await serve("127.0.0.1", "loopback");
  await serve(host.address, "host");
  if (resolver.startsWith("127.")) serveNames(resolver);
  writeFileSync(join(folder, "resolv.conf"), `nameserver ${resolver}\n`);
  must("mount", ["--bind", join(folder, "resolv.conf"), "/etc/resolv.conf"]);
  const [program = "", ...args] = command;
  const [exitCode] = (await once(spawn(program, args, { stdio: "inherit" }), "exit")) as [number | null];
  rmSync(folder, { recursive: true });
  process.exitCode = exitCode ?? 1;
  other.stdin.end();
}

/** Until its input ends. */
async function beOther(resolver: string): Promise<void> {
  process.stdout.write("up\n");
  await once(process.stdin, "data");
  ip("link set lo up");
  ip(`addr add ${host.machine}/24 dev other0`);
  ip("link set other0 up");
  if (resolver === host.machine) serveNames(resolver);
  await serve(host.machine, "machine");
  process.stdout.write("listens\n");
}

async function serve(address: string, name: string): Promise<void> {
  const server = createServer((_, response) => response.end(`${name}\n`)).listen(host.port, address);
  await once(server, "listening");
  server.unref();
}

/** Addresses of version 4 alone; a name that it does not know does not exist. */
function serveNames(address: string): void {
  const socket = createSocket("udp4");
  socket.on("message", (question, { port, address: asker }) => socket.send(answer(question), port, asker));
  socket.bind(53, address);
  socket.unref();
}

function answer(message: Buffer): Buffer {
  let end = 12;
  const labels: string[] = [];
  for (let size = message[end] ?? 0; size > 0; size = message[end] ?? 0) {
    labels.push(message.toString("latin1", end + 1, end + 1 + size));
    end += size + 1;
  }
  const isAddress = message.readUInt16BE(end + 1) === 1;
  const found = new Map(Object.entries(host.names)).get(labels.join("."));
  const records = isAddress && found !== undefined ? [found] : [];
  const header = Buffer.alloc(12);
  // The question's id; an answer with recursion, without an error or of a name that is not there; one question.
  const settings = [message.readUInt16BE(0), found === undefined ? 0x8183 : 0x8180, 1, records.length];
  for (const [index, value] of settings.entries()) header.writeUInt16BE(value, index * 2);
  const parts = records.map((record) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...record.split(".").map(Number)]),
  );
  return Buffer.concat([header, message.subarray(12, end + 5), ...parts]);
}

function ip(words: string): void {
  must("ip", words.split(" "));
}

function must(program: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
}
