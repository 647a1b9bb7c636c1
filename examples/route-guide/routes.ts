import { fileURLToPath } from 'node:url';
import { type Bidi, type ClientStream, loadProto, type ServerStream, type Unary } from 'rocket-rpc';

/** The types of route_guide.proto. */
export interface Point {
  latitude?: number;
  longitude?: number;
}

export interface Rectangle {
  lo?: Point;
  hi?: Point;
}

export interface Feature {
  name?: string;
  location?: Point;
}

export interface RouteNote {
  location?: Point;
  message?: string;
}

export interface RouteSummary {
  pointCount?: number;
  featureCount?: number;
  distance?: number;
  elapsedTime?: number;
}

interface Services {
  RouteGuide: {
    getFeature: Unary<Point, Feature>;
    listFeatures: ServerStream<Rectangle, Feature>;
    recordRoute: ClientStream<Point, RouteSummary>;
    routeChat: Bidi<RouteNote, RouteNote>;
  };
}

const file = fileURLToPath(new URL('route_guide.proto', import.meta.url));
export const { RouteGuide } = loadProto<Services>(file);
