/**
 * The part of Nest's packages that is used at run time. They are optional peer dependencies: if one is missing,
 * `rocket-rpc/nestjs` cannot be loaded, and Node.js names the first that is missing. They are loaded by `import` and
 * not by require(), which would make a second copy of them under a loader such as tsx.
 */
export { Logger } from '@nestjs/common';
export { ClientProxy, Server as NestServer, ServerGrpc, Transport } from '@nestjs/microservices';
export { concat, isObservable, Observable, Subject, takeUntil } from 'rxjs';
