import { describe, expect, it } from '@jest/globals';
import { joinRows, NO_KEY, NO_ROW, rowKey, rowKeys } from './row-key.js';

const keysOf = (...keys: string[]): Uint32Array => Uint32Array.from(keys, rowKey);

describe('the key of a row', () => {
  it('is the same for equal texts alone', () => {
    const keys = keysOf(...Array.from({ length: 10_000 }, (_, i) => `2001-01-29T10:05:00 ATL-DFW#${i}`));
    expect(new Set(keys).size).toBeGreaterThan(9_998);
    expect(rowKey('a')).toBe(rowKey('a'));
    expect([rowKey('a'), rowKey('ä'), rowKey('あ')].every((key) => key !== NO_KEY)).toBe(true);
    expect(rowKey('')).toBe(NO_KEY);
  });

  it('is that of the text, however the text comes', () => {
    const texts = [['2001-01-29T10:05:00 ATL-DFW', '', 'ä', '\uFEFF𝄞 clef'], ['a']];
    const packed = texts.map((part) => ({
      bytes: new Uint8Array(Buffer.from(part.join(''))),
      lengths: part.map((text) => Buffer.byteLength(text)).join(','),
    }));
    expect([...rowKeys(packed)]).toEqual(texts.flat().map(rowKey));
    expect([...rowKeys([])]).toEqual([]);
  });
});

describe('served rows and rows of a batch', () => {
  it('are joined by key, in any order and as often as a row was asked about', () => {
    expect([...joinRows(keysOf('c', 'a', 'c', 'x'), keysOf('a', 'b', 'c'))]).toEqual([2, 0, 2, NO_ROW]);
  });

  it('are not joined by a key that several rows of the batch have, nor by none', () => {
    expect([...joinRows(keysOf('a', 'b', ''), keysOf('a', 'b', 'a', 'a', ''))]).toEqual([NO_ROW, 1, NO_ROW]);
    expect([...joinRows(keysOf('a'), keysOf())]).toEqual([NO_ROW]);
  });

  it('are all found among many', () => {
    const batch = Array.from({ length: 5_000 }, (_, i) => `row-${i}`);
    const served = [...batch].reverse();
    const joined = joinRows(keysOf(...served), keysOf(...batch));
    expect([...joined].filter((row, i) => row !== 4_999 - i)).toEqual([]);
  });
});
