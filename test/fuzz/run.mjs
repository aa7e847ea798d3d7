/**
 * Looks for calls that break a promise: coverage-guided ones of the C functions (libFuzzer, under the address, leak and
 * undefined-behaviour sanitizers), and random ones of the TypeScript API in several processes (fast-check).
 *
 *     node test/fuzz/run.mjs [--seconds N] [--seed N] [--keep] [TARGET…]
 *
 * @param --seconds how long in all, half of it for the TypeScript API; default 60
 * @param --seed what the choices begin with, from 1 to 2^31-1; it is printed. The C part goes on from what it learned
 *   last time, in build/fuzz/corpus, so only a finding itself repeats what was found
 * @param --keep adds the fewest inputs that reach what test/fuzz/corpus does not
 * @param TARGET one of the fuzzers (handles, …), or `api`. Default: all
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const corpora = join(root, 'test/fuzz/corpus');
const tree = join(root, 'build/fuzz');
const fuzzers = readdirSync(join(root, 'test/fuzz')).flatMap((file) => /^(.*)_fuzzer\.cpp$/.exec(file)?.[1] ?? []);
const API = 'api';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(randomInt(1, 2 ** 31)) },
    keep: { type: 'boolean', default: false },
  },
});
const { seed, keep } = values;
const targets = positionals.length > 0 ? positionals : [...fuzzers, API];
const seconds = Number(values.seconds);
if (!(seconds > 0) || !(Number(seed) > 0) || targets.some((target) => target !== API && !fuzzers.includes(target))) {
  console.error(`usage: npm run fuzz -- [--seconds N] [--seed N] [--keep] [${[...fuzzers, API].join(' | ')}]…`);
  process.exit(2);
}

/** A /dev/shm of its own, so that no other process has or takes the names: where the system lets one have it. */
const apart = (() => {
  const unshare = ['unshare', ...(process.getuid() === 0 ? [] : ['--map-root-user']), '--mount'];
  const command = [...unshare, 'sh', '-c', 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', 'sh'];
  return spawnSync(command[0], [...command.slice(1), 'true']).status === 0 ? command : [];
})();

function run(command, { quietly = false, env = {} } = {}) {
  const { status, error, stdout, stderr } = spawnSync(command[0], command.slice(1), {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: Infinity,
    stdio: ['ignore', quietly ? 'pipe' : 'inherit', quietly ? 'pipe' : 'inherit'],
  });
  if (status === 0) return `${stdout}${stderr}`;
  console.error(`${quietly ? `${stdout}${stderr}` : ''}${error?.message ?? ''}\n${command.join(' ')} failed`);
  process.exit(1);
}

function build() {
  const clang = ['clang++-14', 'clang++'].find((name) => spawnSync(name, ['--version']).status === 0);
  if (clang === undefined) {
    console.error('clang++ missing: apt-get install -y --no-install-recommends clang-14 libclang-rt-14-dev');
    process.exit(1);
  }
  const sanitizers = 'address,undefined,fuzzer-no-link';
  const options = { CMAKE_BUILD_TYPE: 'RelWithDebInfo', CMAKE_CXX_COMPILER: clang, DLLMEMFILEMAP_SANITIZE: sanitizers };
  const settings = Object.entries(options).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  run(['cmake', '-S', '.', '-B', tree, ...settings], { quietly: true });
  const names = fuzzers.flatMap((name) => ['--target', `${name}_fuzzer`]);
  run(['cmake', '--build', tree, '--parallel', String(availableParallelism()), ...names], { quietly: true });
}

/** Runs one fuzzer on what the tree has and what was learned before, for so many seconds. */
function fuzz(name, duration) {
  const program = join(tree, 'RelWithDebInfo', `${name}_fuzzer`);
  const [kept, learned, findings] = [join(corpora, name), join(tree, 'corpus', name), join(tree, 'findings')];
  for (const folder of [kept, learned, findings]) mkdirSync(folder, { recursive: true });
  const env = { UBSAN_OPTIONS: 'print_stacktrace=1' };
  const flags = [
    `-seed=${seed}`,
    `-max_total_time=${duration}`,
    '-use_value_profile=1',
    '-len_control=0',
    '-timeout=10',
  ];
  const places = [`-artifact_prefix=${findings}/${name}-`, `-dict=${join(root, 'test/fuzz/dictionary')}`];
  const output = run([...apart, program, ...flags, ...places, learned, kept], { quietly: true, env });
  const [, runs, edges] = /^#(\d+)\s+DONE\s+cov: (\d+)/m.exec(output);
  console.log(`${name}: ${runs} runs in ${duration} s, which reach ${edges} edges`);
  // By edges alone: by libFuzzer's own measure, which counts how often each was taken, it would be hundreds of files.
  const fewest = ['-set_cover_merge=1', '-use_counters=0', '-use_cmp=0'];
  if (keep) run([...apart, program, ...fewest, kept, learned], { quietly: true, env });
}

console.log(`seed ${seed}`);
const native = targets.filter((target) => target !== API);
const share = targets.includes(API) ? seconds / 2 : seconds;
if (native.length > 0) {
  build();
  for (const name of native) fuzz(name, Math.max(1, Math.round(share / native.length)));
}
if (targets.includes(API)) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const config = relative(root, join(root, 'test/vitest.config.ts'));
  run([...apart, process.execPath, vitest, 'run', '--config', config, 'test/objects/model.test.ts'], {
    env: { FUZZ_SECONDS: String(native.length > 0 ? seconds / 2 : seconds), FUZZ_SEED: seed },
  });
}
