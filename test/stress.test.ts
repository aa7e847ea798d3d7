import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { FileMapping } from 'dllmemfilemap';
import { expect, onTestFinished, test } from 'vitest';
import { Peer } from './peer.js';

const stress = fileURLToPath(new URL('stress/run.mjs', import.meta.url));
const many = fileURLToPath(new URL('stress/many.mjs', import.meta.url));
const closing = fileURLToPath(new URL('stress/closing.mjs', import.meta.url));

// It looks at what it leaves where Linux shows that, and starts more processes than Wine likes.
const onUnix = test.skipIf(process.platform === 'win32');

/** Starts `npm run stress` without building, and tells how it ends. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [stress, ...args]);
  onTestFinished(() => {
    child.kill();
  });
  return Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
    // Every ten seconds it says how far it is.
    ([[status], stdout, stderr]) => ({ status, stdout, stderr: stderr.replace(/^\d+ s: .*\n/gm, '') }),
  );
}

/** Whether any process has the DLL loaded. */
function isDllLoaded(): boolean {
  try {
    FileMapping.open('dllmemfilemap', { access: 'read' }).close();
    return true;
  } catch {
    return false;
  }
}

onUnix('The stress ends with a table of counts if every promise is kept', async () => {
  const { status, stdout, stderr } = await start('--seconds', '3', '--seed', '1');
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const what of ['killed', 'races for a name', 'mappings created', 'DLL loaded and freed', 'visits']) {
    expect(stdout).toMatch(new RegExp(`^ *${what} +[1-9]`, 'm'));
  }
  expect(stdout).toMatch(/^ *turns and sleepers +[1-9].* turns, .* owners killed/m);
  expect(stdout).toMatch(/^ *the shared text +[1-9].* killed, .* stopped, [1-9].* texts written/m);
  expect(stdout).toMatch(/^left at the end +0 files, 0 locks, 0 processes$/m);
});

// The time that it takes is V8's, for one full garbage collection in a thousand rounds.
test('Closing views in loops that end no turn leaves neither memory nor mappings behind', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [closing, '--rounds', '10000'], {
    encoding: 'utf8',
    timeout: 110_000,
    killSignal: 'SIGKILL',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^a mapping of 8 MiB: 100 rounds, resident .* MiB -> .* MiB/m);
}, 120_000);

onUnix(
  'Many processes come and go, hold one section, read one text and follow one publisher',
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [many, '--seconds', '1', '--part', '20'], {
      encoding: 'utf8',
      timeout: 110_000,
      killSignal: 'SIGKILL',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^10 processes that attach.*\n.* 50 processes have open.*\n.* [1-9]\d* read, no mixture\n/);
    expect(stdout).toMatch(/^3 readers of one publisher at 60 Hz for 1 s: each saw [1-9]/m);
  },
  120_000,
);

onUnix('The stress ends at the first promise that is not kept, and names the seed', async () => {
  const ending = start('--seconds', '40', '--seed', '5');
  await expect.poll(isDllLoaded, { timeout: 20_000 }).toBe(true);
  const stranger = await Peer.start('C++', 'dll');
  await stranger.set('what no process of the stress has written');
  const { status, stdout, stderr } = await ending;
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^Broken after .* the DLL, episode \d+: .* process \d+.* instead of/m);
  expect(stderr).toContain('--seed 5');
});

test.skipIf(process.platform !== 'linux')(
  'The stress notices that a process had crashed before it was killed (on Linux alone, for its /proc)',
  () => {
    const source = `
      import { spawnSync } from 'node:child_process';
      import { Crew } from ${JSON.stringify(new URL('stress/process.mjs', import.meta.url))};
      const worker = new Crew(1).run('C++', 'sh', ['-c', 'echo ready; kill -SEGV $$']);
      await worker.ready;
      // Nobody is told before this has ended.
      spawnSync('sh', ['-c', 'until grep -q "State:.Z" /proc/$0/status; do :; done', worker.pid]);
      await worker.kill().catch((error) => console.log(error.message));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
    expect(stdout).toMatch(/^C\+\+ process \d+ ended with SIGSEGV/);
  },
);

onUnix('The stress refuses to run while a process has the DLL loaded', async () => {
  await Peer.start('C++', 'dll');
  expect(await start('--seconds', '1')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('end that process'),
  });
});

onUnix.each(['--seconds=0', '--seconds=x', '--unknown'])('The stress refuses %s', async (option) => {
  expect(await start(option)).toMatchObject({ status: 2 });
});
