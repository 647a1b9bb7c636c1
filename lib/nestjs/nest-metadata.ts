import { Metadata } from '../contract/metadata.ts';
import type { MetadataValue } from '../contract/metadata-value.ts';
import { kindOf } from '../contract/value-text.ts';

/** A value of GrpcMetadata: a Buffer where the key ends in `-bin`, a string otherwise. */
export type GrpcMetadataValue = string | Buffer;

/**
 * Metadata with the methods of grpc-js's class, for which Nest's controllers and guards are written: `get()` returns
 * all values of a key.
 */
export class GrpcMetadata {
  /** The metadata of a call; read at the first use. */
  #read: (() => Metadata) | undefined;
  #pairs: Metadata | undefined;

  /** Empty, or with the pairs of a Metadata of rocket-rpc, which is copied when it is first used. */
  constructor(init?: Metadata | (() => Metadata)) {
    this.#read = typeof init === 'function' ? init : () => new Metadata(init);
  }

  /** The same pairs as a Metadata of rocket-rpc; both show changes of either. */
  get pairs(): Metadata {
    if (this.#pairs === undefined) {
      this.#pairs = new Metadata(this.#read?.());
      this.#read = undefined;
    }
    return this.#pairs;
  }

  /** Sets the only value of a key. @throws TypeError for a wrong key or value. */
  set(key: string, value: GrpcMetadataValue): void {
    this.pairs.set(key, value as MetadataValue<string>);
  }

  /** Adds a value to those of a key. @throws TypeError as set() does. */
  add(key: string, value: GrpcMetadataValue): void {
    this.pairs.append(key, value as MetadataValue<string>);
  }

  /** Removes all values of a key. */
  remove(key: string): void {
    this.pairs.delete(key);
  }

  /** All values of a key; empty if there is none. */
  get(key: string): GrpcMetadataValue[] {
    return this.pairs.getAll(key).map(asBuffer);
  }

  /** The first value of each key. */
  getMap(): Record<string, GrpcMetadataValue> {
    const first = new Map<string, GrpcMetadataValue>();
    for (const [key, value] of this.pairs) if (!first.has(key)) first.set(key, asBuffer(value));
    return Object.fromEntries(first);
  }

  /** A copy. */
  clone(): GrpcMetadata {
    return new GrpcMetadata(this.pairs);
  }

  /** Adds all values of another one. */
  merge(other: GrpcMetadata): void {
    for (const [key, value] of other.pairs) this.add(key, asBuffer(value));
  }

  /** As toJSON(). `Metadata.fromHttp2Headers()` of grpc-js makes its own Metadata of it. */
  toHttp2Headers(): Record<string, GrpcMetadataValue[]> {
    return this.toJSON();
  }

  /** All values by their keys. */
  toJSON(): Record<string, GrpcMetadataValue[]> {
    const keys = new Set([...this.pairs].map(([key]) => key));
    return Object.fromEntries([...keys].map((key) => [key, this.get(key)]));
  }
}

function asBuffer(value: string | Uint8Array): GrpcMetadataValue {
  return typeof value === 'string' ? value : Buffer.from(value);
}

/** The part of grpc-js's Metadata that is used here. */
interface MetadataOfGrpcJs {
  getMap(): Record<string, unknown>;
  get(key: string): (string | Uint8Array)[];
}

/** Whether it is metadata of this package, of rocket-rpc or of grpc-js. */
export function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Metadata || value instanceof GrpcMetadata) return true;
  const { getMap, get } = value as Partial<MetadataOfGrpcJs>;
  return typeof getMap === 'function' && typeof get === 'function';
}

/** @throws TypeError for anything but metadata, and for values that cannot be sent. */
export function metadataOf(value: unknown): Metadata {
  if (value instanceof Metadata) return value;
  if (value instanceof GrpcMetadata) return value.pairs;
  if (!isMetadata(value))
    throw new TypeError(
      `metadata is a GrpcMetadata, a Metadata of rocket-rpc or one of grpc-js, not ${kindOf(value)}`,
    );
  const given = value as MetadataOfGrpcJs;
  const pairs = new Metadata();
  for (const key of Object.keys(given.getMap()))
    for (const each of given.get(key)) pairs.append(key, each as MetadataValue<string>);
  return pairs;
}
