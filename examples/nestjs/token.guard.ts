import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';

/** UNAUTHENTICATED in the table of gRPC's statuses. */
const unauthenticated = 16;

/** Refuses callers without a token. */
@Injectable()
export class TokenGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const metadata = context.switchToRpc().getContext<{ get(key: string): unknown[] }>();
    if (metadata.get('token')[0] === 'secret') return true;
    throw new RpcException({ code: unauthenticated, message: 'no token that we know' });
  }
}
