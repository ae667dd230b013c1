// A block: what the windows of SAMPLES adjacent positions cover, in one word.
//
//   struct block1 { static const int SAMPLES = 4, CHANNELS = 8, KH = 3, KW = 3, SW = 1, DW = 1; };
//
// KH rows (those the kernel meets) of COLUMNS pixels (from the first window's first to the last window's last), a pixel
// after the other. Neighbouring windows share pixels: a block is narrower than its windows one by one.
#ifndef ISOBIT_BLOCK_HPP
#define ISOBIT_BLOCK_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
struct block {
  static_assert(Cfg::SAMPLES >= 1, "a block has a window");
  static const int COLUMNS = (Cfg::SAMPLES - 1) * Cfg::SW + (Cfg::KW - 1) * Cfg::DW + 1;
  static const int TAPS = Cfg::KH * Cfg::KW;
  static const int LANES = Cfg::KH * COLUMNS * Cfg::CHANNELS;

  // The first lane of a window's tap.
  static constexpr int lane(int sample, int tap) {
    return (tap / Cfg::KW * COLUMNS + sample * Cfg::SW + tap % Cfg::KW * Cfg::DW) * Cfg::CHANNELS;
  }
};

}  // namespace isobit

#endif
