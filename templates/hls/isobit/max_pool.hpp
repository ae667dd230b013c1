// Maximum of every window, channel by channel.
//
//   struct pool1 { static const int CHANNELS = 64, PE = 8, TAPS = 4, VECTORS = 64; typedef ap_uint<4> elem_t; };
//
// The input is a stream of windows (sliding_window.hpp): VECTORS times TAPS pixels of CF = CHANNELS / PE words.
// Schedule: II = 1, VECTORS * TAPS * CF cycles a frame, a word in every cycle; of every TAPS * CF cycles the last CF
// write a word each, so the first leaves in cycle (TAPS - 1) * CF. Cost: PE comparators.
#ifndef ISOBIT_MAX_POOL_HPP
#define ISOBIT_MAX_POOL_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void max_pool(hls::stream<lanes<typename Cfg::elem_t, Cfg::PE> >& in,
              hls::stream<lanes<typename Cfg::elem_t, Cfg::PE> >& out) {
  static_assert(Cfg::CHANNELS % Cfg::PE == 0, "PE divides CHANNELS");
  static const int CF = Cfg::CHANNELS / Cfg::PE;

  // Read again CF cycles after it was written: registers or memory as in depthwise.hpp.
  static const int BANKS = CF <= 4 ? CF : 1;
  static_assert(CF % BANKS == 0, "banks are equally deep");
  lanes<typename Cfg::elem_t, Cfg::PE> best[CF];
#pragma HLS AGGREGATE variable=best
#pragma HLS ARRAY_PARTITION variable=best cyclic factor=BANKS dim=1

  int cf = 0, tap = 0;
  for (int i = 0; i < Cfg::VECTORS * Cfg::TAPS * CF; ++i) {
#pragma HLS PIPELINE II=1
#pragma HLS DEPENDENCE variable=best type=inter direction=RAW distance=CF dependent=true
    const lanes<typename Cfg::elem_t, Cfg::PE> x = in.read();
    lanes<typename Cfg::elem_t, Cfg::PE> word = x;
#pragma HLS ARRAY_PARTITION variable=word.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      if (tap != 0 && best[cf][pe] > x[pe]) word[pe] = best[cf][pe];
    }
    best[cf] = word;
    if (tap == Cfg::TAPS - 1) out.write(word);
    if (++cf == CF) {
      cf = 0;
      tap = tap == Cfg::TAPS - 1 ? 0 : tap + 1;
    }
  }
}

}  // namespace isobit

#endif
