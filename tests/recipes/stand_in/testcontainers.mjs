// No engine: in the place of a container stands the binary, with the environment that the container would have.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export const Wait = { forHealthCheck: () => undefined };

export class GenericContainer {
  environment = {};

  withExposedPorts() {
    return this;
  }

  withWaitStrategy() {
    return this;
  }

  withEnvironment(environment) {
    Object.assign(this.environment, environment);
    return this;
  }

  async start() {
    const env = { PATH: process.env.PATH, ...this.environment, LEAPDAY_PORT: "0" };
    const server = spawn(process.env.LEAPDAY_BIN, { env, stdio: ["ignore", "pipe", "inherit"] });
    let address;
    for await (const line of createInterface({ input: server.stdout })) {
      address = line.match(/^listening on (http:.*)$/)?.[1];
      if (address) break;
    }
    const { hostname, port } = new URL(address);
    const stop = async () => {
      server.kill();
      await once(server, "exit");
    };
    return { getHost: () => hostname, getMappedPort: () => Number(port), stop };
  }
}
