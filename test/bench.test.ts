import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { hasMachines } from './mirror/machine.mjs';
import { hasServer } from './mirror/server.mjs';

const bench = fileURLToPath(new URL('bench/run.mjs', import.meta.url));

interface Comparison {
  readonly group: string;
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly kind: string; readonly value?: number; note?: string }[];
}

// It needs what Unix has, and its figures are asserted nowhere.
test.skipIf(process.platform === 'win32')(
  'The benchmark runs, and has a figure or a reason in every row',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'dllmemfilemap-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'figures.json');
    const { status, stdout, stderr } = spawnSync(process.execPath, [bench, '--quick', '--json', file], {
      encoding: 'utf8',
      timeout: 110_000,
    });
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toContain('**setSharedMem**');
    const { comparisons } = JSON.parse(readFileSync(file, 'utf8')) as { comparisons: Comparison[] };
    expect([...new Set(comparisons.map(({ group }) => group))]).toEqual([
      'One process',
      'Memory through an array',
      'Two processes',
      'Waiting',
      'Watching',
      'Mirroring',
      'Scale',
      'C++',
      'Starting',
    ]);
    for (const { group, title, rows } of comparisons) {
      for (const { name, kind, value, note } of rows) {
        const figure = { title, name, figure: value ?? note };
        const isMeasured = kind === 'ours' && (group !== 'Mirroring' || (hasServer && hasMachines));
        if (isMeasured) expect(figure).toEqual({ title, name, figure: expect.any(Number) });
        else expect(figure).toEqual({ title, name, figure: expect.anything() });
        if (value !== undefined) expect(value, `${title}: ${name}`).toBeGreaterThan(0);
      }
    }
  },
  120_000,
);

test('The benchmark says what has moved since an earlier run by more than its noise', async () => {
  const { changes } = await import(new URL('bench/report.mjs', import.meta.url).href);
  const run = (...rows: { name: string; value: number; noise?: number }[]) => [{ title: 'get', unit: 'ns', rows }];
  const earlier = {
    date: '2026-11-01',
    comparisons: run(
      { name: 'noisy', value: 100, noise: 0.4 },
      { name: 'steady', value: 100, noise: 0.01 },
      { name: 'faster', value: 100, noise: 0.01 },
      { name: 'measured once', value: 100 },
      { name: 'gone', value: 100 },
    ),
  };
  const now = run(
    { name: 'noisy', value: 130, noise: 0.1 },
    { name: 'steady', value: 130, noise: 0.1 },
    { name: 'faster', value: 50, noise: 0.01 },
    { name: 'measured once', value: 109 },
    { name: 'new', value: 1 },
  );
  const said: string = changes(earlier, now);
  expect(said.split('\n')[0]).toBe('Of 4 rows, 2 moved by more than their noise since 2026-11-01.');
  expect(said).toMatch(/\| steady +\| 100 ns \| 130 ns +\| 1\.30 x \|/);
  expect(said).toMatch(/\| faster +\| 100 ns \| 50\.0 ns +\| 0\.50 x \|/);
});
