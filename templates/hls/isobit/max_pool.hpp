// Maximum of every window, channel by channel.
//
//   struct pool1 { static const int CHANNELS = 64, PE = 8, TAPS = 4, VECTORS = 64; typedef ap_uint<4> elem_t; };
//
// The input is a stream of windows (sliding_window.hpp): VECTORS times TAPS pixels of CF = CHANNELS / PE words, or of
// PE / CHANNELS whole pixels a word, which divide TAPS: then CF = 1.
// Schedule: II = 1, VECTORS * TAPS * CHANNELS / PE cycles a frame, a word in every cycle; of every vector's cycles the
// last CF write a word each. Cost: PE comparators.
#ifndef ISOBIT_MAX_POOL_HPP
#define ISOBIT_MAX_POOL_HPP

#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
void max_pool(hls::stream<lanes<typename Cfg::elem_t, Cfg::PE> >& in,
              hls::stream<lanes<typename Cfg::elem_t, min_of(Cfg::PE, Cfg::CHANNELS)> >& out) {
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a pixel, or whole ones");
  static const int CF = max_of(Cfg::CHANNELS / Cfg::PE, 1);
  static const int PIXELS = max_of(Cfg::PE / Cfg::CHANNELS, 1);
  static const int WIDTH = min_of(Cfg::PE, Cfg::CHANNELS);  // lanes of a pixel
  static const int WORDS = Cfg::TAPS / PIXELS;
  static_assert(Cfg::TAPS % PIXELS == 0, "windows are whole words");

  // Read again CF cycles after it was written: registers or memory as in depthwise.hpp.
  static const int BANKS = CF <= 4 ? CF : 1;
  static_assert(CF % BANKS == 0, "banks are equally deep");
  typename Cfg::elem_t best[CF][WIDTH];
#pragma HLS ARRAY_RESHAPE variable=best complete dim=2
#pragma HLS ARRAY_PARTITION variable=best cyclic factor=BANKS dim=1

  typename counter<CF>::type cf = 0;
  typename counter<WORDS>::type pixel = 0;  // of the window, by words
  for (int i = 0; i < Cfg::VECTORS * WORDS * CF; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
#pragma HLS DEPENDENCE variable=best type=inter direction=RAW distance=CF dependent=true
    const lanes<typename Cfg::elem_t, Cfg::PE> x = in.read();
    lanes<typename Cfg::elem_t, WIDTH> word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
    for (int pe = 0; pe < WIDTH; ++pe) {
#pragma HLS UNROLL
      typename Cfg::elem_t top = x[pe];
      for (int p = 1; p < PIXELS; ++p) {
#pragma HLS UNROLL
        if (x[p * WIDTH + pe] > top) top = x[p * WIDTH + pe];
      }
      word[pe] = pixel != 0 && best[cf][pe] > top ? best[cf][pe] : top;
    }
    keep(word, best[cf]);
    if (pixel == WORDS - 1) out.write(word);
    if (cf == CF - 1) pixel = successor(pixel, WORDS);
    cf = successor(cf, CF);
  }
}

}  // namespace isobit

#endif
