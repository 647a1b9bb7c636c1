import * as rocket from 'rocket-rpc';
import { greet } from './greet.mjs';

console.log(await greet(rocket, 'ESM'));
