import { count, describe, requireText } from '../win32/arguments.js';

/** An encoding of text in memory. */
export interface Encoding {
  /** The size of a unit, and of the terminator, in bytes. */
  readonly unit: 1 | 2;
  /** The text up to its terminator, or to the end of the bytes. No other process may be writing to these. */
  decode(bytes: Uint8Array): string;
  /**
   * The text at a place that is copied as far as it takes: a text is most often much shorter than its memory.
   *
   * @param most how many bytes it has at most
   * @param copy copies so many bytes of it
   */
  read(most: number, copy: (length: number) => Uint8Array): string;
  /**
   * The bytes of a text, without a terminator.
   *
   * @param parameter what errors call the text
   * @param most how many units there is room for
   * @param place where that is, for the message
   * @throws `TypeError` if it is no string, or has a terminator in it
   * @throws `RangeError` if it does not fit, or has a character that the encoding has not
   */
  encode(parameter: string, text: string, most: number, place?: string): Uint8Array;
}

/** What of a `TextDecoder` is used here. */
interface Decoder {
  readonly encoding: string;
  decode(bytes: Uint8Array): string;
}

/** The characters of windows-1252 from 0x80 to 0x9F. */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** How many bytes of a text are copied first, and how many times more each time after that. */
const FIRST_PIECE = 256;
const GROWTH = 16;

const known = new Map<string, Encoding>();

/**
 * The encoding of a label, such as `'utf-8'` or `'windows-1252'`.
 *
 * @throws `TypeError` if it is no string
 * @throws `RangeError` if this runtime does not know it
 */
export function encodingOf(label: string): Encoding {
  if (typeof label !== 'string') throw new TypeError(`encoding must be a string: it is ${describe(label)}`);
  let encoding = known.get(label);
  if (encoding === undefined) {
    encoding = makeEncoding(decoderOf(label));
    known.set(label, encoding);
  }
  return encoding;
}

function decoderOf(label: string): Decoder {
  try {
    // A byte order mark at the start of a field is text like any other.
    const decoder = new TextDecoder(label, { ignoreBOM: true });
    const decode = { 'utf-16le': decodeUtf16, 'windows-1252': decodeWindows1252 }[decoder.encoding];
    return decode === undefined ? decoder : { encoding: decoder.encoding, decode };
  } catch (cause) {
    const expected = "'utf-16le', 'utf-8', 'windows-1252' or another label that TextDecoder knows";
    throw new RangeError(`encoding must be ${expected}: it is ${describe(label)}`, { cause });
  }
}

function makeEncoding(decoder: Decoder): Encoding {
  const name = decoder.encoding;
  const unit = name.startsWith('utf-16') ? 2 : 1;
  const encodeAll = encoderFor(decoder);
  return {
    unit,
    decode: (bytes) => decoder.decode(bytes.subarray(0, endOf(bytes, unit))),
    read(most, copy) {
      for (let length = FIRST_PIECE; ; length *= GROWTH) {
        const bytes = copy(Math.min(length, most));
        const end = endOf(bytes, unit);
        if (end < bytes.length || bytes.length === most) return decoder.decode(bytes.subarray(0, end));
      }
    },
    encode(parameter, text, most, place = '') {
      requireText(parameter, text);
      const bytes = encodeAll(parameter, text);
      if (bytes.length <= most * unit) return bytes;
      const room = name === 'utf-16le' ? count(most, 'character') : `${count(most, 'unit')} of ${name}`;
      throw new RangeError(`${parameter} must have at most ${room}${place}: it has ${bytes.length / unit}`);
    },
  };
}

/** Where the terminator is; after the last byte if there is none. */
function endOf(bytes: Uint8Array, unit: 1 | 2): number {
  for (let end = 0; end < bytes.length; end += unit) {
    if (bytes[end] === 0 && bytes[end + unit - 1] === 0) return end;
  }
  return bytes.length;
}

/** With its lone surrogates, which TextDecoder replaces. */
function decodeUtf16(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf16le');
}

/** Some versions of Node take it for ISO-8859-1, which has no printable characters from 0x80 to 0x9F. */
function decodeWindows1252(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  return text.replaceAll(/[\x80-\x9f]/g, (control) => WINDOWS_1252.charAt(control.charCodeAt(0) - 0x80));
}

type Encode = (parameter: string, text: string) => Uint8Array;

function encoderFor(decoder: Decoder): Encode {
  const name = decoder.encoding;
  if (name === 'utf-16le') return (_, text) => Buffer.from(text, 'utf16le');
  if (name === 'utf-8') return encodeUtf8;
  const bytes = bytesOfCharacters(decoder);
  return (parameter, text) => {
    if (bytes === undefined) {
      throw new RangeError(`${parameter} cannot be written in ${name}, which can only be read: use utf-8 or utf-16le`);
    }
    return Uint8Array.from(Array.from(text, (character) => bytes.get(character) ?? refuse(parameter, name, character)));
  };
}

function encodeUtf8(parameter: string, text: string): Uint8Array {
  const surrogate = /\p{Surrogate}/u.exec(text);
  if (surrogate !== null) refuse(parameter, 'utf-8', surrogate[0]);
  return new TextEncoder().encode(text);
}

function refuse(parameter: string, encoding: string, character: string): never {
  const code = character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
  throw new RangeError(`${parameter} has the character U+${code}, which ${encoding} has not`);
}

/** The byte of each character of a single-byte encoding; `undefined` for any other. */
function bytesOfCharacters(decoder: Decoder): Map<string, number> | undefined {
  const characters = [...decoder.decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))];
  // Where characters take several bytes, some of these are parts of one.
  if (characters.length !== 256) return undefined;
  const bytes = new Map(characters.map((character, byte) => [character, byte]));
  bytes.delete('\ufffd');
  return bytes;
}
