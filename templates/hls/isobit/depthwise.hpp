// Depthwise matrix-vector unit: acc[c] = sum over taps t of weight[t][c] * x[t][c], for every window.
//
//   struct dw1 {
//     static const int CHANNELS = 64, PE = 8, TAPS = 9, VECTORS = 256;
//     typedef ap_uint<8> in_t;  typedef ap_int<4> weight_t;  typedef ap_int<16> acc_t;
//   };
//
// The input is a stream of windows (sliding_window.hpp): VECTORS times TAPS pixels of CF = CHANNELS / PE words, or of
// PIXELS = PE / CHANNELS whole pixels a word, which divide TAPS: then CF = 1, and they are summed at once.
// Weights: row t * CF + cf holds tap t of channels cf * PE .. cf * PE + PE - 1, or row r the taps of word r (rom.hpp).
// A global sum takes TAPS = H * W.
// acc_t must hold the running sum after every tap, not only the last one.
// Schedule: II = 1, VECTORS * TAPS * CHANNELS / PE cycles a frame, a word in every cycle; of every vector's cycles the
// last CF write a word each. Cost: PE multipliers.
#ifndef ISOBIT_DEPTHWISE_HPP
#define ISOBIT_DEPTHWISE_HPP

#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg, class Word, int WORDS>
void depthwise(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
               hls::stream<lanes<typename Cfg::acc_t, min_of(Cfg::PE, Cfg::CHANNELS)> >& out,
               const Word (&weights)[Cfg::TAPS * Cfg::CHANNELS / Cfg::PE][WORDS]) {
#pragma HLS ARRAY_RESHAPE variable=weights complete dim=2
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a pixel, or whole ones");
  static const int CF = max_of(Cfg::CHANNELS / Cfg::PE, 1);
  static const int PIXELS = max_of(Cfg::PE / Cfg::CHANNELS, 1);
  static const int WIDTH = min_of(Cfg::PE, Cfg::CHANNELS);  // lanes of a pixel
  static const int ROWS = Cfg::TAPS * Cfg::CHANNELS / Cfg::PE;
  static_assert(Cfg::TAPS % PIXELS == 0, "windows are whole words");
  static const int PRODUCT_WIDTH = product_width<typename Cfg::in_t, typename Cfg::weight_t>::VALUE;
  static const int SUM_WIDTH = 1 + max_of(PRODUCT_WIDTH, signed_width<typename Cfg::acc_t>::VALUE);
  typedef typename working<SUM_WIDTH>::type sum_t;

  // A running sum is read again CF cycles after it was written. A memory takes two or three cycles for that, so up to
  // 4 folds live in registers; beyond, the tool is told the distance.
  static const int BANKS = CF <= 4 ? CF : 1;
  static_assert(CF % BANKS == 0, "banks are equally deep");
  typename Cfg::acc_t acc[CF][WIDTH];
#pragma HLS ARRAY_RESHAPE variable=acc complete dim=2
#pragma HLS ARRAY_PARTITION variable=acc cyclic factor=BANKS dim=1

  typename counter<CF>::type cf = 0;
  typename counter<ROWS>::type row = 0;
  for (int i = 0; i < Cfg::VECTORS * ROWS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
#pragma HLS DEPENDENCE variable=acc type=inter direction=RAW distance=CF dependent=true
    const lanes<typename Cfg::in_t, Cfg::PE> x = in.read();
    lanes<typename Cfg::acc_t, WIDTH> word;
#pragma HLS ARRAY_PARTITION variable=word.data complete
    for (int pe = 0; pe < WIDTH; ++pe) {
#pragma HLS UNROLL
      sum_t sum = 0;
      if (row >= CF) sum = acc[cf][pe];
      for (int p = 0; p < PIXELS; ++p) {
#pragma HLS UNROLL
        sum += product_of<sum_t>(x[p * WIDTH + pe],
                                 from_row<typename Cfg::weight_t, Cfg::PE>(weights[row], p * WIDTH + pe));
      }
      ISOBIT_CHANNEL(cf * WIDTH + pe);
      word[pe] = typename Cfg::acc_t(sum);
    }
    keep(word, acc[cf]);
    if (row >= ROWS - CF) out.write(word);
    cf = successor(cf, CF);
    row = successor(row, ROWS);
  }
}

}  // namespace isobit

#endif
