import type { Handlers } from 'rocket-rpc';
import type { Feature, Point, Rectangle, RouteGuide, RouteNote } from './routes.ts';

const features: readonly Feature[] = [
  { name: 'Patriots Path, Mendham, NJ 07945, USA', location: { latitude: 407838351, longitude: -746143763 } },
  {
    name: '101 New Jersey 10, Whippany, NJ 07981, USA',
    location: { latitude: 408122808, longitude: -743999179 },
  },
  { name: 'U.S. 6, Shohola, PA 18458, USA', location: { latitude: 413628156, longitude: -749015468 } },
  {
    name: '5 Conners Road, Kingston, NY 12401, USA',
    location: { latitude: 419999544, longitude: -740371136 },
  },
];

const at = ({ latitude = 0, longitude = 0 }: Point): string => `${latitude},${longitude}`;
const byPoint = new Map(features.map((feature) => [at(feature.location ?? {}), feature]));

/** The service of route_guide.proto, with a handler of each kind. */
export function routeGuide(): Handlers<typeof RouteGuide> {
  /** What was said at each point. */
  const notes = new Map<string, RouteNote[]>();
  return {
    getFeature: (point) => byPoint.get(at(point)) ?? { location: point },

    async *listFeatures(rectangle) {
      for (const feature of features) if (isIn(rectangle, feature.location ?? {})) yield feature;
    },

    async recordRoute(points) {
      const began = performance.now();
      let [pointCount, featureCount, distance] = [0, 0, 0];
      let last: Point | undefined;
      for await (const point of points) {
        pointCount++;
        if (byPoint.has(at(point))) featureCount++;
        if (last !== undefined) distance += metresBetween(last, point);
        last = point;
      }
      const elapsedTime = Math.round((performance.now() - began) / 1000);
      return { pointCount, featureCount, distance: Math.round(distance), elapsedTime };
    },

    async *routeChat(received) {
      for await (const note of received) {
        const here = at(note.location ?? {});
        const before = notes.get(here) ?? [];
        yield* before;
        notes.set(here, [...before, note]);
      }
    },
  };
}

function isIn({ lo = {}, hi = {} }: Rectangle, { latitude = 0, longitude = 0 }: Point): boolean {
  const between = (value: number, one = 0, other = 0): boolean =>
    value >= Math.min(one, other) && value <= Math.max(one, other);
  return between(latitude, lo.latitude, hi.latitude) && between(longitude, lo.longitude, hi.longitude);
}

/** By the haversine formula. */
function metresBetween(from: Point, to: Point): number {
  const radians = (e7 = 0): number => (e7 / 1e7) * (Math.PI / 180);
  const [a, b] = [radians(from.latitude), radians(to.latitude)];
  const half = (angle: number): number => Math.sin(angle / 2) ** 2;
  const h = half(b - a) + Math.cos(a) * Math.cos(b) * half(radians(to.longitude) - radians(from.longitude));
  return 2 * 6_371_000 * Math.asin(Math.sqrt(h));
}
