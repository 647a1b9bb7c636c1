#include "log/gatherer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "log/line.h"

namespace rocket::log {

namespace {

/// Time for a thread to finish the line it is writing.
constexpr Millis kBusyRetry{1};
/// Room in a batch for the line about dropped lines.
constexpr std::size_t kNoteBytes = 512;

}  // namespace

void Gatherer::run() {
  parts_.crash_pause.set_gatherer();
  const Millis gather_every = parts_.options.gather_every;
  const Ending& ending = parts_.ending;
  Millis pause = gather_every;
  SteadyMs now = steady_now_ms();
  bool stopping = false;
  for (;;) {
    parts_.gatherer_wake.wait(parts_.flushes.until_next(now, pause), [&] { return ending.stopping() && !stopping; });
    stopping = ending.stopping();
    const Left left = gather();
    if ((stopping && pushed_ >= ending.last_ticket()) || ending.abandoned()) break;
    // For lack of room: the writer wakes the gatherer when it has made some.
    pause = left == Left::kForNow ? kBusyRetry : gather_every;
    now = steady_now_ms();
    parts_.flushes.expire(now);
  }
  parts_.writer_wake.end();
}

Gatherer::Left Gatherer::gather() {
  parts_.crash_pause.begin_gathering();
  const std::uint64_t asked = parts_.flushes.asked();
  parts_.buffers.refresh();
  begin_flush(asked);
  const Turns turns = take_turns();
  auto batch = empty_buffers(turns);
  if (turns.refused != nullptr) parts_.buffers.put_first(*turns.refused);
  if (parts_.buffers.lines_dropped() > dropped_noted_) parts_.losses.on_dropped(parts_.disk.reason());
  const bool flushes = completes_flush();
  // Not into a full queue, because nothing else would limit the number of such lines; but a flush is not done before
  // the losses are reported.
  if (turns.left == Left::kNothing || flushes ||
      (!turns.ready.empty() && fits(turns.bytes + kNoteBytes, turns.bytes))) {
    note_drops(*batch);
  }
  if (flushes) batch->flush_ticket = pushed_ = flushing_;
  if (batch->size > 0 || flushes) {
    parts_.room.take(batch->size);
    parts_.queue.push(std::move(batch));
    parts_.writer_wake.notify();
  }
  if (!turns.gone.empty()) parts_.buffers.forget(turns.gone);
  parts_.crash_pause.end_gathering();
  if (!turns.ready.empty()) parts_.gatherer_wake.tell_of_room();
  const bool asked_meanwhile = asked > flushing_;
  return turns.left == Left::kNothing && asked_meanwhile ? Left::kForNow : turns.left;
}

/// One at a time: flushes requested meanwhile are handled next.
void Gatherer::begin_flush(std::uint64_t ticket) {
  if (ticket <= flushing_ || flushing_ != pushed_) return;
  flushing_ = ticket;
  for (const auto& buffer : parts_.buffers.all()) buffer->owe_all();
}

Gatherer::Turns Gatherer::take_turns() {
  Turns turns;
  for (const auto& buffer : parts_.buffers.all()) {
    // Read before its turn: the lines in it then are all there will be.
    const bool was_gone = buffer->gone();
    bool more = false;
    const auto turn = buffer->turn(more);
    if (turn == Buffer::Turn::kEmpty && was_gone) turns.gone.push_back(buffer);
    if (turn == Buffer::Turn::kBusy) turns.left = Left::kForNow;
    if (turn != Buffer::Turn::kReady) continue;
    // Nor the ones after it, however small: they would take its room each time.
    if (turns.refused != nullptr) continue;
    const std::size_t wanted = turns.bytes + buffer->ready().size();
    if (!fits(wanted, turns.bytes)) {
      parts_.room.want();
      if (!fits(wanted, turns.bytes)) {
        if (turns.left == Left::kNothing) turns.left = Left::kForLackOfRoom;
        turns.refused = buffer.get();
        continue;
      }
    }
    if (more) turns.left = Left::kForNow;
    turns.bytes = wanted;
    turns.ready.push_back(buffer.get());
  }
  return turns;
}

bool Gatherer::fits(std::size_t bytes, std::size_t queued) const {
  const std::size_t taken = parts_.room.taken();
  // A half larger than the queue passes through it alone.
  return taken + bytes <= parts_.options.queue_bytes || (taken == 0 && queued == 0);
}

std::unique_ptr<Batch> Gatherer::empty_buffers(const Turns& turns) {
  auto batch = std::make_unique<Batch>(turns.bytes + kNoteBytes);
  for (Buffer* buffer : turns.ready) {
    const auto text = buffer->ready();
    std::memcpy(batch->text.get() + batch->size, text.data(), text.size());
    batch->size += text.size();
    batch->lines += static_cast<std::uint64_t>(buffer->ready_lines());
    buffer->release();
  }
  lines_.fetch_add(batch->lines, std::memory_order_relaxed);
  return batch;
}

bool Gatherer::completes_flush() const {
  const auto& buffers = parts_.buffers.all();
  return flushing_ > pushed_ &&
         std::none_of(buffers.begin(), buffers.end(), [](const auto& buffer) { return buffer->owes(); });
}

/// Lines that were dropped are reported as soon as there is room again: in the batch that makes it.
void Gatherer::note_drops(Batch& batch) {
  const std::uint64_t dropped = parts_.buffers.lines_dropped();
  if (dropped <= dropped_noted_) return;
  const std::string message = std::to_string(dropped - dropped_noted_) +
                              " lines were dropped: they came faster than they could be written (options bufferBytes, "
                              "queueBytes, whenFull)";
  const Line line{.level = Level::kWarn,
                  .unix_ms = parts_.files->unix_ms(),
                  .tid = thread_id(),
                  .msg_id = {},
                  .method = {},
                  .file = {},
                  .line = 0,
                  .message = message};
  const std::size_t size =
      write_line({batch.text.get() + batch.size, batch.capacity - batch.size}, parts_.options.format, line);
  if (size == 0) return;
  batch.size += size;
  dropped_noted_ = dropped;
}

}  // namespace rocket::log
