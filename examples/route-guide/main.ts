/**
 * The route guide of gRPC's tutorials: a method of each of the four kinds, served and called. Any gRPC client could call
 * it as well; with `--serve PORT` it only serves, and describes itself to grpcurl.
 *
 * `npx tsx examples/route-guide/main.ts`
 */
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Channel, createClient, Server } from 'rocket-rpc';
import { routeGuide } from './guide.ts';
import { type Point, RouteGuide } from './routes.ts';

const { values } = parseArgs({ options: { serve: { type: 'string' } } });

await using server = new Server({ reflection: true });
server.addService(RouteGuide, routeGuide());
const { address } = await server.listen(`127.0.0.1:${values.serve ?? 0}`);

if (values.serve === undefined) await callAll(address);
else {
  console.log(`listening on ${address}`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

async function callAll(address: string): Promise<void> {
  await using channel = new Channel(`grpc://${address}`);
  const guide = createClient(RouteGuide, channel);

  const feature = await guide.getFeature({ latitude: 407838351, longitude: -746143763 });
  console.log(`a feature: ${feature.name}`);
  const nowhere = await guide.getFeature({});
  console.log(`nothing at 0, 0: ${JSON.stringify(nowhere.name)}`);

  const rectangle = {
    lo: { latitude: 400000000, longitude: -750000000 },
    hi: { latitude: 415000000, longitude: -730000000 },
  };
  for await (const { name } of guide.listFeatures(rectangle)) console.log(`in the rectangle: ${name}`);

  const summary = await guide.recordRoute(route());
  console.log(
    `a route: ${summary.pointCount} points, ${summary.featureCount} features, ${summary.distance} m`,
  );

  for await (const { message } of guide.routeChat(notes())) console.log(`said here before: ${message}`);
}

/** A walk that is sent while it goes on. */
async function* route(): AsyncGenerator<Point> {
  yield { latitude: 407838351, longitude: -746143763 };
  yield { latitude: 408122808, longitude: -743999179 };
  yield { latitude: 410000000, longitude: -740000000 };
}

async function* notes() {
  const [here, there] = [{ latitude: 1 }, { latitude: 2 }];
  yield { location: here, message: 'first' };
  yield { location: there, message: 'second' };
  yield { location: here, message: 'third' };
  yield { location: here, message: 'fourth' };
}
