import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const kafkaVersion = "4.4.0";
const oldestJava = 17;
const cacheFolder = join(import.meta.dirname, "../../../.cache");
const jarsFolder = join(cacheFolder, `kafka-${kafkaVersion}`);
const fetchLimitMs = 300_000;

/** The broker, and a logger for it; one artifact that the first names is not published and not needed. */
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>${kafkaVersion}</version>
      <exclusions>
        <exclusion>
          <groupId>org.apache.kafka</groupId>
          <artifactId>kafka-tools-api</artifactId>
        </exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`;

const copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/** What this machine lacks to run a broker, with the packages that bring it; null: nothing. */
export function findMissingKafkaTool(): string | null {
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  const version = Number(/version "(\d+)/.exec(java.error === undefined ? java.stderr : "")?.[1] ?? 0);
  if (version < oldestJava) {
    const found = version === 0 ? "java is missing" : `java ${version} is too old`;
    return `${found}: install Java ${oldestJava} or newer (Debian and Ubuntu: openjdk-17-jre-headless, Homebrew: openjdk@17)`;
  }
  if (existsSync(jarsFolder) || spawnSync("mvn", ["-v"]).error === undefined) return null;
  return "mvn is missing: install Maven (Debian, Ubuntu and Homebrew: maven)";
}

/**
 * The folder with the broker's jars, 45 MB, fetched by Maven when it is not there yet; `onFetch` is told before. Several
 * processes may do so at once: each fetches into a folder of its own and the first gives it the name.
 */
export async function prepareKafkaJars(onFetch: (line: string) => void = () => undefined): Promise<string> {
  if (existsSync(jarsFolder)) return jarsFolder;
  onFetch(`fetching Apache Kafka ${kafkaVersion} (45 MB, only the first time)`);
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(`${jarsFolder}-`);
  try {
    const pomPath = join(folder, "pom.xml");
    const target = join(folder, "jars");
    await writeFile(pomPath, pom);
    await runMaven(["-B", "-q", "-f", pomPath, copyGoal, "-DincludeScope=runtime", `-DoutputDirectory=${target}`]);
    await rename(target, jarsFolder).catch((thrown: unknown) => {
      if (!existsSync(jarsFolder)) throw thrown;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return jarsFolder;
}

function runMaven(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("mvn", args, { stdio: ["ignore", "pipe", "pipe"], timeout: fetchLimitMs });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text: Buffer) => (output += text.toString()));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`Maven could not fetch Apache Kafka, check the network and try again:\n${output.slice(-2000)}`),
        );
    });
  });
}
