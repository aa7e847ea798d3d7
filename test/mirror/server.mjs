// A real server of NATS, and a way to it that can be cut.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Debian has it in a folder that is not on everybody's PATH. */
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

/** Whether tests can start servers. */
export const hasServer =
  process.platform !== 'win32' && spawnSync('nats-server', ['--version'], { env: ENV }).status === 0;

/** A server that runs already: test/windows/run.mjs starts it, as Windows programs under Wine cannot. */
export const runningServer = process.env.DLLMEMFILEMAP_TEST_SERVER;

/**
 * A port of the loopback that is free at this moment.
 *
 * @returns {Promise<number>}
 */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A server with a folder of its own, which outlives it. */
export class Server {
  /** @type {number} */
  port;
  /** What it has stored. */
  folder = '';
  #process;
  #arguments;
  #configuration;

  /**
   * @param {{ configuration?: string, jetstream?: boolean, port?: number }} options the configuration is a file's text
   */
  static async start({ configuration, jetstream = true, port } = {}) {
    const server = new Server();
    server.port = port ?? (await freePort());
    server.folder = mkdtempSync(join(tmpdir(), 'dllmemfilemap-nats-'));
    server.#arguments = [
      '-a',
      '127.0.0.1',
      '-p',
      `${server.port}`,
      ...(jetstream ? ['-js', '-sd', server.folder] : []),
    ];
    if (configuration !== undefined) server.configure(configuration);
    await server.start();
    return server;
  }

  get url() {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Of the server's file, from the next start on. */
  configure(text) {
    this.#configuration = join(this.folder, 'nats.conf');
    writeFileSync(this.#configuration, text);
  }

  async start() {
    const configured = this.#configuration === undefined ? [] : ['-c', this.#configuration];
    const child = spawn('nats-server', [...this.#arguments, ...configured], {
      env: ENV,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    const said = [];
    const lines = createInterface({ input: child.stderr });
    await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        said.push(line);
        if (line.includes('Server is ready')) resolve();
      });
      child.on('exit', () => reject(new Error(`nats-server ended: ${said.join('\n')}`)));
      child.on('error', reject);
    });
  }

  /** As the system ends a process. */
  async kill() {
    await ended(this.#process);
  }

  /** While it is not running. */
  loseStore() {
    rmSync(join(this.folder, 'jetstream'), { recursive: true, force: true });
  }

  async close() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** A way to a server, which can be cut, and stalled. */
export class Way {
  url = '';
  #server;
  #pairs = new Set();
  #isCut = false;
  #isStalled = false;

  static async to(port) {
    const way = new Way();
    way.#server = createServer((here) => way.#carry(here, port)).listen(0, '127.0.0.1');
    await once(way.#server, 'listening');
    way.url = `nats://127.0.0.1:${way.#server.address().port}`;
    return way;
  }

  /** Nothing goes through, and who is connected notices. */
  cut() {
    this.#isCut = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Nothing goes through, and nobody notices. */
  stall() {
    this.#isStalled = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  /** Everything goes through again. */
  mend() {
    this.#isCut = false;
    this.#isStalled = false;
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  close() {
    this.cut();
    this.#server.close();
  }

  #carry(here, port) {
    if (this.#isCut) {
      here.destroy();
      return;
    }
    const there = connect(port, '127.0.0.1');
    const pair = [here, there];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [there, here]]) {
      from.setNoDelay(true);
      from.on('data', (data) => to.write(data));
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
      if (this.#isStalled) from.pause();
    }
  }
}
