import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const serverVersion = "1.7.12";
const sdkVersion = "1.17.2";
const cacheFolder = join(import.meta.dirname, "../../.cache");
const packagesFolder = join(cacheFolder, `restate-${serverVersion}-${sdkVersion}`);
const fetchLimitMs = 300_000;
const shownCharacters = 1000;

export interface RestatePackages {
  /** The server's program. */
  readonly server: string;
  /** The module of the SDK for Node. */
  readonly sdk: string;
}

const manifest = {
  private: true,
  dependencies: { "@restatedev/restate-server": serverVersion, "@restatedev/restate-sdk": sdkVersion },
};

/**
 * Restate's server and SDK, fetched by npm when they are not there yet; `onFetch` is told before. No install script is
 * run: the server needs none, and the one that comes along reports to its maker.
 */
export async function prepareRestate(onFetch: (line: string) => void): Promise<RestatePackages> {
  if (!existsSync(packagesFolder)) await fetchPackages(onFetch);
  const modules = join(packagesFolder, "node_modules/@restatedev");
  const server = join(modules, `restate-server-${process.platform}-${process.arch}/bin/restate-server`);
  if (!existsSync(server)) throw new Error(`npm has no Restate server for ${process.platform}-${process.arch}`);
  return { server, sdk: join(modules, "restate-sdk/dist/node.js") };
}

/** Several processes may do so at once: each fetches into a folder of its own and the first gives it the name. */
async function fetchPackages(onFetch: (line: string) => void): Promise<void> {
  onFetch(
    `fetching Restate ${serverVersion} and its SDK ${sdkVersion} from npm into .cache (225 MB, only the first time)`,
  );
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(`${packagesFolder}-`);
  try {
    await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
    await runNpm(folder, ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"]);
    await rename(folder, packagesFolder).catch((thrown: unknown) => {
      if (!existsSync(packagesFolder)) throw thrown;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runNpm(cwd: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: fetchLimitMs });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`npm could not fetch it, check the network:\n${output.slice(-shownCharacters)}`));
    });
  });
}
