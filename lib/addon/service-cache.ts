// TEMPORARY stand-in until the native one is merged.
export interface ServiceListener {
  onChange(): void;
  onLead(): void;
}
export interface ServiceSubscription {
  snapshot(): { readonly version: number; readonly text: string } | undefined;
  publish(text: string): boolean;
  close(): void;
}
interface Entry {
  version: number;
  text: string | undefined;
  subs: { listener: ServiceListener }[];
}
const table = new Map<string, Entry>();
export function subscribeService(key: string, listener: ServiceListener): ServiceSubscription {
  let entry = table.get(key);
  if (entry === undefined) {
    entry = { version: 0, text: undefined, subs: [] };
    table.set(key, entry);
  }
  const e = entry;
  const sub = { listener };
  e.subs.push(sub);
  if (e.subs[0] === sub) setImmediate(() => e.subs.includes(sub) && listener.onLead());
  return {
    snapshot: () => (e.text === undefined ? undefined : { version: e.version, text: e.text }),
    publish(text) {
      if (e.subs[0] !== sub) return false;
      e.text = text;
      e.version++;
      for (const s of e.subs) setImmediate(() => e.subs.includes(s) && s.listener.onChange());
      return true;
    },
    close() {
      const lead = e.subs[0] === sub;
      e.subs = e.subs.filter((s) => s !== sub);
      if (e.subs.length === 0) table.delete(key);
      else if (lead) {
        const next = e.subs[0]!;
        setImmediate(() => next.listener.onLead());
      }
    },
  };
}
