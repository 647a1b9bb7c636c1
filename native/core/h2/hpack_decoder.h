#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "h2/dynamic_table.h"
#include "h2/field.h"
#include "h2/static_table.h"

namespace rocket::h2 {

enum class HpackError : std::uint8_t {
  kNone,
  kTruncated,      ///< the block ends inside a field
  kBadInteger,     ///< over 32 bits
  kBadIndex,       ///< 0, or past the end of the dynamic table
  kBadHuffman,     ///< see decode_huffman()
  kBadTableSize,   ///< larger than we have announced
  kLateTableSize,  ///< a change of the table's size after a field
  kNoMemory,
  kStopped,  ///< by the visitor
};
const char* name_of(HpackError error);

/// Memory for decoded strings that enter no table. One serves all decoders of a thread.
class HpackScratch {
 public:
  /// Room for `bytes`, without the previous contents. Null if there is no memory.
  std::uint8_t* room(std::size_t bytes) {
    return bytes <= block_.size() || block_.try_grow(bytes) ? block_.data() : nullptr;
  }

 private:
  OwnedBytes block_;
};

/// Decodes header blocks of one connection (RFC 7541).
class HpackDecoder {
 public:
  explicit HpackDecoder(TagOf tag_of = nullptr) : tag_of_(tag_of) {}

  /// Calls `visit(const Field&)` for each field of a whole block. After an error the connection cannot be used any
  /// more.
  ///
  /// Only fields that enter the table are copied, so the cost depends on the length of the block, not on the length of
  /// the decoded fields: counting and dropping fields over a limit is the visitor's task.
  template <class Visit>
  HpackError decode(ByteSpan block, HpackScratch& scratch, Visit&& visit) {
    Cursor in{block.data(), block.data() + block.size()};
    Field field;
    bool fields = false;
    while (in.at != in.end) {
      const std::uint8_t first = *in.at;
      if ((first & 0x80) != 0) {
        std::uint32_t index = first & 0x7f;
        ++in.at;
        if (index == 0x7f)
          if (const auto error = read_rest(in, index); error != HpackError::kNone) return error;
        if (!get(index, field)) return HpackError::kBadIndex;
      } else if ((first & 0xe0) == 0x20) {
        if (fields) return HpackError::kLateTableSize;
        if (const auto error = change_size(in); error != HpackError::kNone) return error;
        continue;
      } else if (const auto error = read_literal(in, scratch, field); error != HpackError::kNone) {
        return error;
      }
      fields = true;
      if (!visit(static_cast<const Field&>(field))) return HpackError::kStopped;
    }
    return HpackError::kNone;
  }

  const DynamicTable& table() const { return table_; }

 private:
  struct Cursor {
    const std::uint8_t* at;
    const std::uint8_t* end;
    std::uint8_t* scratch = nullptr;  ///< null until it is needed; then enough for the rest of the block

    std::size_t left() const { return static_cast<std::size_t>(end - at); }
  };

  bool get(std::uint32_t index, Field& out) const {
    if (index - 1 < kStaticTable.size()) {
      const auto& entry = kStaticTable[index - 1];
      out = {entry.name, entry.value, entry.tag};
      if (entry.tag == Tag::kOther && tag_of_ != nullptr) out.tag = tag_of_(entry.name);
      return true;
    }
    if (index == 0 || index - kStaticTable.size() - 1 >= table_.count()) return false;
    table_.get(index - static_cast<std::uint32_t>(kStaticTable.size()) - 1, out);
    return true;
  }

  static HpackError read_rest(Cursor& in, std::uint32_t& value);
  static HpackError read_integer(Cursor& in, std::uint8_t mask, std::uint32_t& value);
  static HpackError read_string(Cursor& in, HpackScratch& scratch, std::string_view& out);
  HpackError read_literal(Cursor& in, HpackScratch& scratch, Field& out);
  HpackError change_size(Cursor& in);

  DynamicTable table_;
  TagOf tag_of_;
};

}  // namespace rocket::h2
