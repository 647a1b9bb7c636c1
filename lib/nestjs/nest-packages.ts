/**
 * What is used of Nest's packages at run time. They are optional peer dependencies: without one of them `rocket-rpc/nestjs` cannot
 * be loaded, and Node.js names the first that is missing. By `import`, and not require(), which under a loader such as tsx
 * makes a second copy of them.
 */
export { Logger } from '@nestjs/common';
export { ClientProxy, Server as NestServer, ServerGrpc, Transport } from '@nestjs/microservices';
export { concat, isObservable, Observable, Subject, takeUntil } from 'rxjs';
