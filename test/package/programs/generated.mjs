import * as rocket from 'rocket-rpc';
import * as generated from './gen/greeter.js';
import { greet } from './greet.mjs';

console.log(await greet(rocket, 'rocket gen', generated));
