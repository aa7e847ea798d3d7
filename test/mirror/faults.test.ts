import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hasMachines, Machine, NEEDS } from './machine.mjs';
import { freePort, hasServer, Server, Way } from './server.mjs';

const rounds = fileURLToPath(new URL('rounds.mjs', import.meta.url));
const SOON = { timeout: 30_000, interval: 10 };

/** Three servers, each of which knows the others. */
async function cluster(): Promise<Server[]> {
  const ports = await Promise.all([0, 1, 2].map(freePort));
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ');
  const servers = await Promise.all(
    ports.map((port, i) =>
      Server.start({
        configuration: `server_name: s${i}\ncluster { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
      }),
    ),
  );
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close()));
  });
  return servers;
}

/** The name of the server that leads the group's stream. */
async function leaderOf(servers: readonly Server[]): Promise<string | undefined> {
  const { connect } = await import('@nats-io/transport-node');
  const { jetstreamManager } = await import('@nats-io/jetstream');
  const nats = await connect({ servers: servers.map(({ url }) => url) });
  try {
    const manager = await jetstreamManager(nats, { checkAPI: false });
    return (await manager.streams.info('dllmemfilemap-default')).cluster?.leader;
  } finally {
    await nats.close();
  }
}

describe.skipIf(!hasServer || !hasMachines)(
  `After a fault both sides are equal, with the newest write ${NEEDS}`,
  () => {
    test('whatever was killed, cut, stalled or lost while both wrote, and no handle is left', async () => {
      const args = [rounds, '--rounds', '8', '--seed', 'suite'];
      // What it has said of each round is what tells why it failed.
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 120_000 }).catch(
        (error) => error,
      );
      expect(stdout).toMatch(/^8 rounds, 0 failed, /m);
    });

    test('in a cluster of three whose leader was killed', async () => {
      const servers = await cluster();
      const url = `nats://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
      const [one, other] = await Promise.all([Machine.start(), Machine.start()]);
      onTestFinished(async () => {
        await Promise.all([one.close(), other.close()]);
      });
      const args = [url, '--replicas', '3'];
      const mirrors = [one.mirror(...args), other.mirror(...args)];
      const [here, there] = [one.peer(), other.peer()];
      await Promise.all(mirrors.map((mirror) => mirror.says('ready')));
      await here.set('before');
      await expect.poll(() => there.get(), SOON).toBe('before');
      const leader = servers[Number((await leaderOf(servers))?.slice(1))] as Server;
      await leader.kill();
      await here.set('while there is no leader');
      await expect.poll(() => there.get(), SOON).toBe('while there is no leader');
      await there.set('after');
      await expect.poll(() => here.get(), SOON).toBe('after');
    }, 100_000);

    test('of two writes made while both were cut off, the later one, and the earlier one is told as lost', async () => {
      const server = await Server.start();
      const ways = await Promise.all([Way.to(server.port), Way.to(server.port)]);
      const [one, other] = await Promise.all([Machine.start(), Machine.start()]);
      onTestFinished(async () => {
        for (const way of ways) way.close();
        await Promise.all([one.close(), other.close(), server.close()]);
      });
      const mirrors = [one.mirror(ways[0].url), other.mirror(ways[1].url)] as const;
      const [here, there] = [one.peer(), other.peer()];
      await Promise.all([...mirrors.map((mirror) => mirror.says('ready')), here.get(), there.get()]);
      for (const way of ways) way.cut();
      await Promise.all(mirrors.map((mirror) => mirror.says('unreachable')));
      await there.set('earlier');
      // So much later that its mirror has looked: one that has just started is not woken yet, and looks ten times a second.
      await there.do('new Promise((resolve) => setTimeout(resolve, 1000))');
      await here.set('later');
      ways[0].mend();
      await mirrors[0].says('sent');
      ways[1].mend();
      expect(await mirrors[1].says('conflict')).toMatchObject({ text: 'earlier' });
      await expect.poll(() => there.get(), SOON).toBe('later');
      expect(await here.get()).toBe('later');
    });
  },
);
