/** The tables and the chart. */
import { cpus, platform, release } from 'node:os';

const floorOf = ({ rows }) => rows.find(({ kind, value }) => kind === 'floor' && value !== undefined)?.value;

function digits(number) {
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}

/** A figure with the unit that suits its size. */
export function format(value, unit) {
  if (unit !== 'ns') return `${digits(value)} ${unit}`;
  if (value < 1e3) return `${digits(value)} ns`;
  return value < 1e6 ? `${digits(value / 1e3)} µs` : `${digits(value / 1e6)} ms`;
}

/** A Markdown table, with its columns in line. */
function table(header, rows) {
  const lines = [header, header.map(() => ''), ...rows];
  const widths = header.map((_, i) => Math.max(...lines.map((cells) => cells[i].length), 3));
  lines[1] = widths.map((width) => '-'.repeat(width));
  return lines.map((cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`).join('\n');
}

/** When and on what this was measured. */
export function machine() {
  const models = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: models[0]?.model.trim() ?? process.arch,
    cores: models.length,
    node: process.version,
    system: `${platform()} ${release().split('.').slice(0, 2).join('.')}`,
  };
}

/** The targets: what must come out, as ratios within one run. */
function targets(comparisons) {
  const value = (title, name) =>
    comparisons.find((c) => c.title === title)?.rows.find((row) => row.name === name)?.value;
  const ratio = (what, most, title, name, against) => {
    const floor = against ? value(title, against) : floorOf(comparisons.find((c) => c.title === title) ?? { rows: [] });
    return { what, most, unit: 'x', reached: value(title, name) / floor };
  };
  const atMost = (what, most, unit, title, name) => ({ what, most, unit, reached: value(title, name) });
  const alone = 'take and give back, alone';
  const asleep = 'there and back, both asleep';
  const start = 'from start to end of a process';
  const text = 'text of 21 characters there and back';
  const attach = 'attach and detach, of one object';
  const attaching = 'a whole C++ program that attaches';
  const mirrored = 'set here to seen on another machine';
  const mirroredP99 = 'the same, the 99th percentile';
  const idleMirror = 'processor time a second of a mirror while nothing changes';
  const seen = 'text of 21 characters until another process has it';
  return [
    ratio("set of 21 characters, to V8's encoding", 1.4, 'set of 21 characters', 'setSharedMem'),
    ratio("get of 21 characters, to V8's decoding", 1.5, 'get of 21 characters', 'getSharedMem'),
    ratio("view.writeString of 21 characters, to V8's encoding", 1.1, 'set of 21 characters', 'view.writeString'),
    ratio("set of 2047 characters, to V8's encoding", 3.0, 'set of 2047 characters', 'setSharedMem'),
    ratio("get of 2047 characters, to V8's decoding", 1.6, 'get of 2047 characters', 'getSharedMem'),
    ratio("view.readString of 2047 characters, to V8's decoding", 1.6, 'get of 2047 characters', 'view.readString'),
    ratio("write of an element of view.bytes, to a Uint8Array's", 1.05, 'write of an element', 'view.bytes'),
    ratio("read of an element of view.bytes, to a Uint8Array's", 1.05, 'read of an element', 'view.bytes'),
    ratio('read of a struct of 20 fields, to a DataView', 3.0, 'read of a struct of 20 fields', 'view.readStruct'),
    atMost('C++ set of 21 characters', 25, 'ns', '21 characters', 'SetSharedMem'),
    ratio('C++ set of 2047 characters, to memcpy of 4096 bytes', 4.0, '2047 characters', 'SetSharedMem'),
    ratio('C++ get of 2047 characters, to memcpy of 4096 bytes', 2.0, '2047 characters', 'GetSharedMem'),
    ratio('a change seen by a watcher, to a Unix-domain socket', 2.0, seen, 'watchSharedMem', 'a Unix-domain socket'),
    ratio('text there and back, to a Unix-domain socket', 0.1, text, 'Node and Node, spinning', 'a Unix-domain socket'),
    atMost('a mutex taken and given back in C++', 40, 'ns', alone, 'a mutex in C++'),
    atMost('mutex.tryAcquire and release', 250, 'ns', alone, 'mutex.tryAcquire and release'),
    atMost('await mutex.acquire and release', 250, 'ns', alone, 'await mutex.acquire and release'),
    ratio(
      'await mutex.acquire and release, to a lock file',
      0.01,
      alone,
      'await mutex.acquire and release',
      'proper-lockfile',
    ),
    ratio('C++ there and back by events, to a Unix-domain socket', 1.0, asleep, 'C++ and C++, by events'),
    ratio(
      'Node there and back by events, to a Unix-domain socket',
      ...[2.0, asleep, 'Node and Node, by events', 'Node and Node, by a Unix-domain socket'],
    ),
    ratio('fs.readFile with 60 waits pending, to none', 1.1, 'fs.readFile of 4 KiB', 'with 60 waits pending'),
    atMost('text set here to seen on another machine', 1.5, 'ms', mirrored, 'the shared text'),
    atMost('text set here to seen on another machine, p99', 4, 'ms', mirroredP99, 'the shared text'),
    atMost('4 KiB set here to seen on another machine', 1.5, 'ms', mirrored, 'a section of 4 KiB'),
    atMost('4 KiB set here to seen on another machine, p99', 4, 'ms', mirroredP99, 'a section of 4 KiB'),
    atMost('idle mirror of the text, a second', 10, 'ms', idleMirror, 'the shared text'),
    atMost('idle mirror of 4 KiB, a second', 10, 'ms', idleMirror, 'a section of 4 KiB'),
    atMost('idle mirror of 16 MiB, a second', 10, 'ms', idleMirror, 'a section of 16 MiB'),
    { what: 'attach and detach', most: 9, unit: 'µs', reached: value(attach, '1 alive') / 1000 },
    ratio('attach and detach with 1000 alive, to 1 alive', 8, attach, '1000 alive'),
    ratio('open one of 10,000 objects, to one of one', 1.5, 'open and close, of one of many objects', 'one of 10000'),
    ratio('a C++ program that attaches beside 10,000 objects, to one', 1.3, attaching, 'beside 10000'),
    {
      what: 'Node that loads the package, over one that loads koffi',
      most: 5,
      unit: 'ms',
      reached: value(start, 'Node that loads the package') - value(start, 'Node that loads koffi alone'),
    },
  ].filter(({ reached }) => Number.isFinite(reached));
}

const measuredOn = ({ date, processor, cores, node, system }) =>
  `Measured on ${date}: ${processor}, ${cores} cores, ${system}, Node ${node}.`;

/** The whole report as Markdown. */
export function report(comparisons, on) {
  const rows = comparisons.flatMap((comparison) => {
    const floor = floorOf(comparison);
    return comparison.rows.map(({ name, kind, value, note }, i) => [
      i === 0 ? comparison.title : '',
      kind === 'ours' ? `**${name}**` : name,
      value === undefined ? (note ?? '') : format(value, comparison.unit),
      value === undefined || floor === undefined ? '' : digits(value / floor),
    ]);
  });
  const goals = targets(comparisons).map(({ what, most, unit, reached }) => [
    what,
    `${most} ${unit}`,
    `${digits(reached)} ${unit}`,
    // As precisely as it is shown.
    Number(digits(reached)) <= most ? 'yes' : '**no**',
  ]);
  return [
    measuredOn(on),
    table(['target', 'at most', 'reached', 'met'], goals),
    table(['what', 'how', 'median', 'x floor'], rows),
  ].join('\n\n');
}

/** How far a row may be from an earlier run of which nothing says how noisy it is. */
const USUAL_NOISE = 0.1;

/**
 * What moved since an earlier run by more than both runs' noise, as a table; the rows that only one of them has are left
 * out.
 *
 * @param earlier what `--json` wrote
 */
export function changes(earlier, comparisons) {
  const rowsOf = (all) => all.flatMap(({ title, unit, rows }) => rows.map((row) => ({ title, unit, ...row })));
  const old = new Map(rowsOf(earlier.comparisons).map((row) => [`${row.title}, ${row.name}`, row]));
  let compared = 0;
  const moved = rowsOf(comparisons).flatMap(({ title, unit, name, value, noise = USUAL_NOISE }) => {
    const before = old.get(`${title}, ${name}`);
    if (value === undefined || before?.value === undefined) return [];
    compared++;
    const ratio = value / before.value;
    const most = 1 + Math.max(noise, before.noise ?? USUAL_NOISE, 0.05);
    if (ratio <= most && ratio >= 1 / most) return [];
    return [[title, name, format(before.value, unit), format(value, unit), `${digits(ratio)} x`]];
  });
  const counted = `Of ${compared} rows, ${moved.length} moved by more than their noise since ${earlier.date}.`;
  if (moved.length === 0) return counted;
  return `${counted}\n\n${table(['what', 'how', 'then', 'now', 'ratio'], moved)}`;
}

/** The rows of the README: what, with which of ours, beside what. */
const FIRST_PAGE = [
  ['set of 21 characters', 'setSharedMem', "V8's encoding into a private Buffer"],
  ['get of 21 characters', 'getSharedMem', "V8's decoding out of a private Buffer"],
  ['write of an element', 'view.bytes', 'an ordinary Uint8Array'],
  ['text of 21 characters there and back', 'Node and Node, spinning', 'a Unix-domain socket'],
  ['from start to end of a process', 'Node that loads the package and attaches', 'an empty Node process'],
];

/** The README's table. */
export function summary(comparisons, on) {
  const rows = FIRST_PAGE.map(([title, ...names]) => {
    const { rows, unit } = comparisons.find((comparison) => comparison.title === title);
    const cells = names.map((name) => {
      const { value } = rows.find((row) => row.name === name);
      return value === undefined ? name : `${name}: ${format(value, unit)}`;
    });
    return [title, ...cells];
  });
  return [measuredOn(on), table(['what', 'this package', 'beside'], rows)].join('\n\n');
}

const escapeXml = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

const LEGEND = [
  ['ours', 'this package'],
  ['peer', 'alternatives'],
  ['floor', 'for comparison: the same without sharing, or in C++'],
];

// A viewer's dark mode changes the colours, where it shows the picture as one of its own pages.
const STYLE = [
  'svg { color-scheme: light dark } rect.ground { fill: #ffffff } text { fill: #1f2328 } text.note { fill: #59636e }',
  'rect.floor { fill: #8c959f } rect.ours { fill: #1f6feb } rect.peer { fill: #d4a72c }',
  '@media (prefers-color-scheme: dark) {',
  '  rect.ground { fill: #0d1117 } text { fill: #f0f6fc } text.note { fill: #9198a1 }',
  '  rect.floor { fill: #6e7681 } rect.ours { fill: #4493f8 }',
  '}',
].join('\n');

/** The comparisons that are to be charted, as SVG: bars on a logarithmic scale. */
export function chart(comparisons, on) {
  const width = 860;
  const left = 260;
  const bar = 18;
  const heading = 'What setting, getting and exchanging a text costs';
  const parts = [
    `<text x="16" y="30" font-size="18" font-weight="bold">${heading}</text>`,
    '<text x="16" y="50" class="note">Shorter is better. The scale is logarithmic, and each group has its own.</text>',
  ];
  let x = 16;
  for (const [kind, what] of LEGEND) {
    parts.push(`<rect class="${kind}" x="${x}" y="62" width="12" height="12"/>`);
    parts.push(`<text x="${x + 18}" y="72">${escapeXml(what)}</text>`);
    x += 60 + what.length * 6.5;
  }
  let y = 108;
  for (const { title, unit, rows, chart } of comparisons) {
    if (!chart) continue;
    const measured = rows.filter(({ value }) => value !== undefined);
    const exponents = measured.map(({ value }) => Math.log10(value));
    const least = Math.floor(Math.min(...exponents) - 0.3);
    const scale = (width - left - 90) / (Math.max(...exponents) - least);
    parts.push(
      `<text x="16" y="${y}" font-weight="bold">${escapeXml(title)}</text>`,
      `<text x="${width - 16}" y="${y}" text-anchor="end" class="note">logarithmic</text>`,
    );
    y += 10;
    measured.forEach(({ name, kind, value }, i) => {
      const length = ((exponents[i] - least) * scale).toFixed(1);
      parts.push(
        `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escapeXml(name)}</text>`,
        `<rect class="${kind}" x="${left}" y="${y + 1}" width="${length}" height="${bar - 3}"/>`,
        `<text x="${left + Number(length) + 6}" y="${y + 13}">${format(value, unit)}</text>`,
      );
      y += bar;
    });
    y += 30;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 4}" font-family="sans-serif" font-size="12">`,
    `<title>${heading}, beside alternatives</title>`,
    `<style>${STYLE}</style>`,
    '<rect class="ground" width="100%" height="100%" rx="6"/>',
    ...parts,
    `<text x="16" y="${y - 8}" class="note">${escapeXml(measuredOn(on))}</text>`,
    '</svg>\n',
  ].join('\n');
}
