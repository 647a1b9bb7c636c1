const rocket = require('rocket-rpc');
const { greet } = require('./greet.mjs');

greet(rocket, 'CommonJS').then(console.log);
