import { expect, test } from 'vitest';
import { shortNativeName } from '../../lib/cli/flame/native-symbol.ts';

test.each([
  ['rocket::io::Connection::read_loop', 'rocket::io::Connection::read_loop'],
  [
    'rocket::io::Connection::read_loop(rocket::io::Connection*) [clone .actor]',
    'rocket::io::Connection::read_loop',
  ],
  ['asio::initiate.Frame.actor.lto_priv.0.cold', 'asio::initiate'],
  ['tcp_rcv.part.0', 'tcp_rcv'],
  ['finish_task_switch.isra.0', 'finish_task_switch'],
  ['pthread_cond_signal@@GLIBC_2.3.2', 'pthread_cond_signal'],
  ['malloc@plt', 'malloc@plt'],
  [
    'asio::detail::wait_op<asio::handler<asio::any_io_executor> >::do_complete',
    'asio::detail::wait_op<>::do_complete',
  ],
  ['asio::await_transform<void>', 'asio::await_transform'],
  ['foo::operator()', 'foo::operator()'],
  ['foo<a>::operator<', 'foo<>::operator<'],
  ['foo::operator<<', 'foo::operator<<'],
  ['std::unique_ptr<int>::operator->', 'std::unique_ptr<>::operator->'],
  ['std::vector<int, std::allocator<int> >::size() const', 'std::vector<>::size'],
  ['v8::internal::(anonymous namespace)::Invoke', 'v8::internal::(anonymous namespace)::Invoke'],
  ['node::f(v8::Info<v8::Value> const&)::{lambda(void*)#1}::_FUN', 'node::f::{lambda()#1}::_FUN'],
  [
    'rocket::io::IoThread::wake()::{lambda()#12}::operator()',
    'rocket::io::IoThread::wake::{lambda()#12}::operator()',
  ],
  [
    'std::thread::_State_impl<std::thread::_Invoker<std::tuple<rocket::io::IoThread::IoThread(std::string, unsigned int)::{lambda()#1}> > >::_M_run',
    'std::thread(rocket::io::IoThread::IoThread)',
  ],
])('%s becomes %s', (symbol, shown) => {
  expect(shortNativeName(symbol)).toBe(shown);
});
