import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { array, struct, text } from '../../dist/index.js';
import { makeSection, NAME, Running, run, wellEnded } from './command.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

const Lap = struct({ number: 'int32_t', seconds: 'float' });
const Car = struct(
  { id: 'uint64_t', driver: text('windows-1252', 8), wheels: array('int16_t', 4), isOut: 'bool', laps: array(Lap, 2) },
  { name: 'Car' },
);
const CAR = {
  id: 2n ** 60n,
  driver: 'Jürg\x1b',
  wheels: [1, 2, 3, 4],
  isOut: false,
  laps: [
    { number: 1, seconds: 61.5 },
    { number: 2, seconds: 60 },
  ],
};

const SOURCE = `import { array, struct, text } from 'dllmemfilemap';
const Lap = struct({ number: 'int32_t', seconds: 'float' });
`;
const CAR_SOURCE = `struct(
  { id: 'uint64_t', driver: text('windows-1252', 8), wheels: array('int16_t', 4), isOut: 'bool', laps: array(Lap, 2) },
  { name: 'Car' },
)`;

/** A module of a user, in a folder where the package can be imported. */
function moduleOf(source: string): string {
  const folder = mkdtempSync(join(root, 'build/struct-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'car.mjs');
  writeFileSync(file, `${SOURCE}${source}`);
  return file;
}

const carModule = () => moduleOf(`export default ${CAR_SOURCE};`);

const ROWS = [
  'id               1152921504606846976',
  'driver           "Jürg\\u001b"',
  'wheels           [1, 2, 3, 4]',
  'isOut            false',
  'laps[0].number   1',
  'laps[0].seconds  61.5',
  'laps[1].number   2',
  'laps[1].seconds  60',
];

describe('dump --struct', () => {
  test("prints a struct's fields by their names, without what a terminal would obey", () => {
    makeSection(NAME, 4096, Car.encode(CAR));
    const { stdout, ...rest } = run(['dump', NAME, '--struct', carModule()]);
    expect(rest).toEqual(wellEnded);
    expect(stdout.trimEnd().split('\n')).toEqual(ROWS);
  });

  test('prints JSON, with numbers of 64 bits as strings', () => {
    makeSection(NAME, 4096, Buffer.concat([Buffer.alloc(64), Car.encode(CAR)]));
    const { stdout } = run(['dump', NAME, '--struct', carModule(), '--offset', '64', '--json']);
    const value = { ...CAR, id: '1152921504606846976' };
    expect(JSON.parse(stdout)).toEqual({ name: NAME, size: 4096, offset: 64, struct: 'Car', value });
  });

  test('takes the default export of a module that exports others, too', () => {
    makeSection(NAME, 4096, Car.encode(CAR));
    const file = moduleOf(`export { Lap }; export default ${CAR_SOURCE};`);
    expect(run(['dump', NAME, '--struct', file]).stdout.trimEnd().split('\n')).toEqual(ROWS);
  });

  test('shortens long arrays', () => {
    makeSection(NAME, 4096, Buffer.alloc(256, 1));
    const file = moduleOf("export const Bytes = struct({ bytes: array('uint8_t', 256) });");
    expect(run(['dump', NAME, '--struct', file]).stdout).toBe(
      `bytes  [${Array(16).fill(1).join(', ')}, … 256 in all]\n`,
    );
  });

  test('with --follow marks the fields that have changed', async () => {
    const bytes = makeSection(NAME, 4096, Car.encode(CAR));
    const watching = new Running('dump', NAME, '--struct', carModule(), '--follow', '--interval', '5');
    expect(await watching.block()).toEqual(ROWS);
    bytes.set(Car.encode({ ...CAR, wheels: [1, 2, 3, 5] }));
    expect(await watching.block()).toEqual(ROWS.with(2, 'wheels           [1, 2, 3, 5] *'));
  });

  test('with --follow --json names the fields that have changed', async () => {
    const bytes = makeSection(NAME, 4096, Car.encode(CAR));
    const watching = new Running('dump', NAME, '--struct', carModule(), '--follow', '--json', '--interval', '5');
    expect(await watching.line()).toBeDefined();
    bytes.set(Car.encode({ ...CAR, isOut: true }));
    expect(JSON.parse((await watching.line()) as string)).toMatchObject({ value: { isOut: true }, changed: ['isOut'] });
  });

  test.each([
    ['a file that is not there', 'nowhere.mjs', /'nowhere.mjs' cannot be loaded/],
    ['a module without a struct', 'export const a = 1;', /exports no struct. Export what struct\(\) returns/],
    [
      'several structs',
      `export const A = Lap, B = ${CAR_SOURCE};`,
      /exports 2 structs. Name one of A, B: --struct '.*#A'/,
    ],
  ])('with %s is wrong usage', (_, source, message) => {
    makeSection(NAME, 4096, Car.encode(CAR));
    const file = source.endsWith('.mjs') ? source : moduleOf(source);
    const { status, stdout, stderr } = run(['dump', NAME, '--struct', file]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('takes one of several structs by its name', () => {
    makeSection(NAME, 4096, Lap.encode({ number: 3, seconds: 1 }));
    const file = moduleOf(`export const A = Lap, B = ${CAR_SOURCE};`);
    expect(run(['dump', NAME, '--struct', `${file}#A`]).stdout).toBe('number   3\nseconds  1\n');
  });

  test('does not fit past the end of the section, and has its own length', () => {
    makeSection(NAME, 4096, Buffer.alloc(1));
    const tooFar = run(['dump', NAME, '--struct', carModule(), '--offset', '4090']);
    expect(tooFar.status).toBe(2);
    expect(tooFar.stderr).toMatch(/Car has 48 bytes, which do not fit at offset 4090 of a section of 4096/);
    expect(run(['dump', NAME, '--struct', carModule(), '--length', '8']).status).toBe(2);
  });

  test("prints what an example's layout describes", () => {
    makeSection(NAME, 8192, Buffer.from([2, 0, 0, 0, 7, 0, 0, 0]));
    const file = join(root, 'dist/examples/mumble-link-layout.js');
    expect(run(['dump', NAME, '--struct', file]).stdout).toMatch(
      /^uiVersion +2\nuiTick +7\nfAvatarPosition +\[0, 0, 0\]\n/,
    );
  });
});
