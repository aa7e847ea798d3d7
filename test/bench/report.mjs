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
  const start = 'from start to end of a process';
  const text = 'text of 21 characters there and back';
  const attach = 'attach and detach, of one object';
  return [
    ratio("set of 21 characters, to V8's encoding", 1.0, 'set of 21 characters', 'setSharedMem'),
    ratio("get of 21 characters, to V8's decoding", 2.0, 'get of 21 characters', 'getSharedMem'),
    ratio("set of 2047 characters, to V8's encoding", 3.0, 'set of 2047 characters', 'setSharedMem'),
    ratio("get of 2047 characters, to V8's decoding", 1.6, 'get of 2047 characters', 'getSharedMem'),
    ratio("write of an element of view.bytes, to a Uint8Array's", 1.05, 'write of an element', 'view.bytes'),
    ratio("read of an element of view.bytes, to a Uint8Array's", 1.05, 'read of an element', 'view.bytes'),
    ratio('C++ set of 2047 characters, to memcpy of 4096 bytes', 2.0, '2047 characters', 'SetSharedMem'),
    ratio('C++ get of 2047 characters, to memcpy of 4096 bytes', 2.0, '2047 characters', 'GetSharedMem'),
    ratio('text there and back, to a Unix-domain socket', 0.1, text, 'Node and Node, spinning', 'a Unix-domain socket'),
    ratio('attach and detach with 1000 alive, to 1 alive', 8, attach, '1000 alive'),
    ratio('open one of 10,000 objects, to one of one', 1.5, 'open and close, of one of many objects', 'one of 10000'),
    {
      what: 'load and attach, over an empty Node process',
      most: 40,
      unit: 'ms',
      reached: value(start, 'Node that loads the package and attaches') - value(start, 'an empty Node process'),
    },
  ].filter(({ reached }) => Number.isFinite(reached));
}

/** The whole report as Markdown. */
export function report(comparisons, { date, processor, cores, node, system }) {
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
    `Measured on ${date}: ${processor}, ${cores} cores, ${system}, Node ${node}.`,
    table(['target', 'at most', 'reached', 'met'], goals),
    table(['what', 'how', 'median', 'x floor'], rows),
  ].join('\n\n');
}

const COLORS = { floor: '#9aa4b2', ours: '#1f6feb', peer: '#d9a441' };
const escapeXml = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** The comparisons that are to be charted, as SVG: bars on a logarithmic scale. */
export function chart(comparisons, { date, processor, node }) {
  const width = 860;
  const left = 260;
  const bar = 18;
  const parts = [];
  let y = 34;
  for (const { title, unit, rows, chart } of comparisons) {
    if (!chart) continue;
    const measured = rows.filter(({ value }) => value !== undefined);
    const exponents = measured.map(({ value }) => Math.log10(value));
    const least = Math.floor(Math.min(...exponents) - 0.3);
    const scale = (width - left - 90) / (Math.max(...exponents) - least);
    parts.push(`<text x="16" y="${y}" font-weight="bold">${escapeXml(title)}</text>`);
    y += 10;
    measured.forEach(({ name, kind, value }, i) => {
      const length = ((exponents[i] - least) * scale).toFixed(1);
      parts.push(
        `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escapeXml(name)}</text>`,
        `<rect x="${left}" y="${y + 1}" width="${length}" height="${bar - 3}" fill="${COLORS[kind]}"/>`,
        `<text x="${left + Number(length) + 6}" y="${y + 13}">${format(value, unit)}</text>`,
      );
      y += bar;
    });
    y += 30;
  }
  const legend = `logarithmic; grey: floor, blue: dllmemfilemap, yellow: alternatives; ${processor}, Node ${node}, ${date}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 4}" font-family="sans-serif" font-size="12">`,
    '<title>What setting, getting and exchanging a text costs, beside floors and alternatives</title>',
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...parts,
    `<text x="16" y="${y - 8}" fill="#57606a">${escapeXml(legend)}</text>`,
    '</svg>\n',
  ].join('\n');
}
