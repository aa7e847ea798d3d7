import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const bench = fileURLToPath(new URL('bench/run.mjs', import.meta.url));

interface Comparison {
  readonly group: string;
  readonly title: string;
  readonly rows: readonly { readonly name: string; readonly kind: string; readonly value?: number; note?: string }[];
}

// It needs what Unix has, and its figures are asserted nowhere.
test.skipIf(process.platform === 'win32')('The benchmark runs, and has a figure or a reason in every row', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dllmemfilemap-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'figures.json');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bench, '--quick', '--json', file], {
    encoding: 'utf8',
    timeout: 50_000,
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toContain('**setSharedMem**');
  const { comparisons } = JSON.parse(readFileSync(file, 'utf8')) as { comparisons: Comparison[] };
  expect([...new Set(comparisons.map(({ group }) => group))]).toEqual([
    'One process',
    'Memory through an array',
    'Two processes',
    'Scale',
    'C++',
    'Starting',
  ]);
  for (const { title, rows } of comparisons) {
    for (const { name, kind, value, note } of rows) {
      const figure = { title, name, figure: value ?? note };
      if (kind === 'ours') expect(figure).toEqual({ title, name, figure: expect.any(Number) });
      else expect(figure).toEqual({ title, name, figure: expect.anything() });
      if (value !== undefined) expect(value, `${title}: ${name}`).toBeGreaterThan(0);
    }
  }
});
